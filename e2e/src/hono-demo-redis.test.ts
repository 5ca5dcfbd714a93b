import { afterAll } from 'vitest';
import { testCookies } from './demo-cookies-suite.ts';
import { testRedisDeath } from './demo-redis-death-suite.ts';
import { testRoutes } from './demo-routes-suite.ts';
import { honoDemo } from './hono-demo.ts';
import { startRedis } from './redis-server.ts';

const redis = await startRedis();
afterAll(() => redis.dispose());
const onRedis = { ...honoDemo, env: { SESSION_REDIS_URL: redis.url } };

testRoutes(onRedis, 'redis');
testCookies(onRedis, 'redis');
testRedisDeath(honoDemo);
