import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FaultRow, survive } from './fault-report.ts';
import { Visitor, newcomer, send } from './http-client.ts';
import { type RedisServer, startRedis } from './redis-server.ts';
import { type DemoDescription, type RunningDemo, startDemo } from './start-demo.ts';

const workersOf = async (url: string): Promise<Set<unknown>> => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => new Visitor(url).me()));
  return new Set(answers.map(({ pid }) => pid));
};

/** A Redis that dies under the demo and comes back: 503 meanwhile, nobody logged out, no worker started anew. */
export function testRedisDeath(description: DemoDescription): void {
  describe(`${description.framework} demo: a Redis that dies`, () => {
    let redis: RedisServer;
    let demo: RunningDemo;
    /** What has been started ends, also where the next one did not start. */
    const ends: (() => Promise<unknown>)[] = [];
    beforeAll(async () => {
      // What was confirmed has been handed to the operating system, and survives a kill.
      redis = await startRedis('--appendonly', 'yes', '--appendfsync', 'no', '--maxmemory-policy', 'noeviction');
      ends.unshift(redis.dispose);
      demo = await startDemo(description, { store: 'redis', env: { SESSION_REDIS_URL: redis.url } });
      ends.unshift(demo.stop);
    }, 40_000);
    afterAll(async () => {
      for (const end of ends) await end();
    });

    test(
      'every answer is right or a 503 in time, and afterwards all is as confirmed',
      { timeout: 60_000 },
      async () => {
        const rows: FaultRow[] = [];
        const workers = await workersOf(demo.url);
        const ada = new Visitor(demo.url);
        const user = newcomer('Ada');
        await ada.login(user);
        const cookie = ada.jar.header();
        const { row } = await survive(
          demo.url,
          {
            name: `${description.framework}: killed (-9), restarted`,
            async begin() {
              await redis.kill();
              const page = await send(`${demo.url}/`, { cookie, headers: { Accept: 'text/html' } });
              const drawn = description.drawsPage === true;
              expect([page.status, page.headers['retry-after'], page.setCookies]).toEqual(
                drawn ? [500, undefined, []] : [503, '1', []],
              );
              expect(page.headers['cache-control']).toMatch(drawn ? /no-store/ : /^no-store$/);
              // Where the framework draws the page, its words come with its script.
              expect(page.text).toContain(drawn ? '' : 'You have not been logged out');
              expect(page.text).not.toContain('Logged out');
              // Who has no cookie is not failed by it.
              expect(await new Visitor(demo.url).me()).toMatchObject({ user: null });
            },
            end: () => redis.start(),
          },
          rows,
        );
        console.table(rows);
        expect(row['503']).toBeGreaterThan(0);
        expect(await ada.me()).toMatchObject({ user });
        expect((await send(`${demo.url}/healthz`)).status).toBe(200);
        expect(workers.size).toBe(4);
        expect(await workersOf(demo.url)).toEqual(workers);
        expect(demo.output()).not.toMatch(/died/);
      },
    );
  });
}
