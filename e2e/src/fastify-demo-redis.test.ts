import { afterAll } from 'vitest';
import { testCookies } from './demo-cookies-suite.ts';
import { testFlicker, testFlickerControl, testKills } from './demo-flicker-suite.ts';
import { testRaces } from './demo-races-suite.ts';
import { testRedisDeath } from './demo-redis-death-suite.ts';
import { testRoutes } from './demo-routes-suite.ts';
import { fastifyDemo } from './fastify-demo.ts';
import { startRedis } from './redis-server.ts';

const redis = await startRedis();
afterAll(() => redis.dispose());
const onRedis = { ...fastifyDemo, env: { SESSION_REDIS_URL: redis.url } };

testRoutes(onRedis, 'redis');
testCookies(onRedis, 'redis');
testFlicker(onRedis, 'redis');
testFlickerControl(onRedis);
testKills(onRedis, 'redis');
testRaces(onRedis, 'redis');
testRedisDeath(fastifyDemo);
