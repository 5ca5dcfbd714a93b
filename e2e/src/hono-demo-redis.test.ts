import { afterAll } from 'vitest';
import { testCookies } from './demo-cookies-suite.ts';
import { testFlicker } from './demo-flicker-suite.ts';
import { testRaces } from './demo-races-suite.ts';
import { testRedisDeath } from './demo-redis-death-suite.ts';
import { testRotation } from './demo-rotation-suite.ts';
import { testRoutes } from './demo-routes-suite.ts';
import { honoDemo } from './hono-demo.ts';
import { startRedis } from './redis-server.ts';

const redis = await startRedis();
afterAll(() => redis.dispose());
const onRedis = { ...honoDemo, env: { SESSION_REDIS_URL: redis.url } };

testRoutes(onRedis, 'redis');
testCookies(onRedis, 'redis');
testRotation(onRedis, 'redis');
testFlicker(onRedis, ['redis']);
testRaces(onRedis, 'redis');
testRedisDeath(honoDemo);
