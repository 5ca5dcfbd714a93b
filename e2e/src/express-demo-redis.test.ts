import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testBreaking } from './demo-breaking-suite.ts';
import { testCookies } from './demo-cookies-suite.ts';
import { testFlicker, testKills } from './demo-flicker-suite.ts';
import { testRaces } from './demo-races-suite.ts';
import { testRotation } from './demo-rotation-suite.ts';
import { testRoutes } from './demo-routes-suite.ts';
import { expressDemo } from './express-demo.ts';
import { Visitor, newcomer, objectIn, send } from './http-client.ts';
import { startRedis } from './redis-server.ts';
import { type RunningDemo, runDemo, startDemo } from './start-demo.ts';

const redis = await startRedis();
afterAll(() => redis.dispose());
const onRedis = { ...expressDemo, env: { SESSION_REDIS_URL: redis.url } };

testRoutes(onRedis, 'redis');
testCookies(onRedis, 'redis');
testRotation(onRedis, 'redis');
testFlicker(onRedis, 'redis');
testKills(onRedis, 'redis');
testRaces(onRedis, 'redis');
testBreaking(onRedis, 'redis');

describe('two Express demos that share nothing but Redis', () => {
  const hosts: RunningDemo[] = [];
  beforeAll(async () => {
    // The secret is part of what hosts are configured with: without one, each makes its own.
    const env = { SECRET_KEY: randomBytes(32).toString('hex') };
    for (let count = 0; count < 2; count += 1) {
      hosts.push(await startDemo(onRedis, { store: 'redis', workers: 2, env }));
    }
  }, 40_000);
  afterAll(async () => void (await Promise.all(hosts.map((host) => host.stop()))));

  const visitorsOf = (cookieOf: Visitor): Visitor[] =>
    hosts.map(({ url }) => {
      const visitor = new Visitor(url);
      visitor.jar.apply([cookieOf.jar.header() ?? '']);
      return visitor;
    });
  const login = async (): Promise<{ user: string; visitor: Visitor }> => {
    const user = newcomer('Ada');
    const visitor = new Visitor(String(hosts[0]?.url));
    await visitor.login(user);
    return { user, visitor };
  };

  test('a login on one is known to every worker of both', { timeout: 30_000 }, async () => {
    const { user, visitor } = await login();
    const answeredBy = new Set<unknown>();
    for (const there of visitorsOf(visitor)) {
      for (let count = 0; count < 4; count += 1) {
        const me = await there.me();
        expect(me).toMatchObject({ user, store: 'redis' });
        answeredBy.add(me['pid']);
      }
    }
    expect(answeredBy.size).toBe(4);
    expect(new Set(hosts.map(({ sessionDirectory }) => sessionDirectory)).size).toBe(2);
  });

  test('200 counts over both are exactly 200', { timeout: 30_000 }, async () => {
    const { visitor } = await login();
    const cookie = visitor.jar.header();
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => send(`${hosts[index % 2]?.url}/api/count`, { method: 'POST', cookie })),
    );
    expect(answers.filter(({ status }) => status !== 200).map(({ text }) => text)).toEqual([]);
    expect(new Set(answers.map((answer) => objectIn(answer)['views'])).size).toBe(200);
    for (const there of visitorsOf(visitor)) expect(await there.me()).toMatchObject({ views: 200 });
  });

  test('a logout on one is one on the other, and so is a revocation', { timeout: 30_000 }, async () => {
    const first = await login();
    const [, there] = visitorsOf(first.visitor);
    expect((await first.visitor.post('/api/logout')).status).toBe(200);
    expect(await there?.me()).toMatchObject({ user: null, keys: [] });

    const second = await login();
    const [, elsewhere] = visitorsOf(second.visitor);
    const phone = new Visitor(String(hosts[1]?.url));
    await phone.login(second.user);
    expect(objectIn(await phone.post('/api/logout-everywhere'))).toEqual({ user: null, revoked: 1 });
    for (const visitor of [second.visitor, elsewhere]) expect(await visitor?.me()).toMatchObject({ user: null });
  });
});

describe('the Express demo without Redis', () => {
  /** A demo that does not start, and how long it took. */
  async function failedStart(url: string): Promise<{ demo: ReturnType<typeof runDemo>; tookMs: number }> {
    const startedAt = performance.now();
    const demo = runDemo(expressDemo.main, ['--port', '0', '--store', 'redis'], {
      SESSION_REDIS_URL: url,
      SECRET_KEY: randomBytes(32).toString('hex'),
    });
    expect(await demo.ended).toBe(1);
    return { demo, tookMs: performance.now() - startedAt };
  }

  test(
    'ends within 2 s, says where it looked and what to check, and takes no files instead',
    {
      timeout: 60_000,
    },
    async () => {
      const gone = await startRedis();
      await gone.dispose();
      const { demo, tookMs } = await failedStart(gone.url);
      console.log(`Without Redis, after ${Math.round(tookMs)} ms:\n${demo.output()}`);
      // The start of the processes comes on top of the 2 s: a start that looks for no Redis tells how long that takes here.
      const idle = await failedStart('redis://127.0.0.1/no-database');
      expect(tookMs - idle.tookMs).toBeLessThan(2_000 + 3_000);
      expect(demo.output()).toContain('cannot be reached');
      const lines = demo.output().trim().split('\n');
      expect(lines.filter((line) => line.startsWith('The demo could not start: '))).toHaveLength(1);
      expect(demo.output()).toContain(`127.0.0.1:${gone.port}`);
      expect(demo.output()).toMatch(/SESSION_REDIS_URL/);
      expect(demo.output()).toMatch(/[Cc]heck that/);
      expect(demo.output()).not.toMatch(/filesystem|Session directory|^\s+at /m);
    },
  );
});
