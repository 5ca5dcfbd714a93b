import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CarefulVisitor, type Observation } from './careful-visitor.ts';
import { expressDemo } from './express-demo.ts';
import { type Fault, type FaultRow, type FaultRun, observe, survive } from './fault-report.ts';
import { Visitor, send } from './http-client.ts';
import { answerOf, type RedisServer, freePort, startRedis, until } from './redis-server.ts';
import { type RedisTopology, isPromoted, startCluster, startSentinel } from './redis-topologies.ts';
import { tallyOf } from './session-load.ts';
import { type RunningDemo, startDemo } from './start-demo.ts';
import { type TcpProxy, startProxy } from './tcp-proxy.ts';

const password = 'p4ss-Wd7kQz2LmX9';
const keyOf = (handle: unknown): string => `session:${String(handle)}`;
const rows: FaultRow[] = [];
afterAll(() => console.table(Object.fromEntries(rows.map(({ fault, ...figures }) => [fault, figures]))));

const workersOf = async (url: string): Promise<Set<unknown>> => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => new Visitor(url).me()));
  return new Set(answers.map(({ pid }) => pid));
};

describe('four workers of the Express demo, and a Redis', () => {
  let redis: RedisServer;
  let proxy: TcpProxy;
  let demo: RunningDemo;
  let workers: Set<unknown>;
  beforeAll(async () => {
    // What was confirmed has been handed to the operating system, and survives a kill. `always` would make every answer
    // wait for the disk of the machine, and that is not the fault to look at.
    const keeps = ['--appendonly', 'yes', '--appendfsync', 'no', '--maxmemory-policy', 'noeviction'];
    redis = await startRedis(...keeps, '--user', 'app', 'on', `>${password}`, '~*', '&*', '+@all');
    proxy = await startProxy(redis.port);
    const env = { SESSION_REDIS_URL: `redis://app:${password}@127.0.0.1:${proxy.port}` };
    demo = await startDemo(expressDemo, { store: 'redis', env });
    workers = await workersOf(demo.url);
  }, 30_000);
  afterAll(async () => {
    await demo.stop();
    await proxy.dispose();
    await redis.dispose();
  });

  const survives = (fault: Fault): Promise<FaultRun> => survive(demo.url, fault, rows);
  const proxyFaultsIn = async (run: () => Promise<FaultRun>): Promise<FaultRun> => {
    const before = proxy.faults;
    const result = await run();
    expect(proxy.faults).toBeGreaterThan(before);
    return result;
  };

  test('killed, and started again with what it kept', { timeout: 30_000 }, async () => {
    const { row } = await survives({
      name: 'killed (-9), restarted',
      begin: () => redis.kill(),
      end: () => redis.start(),
    });
    expect(row['503']).toBeGreaterThan(0);
  });

  test('frozen, and thawed', { timeout: 30_000 }, async () => {
    const { row } = await survives({
      name: 'frozen (SIGSTOP), thawed',
      begin: () => redis.signal('SIGSTOP'),
      end: () => redis.signal('SIGCONT'),
      lastsMs: 2_500,
    });
    expect(row['503']).toBeGreaterThan(0);
  });

  test('slow, but not too slow: nobody notices anything but the time', { timeout: 30_000 }, async () => {
    const { row } = await proxyFaultsIn(() =>
      survives({ name: 'answers 200 ms late', begin: () => setDelay(200), end: () => setDelay(0), lastsMs: 2_000 }),
    );
    // None, unless the machine is so busy that a process stands still for longer than the bound.
    expect(row['503']).toBeLessThanOrEqual(row['requests during'] / 20);
  });

  test('too slow', { timeout: 30_000 }, async () => {
    const { row } = await proxyFaultsIn(() =>
      survives({ name: 'answers 1500 ms late', begin: () => setDelay(1_500), end: () => setDelay(0), lastsMs: 2_500 }),
    );
    expect(row['503']).toBeGreaterThan(0);
  });

  test('half open: connections swallow everything, and nobody says so', { timeout: 30_000 }, async () => {
    const { row } = await proxyFaultsIn(() =>
      survives({
        name: 'half open',
        begin: () => void (proxy.isSwallowing = true),
        end: () => void (proxy.isSwallowing = false),
      }),
    );
    expect(row['503']).toBeGreaterThan(0);
  });

  test('connections are reset, ten times a second', { timeout: 30_000 }, async () => {
    let timer: NodeJS.Timeout | undefined;
    const { row } = await proxyFaultsIn(() =>
      survives({
        name: 'connections reset',
        begin: () => void (timer = setInterval(() => proxy.reset(), 100)),
        end: () => clearInterval(timer),
      }),
    );
    expect(row.right).toBeGreaterThan(20);
  });

  test('out of memory: nobody can log in, but everybody can read and log out', { timeout: 30_000 }, async () => {
    const { within } = await survives({
      name: 'out of memory',
      begin: async () => void (await redis.admin.config('SET', 'maxmemory', '1')),
      end: async () => void (await redis.admin.config('SET', 'maxmemory', '0')),
      lastsMs: 2_000,
    });
    expect(tallyOf(within, ['login'])['503']).toBeGreaterThan(0);
    expect(tallyOf(within, ['login']).right).toBe(0);
    expect(tallyOf(within, ['me', 'get', 'dead', 'logout'])['503']).toBe(0);
    expect(tallyOf(within, ['logout']).right).toBeGreaterThan(0);
  });

  test('a read-only replica, and a master again', { timeout: 30_000 }, async () => {
    const nobody = String(await freePort());
    const { during } = await survives({
      name: 'read-only replica',
      begin: async () => void (await redis.admin.replicaof('127.0.0.1', nobody)),
      end: async () => void (await redis.admin.replicaof('NO', 'ONE')),
    });
    expect(tallyOf(during, ['set', 'count', 'login', 'logout'])['503']).toBeGreaterThan(0);
  });

  test('loading its data', { timeout: 30_000 }, async () => {
    let wasLoading = false;
    const { row } = await survives({
      name: 'loading its data',
      async begin() {
        await redis.admin.bgrewriteaof();
        await until(async () => (await redis.admin.info('persistence')).includes('aof_rewrite_in_progress:0'));
        const delayUs = Math.ceil(2_000_000 / (await redis.admin.dbsize()));
        await redis.kill();
        await redis.start('--key-load-delay', String(delayUs), '--loading-process-events-interval-bytes', '1024');
        wasLoading = /LOADING/.test(await answerOf(redis.port));
      },
      end: () => until(async () => (await redis.admin.ping()) === 'PONG'),
      lastsMs: 500,
    });
    expect(wasLoading).toBe(true);
    expect(row['503']).toBeGreaterThan(0);
  });

  test('a password that is wrong, until somebody puts it right', { timeout: 30_000 }, async () => {
    const becomes = async (word: string): Promise<void> => {
      await redis.admin.acl('SETUSER', 'app', 'resetpass', `>${word}`);
      await redis.admin.client('KILL', 'USER', 'app');
    };
    const { row } = await survives({
      name: 'wrong password, put right',
      begin: () => becomes('another'),
      end: () => becomes(password),
    });
    expect(row['503']).toBeGreaterThan(0);
  });

  test(
    'foreign values under the keys of sessions: 503 for these, and they are left alone',
    { timeout: 30_000 },
    async () => {
      const keys: string[] = [];
      const { row, during } = await survives({
        name: 'foreign values',
        async begin({ people }) {
          for (const { visitor } of people.slice(0, 4)) keys.push(keyOf((await visitor.me())['handle']));
          for (const key of keys) await redis.admin.multi().rename(key, `kept:${key}`).set(key, 'foreign').exec();
        },
        async end() {
          for (const key of keys) {
            expect(await redis.admin.get(key)).toBe('foreign');
            await redis.admin.rename(`kept:${key}`, key);
          }
        },
      });
      expect(row['503']).toBeGreaterThan(0);
      expect(tallyOf(during).right).toBeGreaterThan(row['503']);
    },
  );

  test('control: what a FLUSHALL does under load is seen as wrong', { timeout: 30_000 }, async () => {
    const { row, problems } = await observe(demo.url, {
      name: 'control: flushed',
      begin: async () => void (await redis.admin.flushall()),
      end: () => {},
      lastsMs: 500,
    });
    rows.push(row);
    expect(row.wrong).toBeGreaterThan(10);
    expect(problems.join('\n')).toMatch(/was taken for null/);
  });

  test('control: a session that comes back is seen as wrong', { timeout: 30_000 }, async () => {
    const seen: Observation[] = [];
    const ada = new CarefulVisitor(demo.url, (observation) => void seen.push(observation), false);
    await ada.login();
    const key = keyOf((await ada.visitor.me())['handle']);
    const copy = await redis.admin.dumpBuffer(key);
    await ada.logout();
    expect(await ada.lookWithDeadCookie()).toBe('right');
    await redis.admin.restore(key, 60_000, copy, 'REPLACE');
    expect(await ada.lookWithDeadCookie()).toBe('wrong');
    expect(seen.map(({ outcome }) => outcome)).toEqual(['right', 'right', 'right', 'wrong']);
  });

  test('control: a counter that went back is seen as wrong', { timeout: 30_000 }, async () => {
    const ada = new CarefulVisitor(demo.url, () => {}, false);
    await ada.login();
    await ada.count();
    const key = keyOf((await ada.visitor.me())['handle']);
    const copy = await redis.admin.dumpBuffer(key);
    expect(await ada.count()).toBe('right');
    await redis.admin.restore(key, 60_000, copy, 'REPLACE');
    expect(await ada.look()).toBe('wrong');
  });

  test('after all of it the same workers serve, and the password was never shown', async () => {
    expect(workers.size).toBe(4);
    expect(await workersOf(demo.url)).toEqual(workers);
    expect(demo.output()).not.toMatch(/died/);
    expect(demo.output()).not.toContain(password);
  });

  const setDelay = (ms: number): void => void (proxy.delayMs = ms);
});

describe.each([
  ['Sentinel failover', startSentinel],
  ['cluster, a master killed', startCluster],
] as const)('four workers of the Express demo: %s', (name, start) => {
  let servers: RedisTopology;
  let demo: RunningDemo;
  beforeAll(async () => {
    servers = await start();
    ends.push(() => servers.dispose());
    demo = await startDemo(expressDemo, { store: 'redis', env: { SESSION_REDIS_URL: servers.url } });
    ends.push(() => demo.stop());
  }, 40_000);
  // Also when only one of them has started.
  const ends: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const end of ends.toReversed()) await end();
  });

  const survives = (fault: Fault): Promise<FaultRun> => survive(demo.url, fault, rows);

  test('503s until the replica has taken over, and nothing wrong', { timeout: 40_000 }, async () => {
    const workers = await workersOf(demo.url);
    const { row } = await survives({
      name,
      begin: () => servers.master.kill(),
      end: () => isPromoted(servers),
      lastsMs: 0,
      // The others have to hear of it, too.
      recoversWithinMs: 6_000,
    });
    expect(row['503']).toBeGreaterThan(0);
    expect(await workersOf(demo.url)).toEqual(workers);
    expect((await send(`${demo.url}/healthz`)).status).toBe(200);
  });
});
