import { setTimeout as wait } from 'node:timers/promises';
import type { OwnerPage } from '@sess/core';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FaultProxy, startProxy } from '../test/fault-proxy.ts';
import { type TestServer, freePort, startServer, until } from '../test/redis-server.ts';
import { change, keysOf, newKey, newPrefix, outcomeOf, record } from '../test/session-fixtures.ts';
import { type RedisStore, redisStore } from './index.ts';

/** One operation's bound, and slack for a busy machine. */
const boundMs = 900 + 600;

let server: TestServer;
let proxy: FaultProxy;
let prefix: string;
let store: RedisStore;
let key: string;

async function setUp(...settings: string[]): Promise<void> {
  server = await startServer(...settings);
  proxy = await startProxy(server.port);
  prefix = newPrefix();
  store = redisStore({ url: proxy.url, prefix });
  key = newKey();
  expect(await store.create(key, record({ a: '1' }))).toBe(true);
  await store.update(key, change());
}

afterEach(async () => {
  await store.close();
  await proxy.dispose();
  await server.dispose();
});

/** All verbs, with what each comes to. Whatever happens, none takes longer than its bound. */
async function allVerbs(by: RedisStore = store) {
  const outcomes = await Promise.all([
    outcomeOf(() => by.read(key)),
    outcomeOf(() => by.create(newKey(), record({ a: '1' }))),
    outcomeOf(() => by.update(key, change({ set: { b: '1' } }))),
    outcomeOf(() => by.destroy(newKey(), { endMarkerMs: 1000 })),
    outcomeOf(() => by.create(newKey(), record({}, { owner: 'u1' }))),
    outcomeOf(() => keysOf(by, 'u1')),
  ]);
  for (const { tookMs } of outcomes) expect(tookMs).toBeLessThan(boundMs);
  return outcomes.map(({ code }) => code ?? 'ok');
}

/** Which of the two depends on who gave the connection up first. */
async function expectFaults(by: RedisStore = store): Promise<void> {
  for (const code of await allVerbs(by)) expect(['STORE_TIMEOUT', 'STORE_UNAVAILABLE']).toContain(code);
}

const all = (code: string) => Array.from({ length: 6 }, () => code);

/** Service is back by itself, and soon: from the moment at which the fault is over. */
async function expectBack(withinMs = 3000): Promise<void> {
  const overAt = performance.now();
  await until(async () => (await outcomeOf(() => store.read(key))).code === undefined, withinMs + 2000);
  expect(performance.now() - overAt).toBeLessThan(withinMs);
  expect(await allVerbs()).toEqual(all('ok'));
}

describe('a server', () => {
  it('that is killed and started again: faults are bounded, sessions are there again (AOF), service is back', async () => {
    await setUp('--appendonly', 'yes', '--appendfsync', 'always');
    await server.kill();
    expect(await allVerbs()).toEqual(all('STORE_UNAVAILABLE'));
    expect(await allVerbs()).toEqual(all('STORE_UNAVAILABLE'));
    await server.start();
    await expectBack();
    expect(await store.read(key)).toMatchObject({ fields: { a: '1' } });
  }, 20_000);

  it('that is killed and kept nothing: sessions are absent, and no late change makes one', async () => {
    await setUp();
    await server.kill();
    await server.start();
    await until(async () => (await outcomeOf(() => store.read(key))).code === undefined);
    expect(await store.read(key)).toBeUndefined();
    expect(await store.update(key, change({ set: { a: '2' } }))).toBe('gone');
    expect(await server.admin.dbsize()).toBe(0);
  }, 20_000);

  it('that is flushed: the same', async () => {
    await setUp();
    await server.admin.flushall();
    expect(await store.update(key, change({ set: { a: '2' } }))).toBe('gone');
    expect(await store.read(key)).toBeUndefined();
  });

  it('that is frozen: faults are bounded, and nothing lands later', async () => {
    await setUp();
    server.freeze();
    await expectFaults();
    // By now the client has given its connection up; new ones are not answered either.
    await expectFaults();
    await wait(1000);
    server.thaw();
    await until(async () => (await outcomeOf(() => store.read(key))).code === undefined, 3000);
    expect(await store.read(key)).toMatchObject({ fields: { a: '1' } });
    expect((await store.read(key)) as unknown).not.toMatchObject({ fields: { b: '1' } });
    await expectBack();
  }, 20_000);

  it('that is slow is waited for, and given up when it is too slow', async () => {
    await setUp();
    proxy.delayMs = 400;
    expect(await allVerbs()).toEqual(all('ok'));
    proxy.delayMs = 1500;
    await expectFaults();
    proxy.delayMs = 0;
    await expectBack();
  }, 20_000);

  it('that loads its data is unavailable, and not empty', async () => {
    await setUp();
    await Promise.all(Array.from({ length: 300 }, () => store.create(newKey(), record({ a: '1' }))));
    await server.admin.save();
    await server.kill();
    await server.start('--key-load-delay', '10000', '--loading-process-events-interval-bytes', '1024');
    const { code, tookMs } = await outcomeOf(() => store.read(key));
    expect(await server.admin.info('persistence').catch(String)).toMatch(/loading:1|LOADING/);
    expect(['STORE_TIMEOUT', 'STORE_UNAVAILABLE']).toContain(code);
    expect(tookMs).toBeLessThan(boundMs);
    await until(() =>
      server.admin.ping().then(
        () => true,
        () => false,
      ),
    );
    await expectBack();
  }, 30_000);

  it('that comes up after the application: calls fail until then, and work from then on', async () => {
    await setUp('--appendonly', 'yes', '--appendfsync', 'always');
    await server.kill();
    const early = redisStore({ url: server.url, prefix });
    const { code, error, tookMs } = await outcomeOf(() => early.read(key));
    expect(code).toBe('STORE_UNAVAILABLE');
    expect(error?.message).toContain('ECONNREFUSED');
    expect(error?.message).toContain(`127.0.0.1:${server.port}`);
    expect(tookMs).toBeLessThan(boundMs);
    await server.start();
    await until(async () => (await outcomeOf(() => early.read(key))).code === undefined, 3000);
    expect(await early.read(key)).toMatchObject({ fields: { a: '1' } });
    await early.close();
  }, 20_000);

  it('that became a replica: reading works, writes fail, verdicts are not taken from it, and it is left', async () => {
    await setUp();
    const master = await startServer();
    await master.admin.config('SET', 'repl-diskless-sync-delay', '0');
    // The new master knows the session too: the replica takes its data.
    const [, version] = /redis_version:(\S+)/.exec(await master.admin.info('server')) ?? [];
    expect(version).toBeDefined();
    const dump = await server.admin.dumpBuffer(prefix + key);
    await master.admin.restore(prefix + key, 60_000, dump as Buffer);
    await server.admin.replicaof('127.0.0.1', master.port);
    await until(async () => (await server.admin.info('replication')).includes('master_link_status:up'));

    expect(await store.read(key)).toMatchObject({ fields: { a: '1' } });
    const unavailable = { code: 'STORE_UNAVAILABLE' };
    await expect(store.update(key, change({ set: { a: '2' } }))).rejects.toMatchObject(unavailable);
    await until(async () => (await outcomeOf(() => store.read(key))).code === undefined, 3000);
    // All of these would be answered without writing, if it were the master.
    await expect(store.update(newKey(), change())).rejects.toMatchObject(unavailable);
    await until(async () => (await outcomeOf(() => store.read(key))).code === undefined, 3000);
    await expect(store.update(key, change({ expect: { a: '7' } }))).rejects.toMatchObject(unavailable);
    await until(async () => (await outcomeOf(() => store.read(key))).code === undefined, 3000);
    await expect(store.create(key, record())).rejects.toMatchObject(unavailable);
    await until(async () => (await outcomeOf(() => store.read(key))).code === undefined, 3000);
    await expect(store.destroy(newKey())).rejects.toMatchObject(unavailable);

    // The address leads to the new master now. READONLY made the client connect anew.
    proxy.target = master.port;
    await outcomeOf(() => store.update(key, change()));
    await expectBack();
    expect(await store.update(key, change({ set: { a: '2' } }))).toBe('applied');
    expect(await master.admin.get(prefix + key)).toMatch(/\[0,0,"a",1,"b",1\]\n21$/);
    await master.dispose();
  }, 20_000);

  it('that was demoted behind a cut link does not say of a session of its successor that there is none', async () => {
    await setUp();
    // It follows an address where nobody answers: nothing that the new master is told comes to it.
    await server.admin.replicaof('127.0.0.1', await freePort());
    expect(await server.admin.info('replication')).toMatch(/role:slave[^]*master_link_status:down/);
    const ofTheNewMaster = newKey();
    for (let count = 0; count < 3; count++) {
      const { code, error } = await outcomeOf(() => store.read(ofTheNewMaster));
      expect(code).toBe('STORE_UNAVAILABLE');
      expect(error?.message).toContain('read-only replica');
      await until(async () => (await outcomeOf(() => store.read(key))).code === undefined, 3000);
    }
    // Nor that an owner has no more sessions than it knows of: "log out everywhere" would be told a lie.
    expect(await outcomeOf(() => keysOf(store, 'u1'))).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await server.admin.replicaof('NO', 'ONE');
    await until(async () => (await outcomeOf(() => store.read(ofTheNewMaster))).code === undefined, 3000);
    expect(await store.read(ofTheNewMaster)).toBeUndefined();
  });

  it('that is cut off and was not told that it is no master any more says so neither, with min-replicas-to-write', async () => {
    await setUp('--min-replicas-to-write', '0', '--min-replicas-max-lag', '1', '--repl-diskless-sync-delay', '0');
    const toTheMaster = await startProxy(server.port);
    const replica = await startServer('--replicaof', '127.0.0.1', String(toTheMaster.port));
    await until(async () => (await server.admin.info('replication')).includes('state=online'));
    expect((await store.check()).map(({ code }) => code)).toContain('REDIS_CUT_OFF');
    await server.admin.config('SET', 'min-replicas-to-write', '1');
    expect((await store.check()).map(({ code }) => code)).not.toContain('REDIS_CUT_OFF');
    await until(async () => (await outcomeOf(() => store.update(key, change()))).code === undefined, 5000);
    expect(await store.read(newKey())).toBeUndefined();
    toTheMaster.swallow();
    await until(async () => (await outcomeOf(() => store.read(newKey()))).code !== undefined, 5000);
    const { code, error } = await outcomeOf(() => store.read(newKey()));
    expect(code).toBe('STORE_UNAVAILABLE');
    expect(error?.message).toContain('min-replicas-to-write');
    expect(await store.read(key)).toMatchObject({ fields: { a: '1' } });
    await toTheMaster.dispose();
    await replica.dispose();
  }, 20_000);

  it('that became a replica, or is frozen, is left once, however many calls fail: Node prints no warning of it', async () => {
    await setUp();
    const warnings: Error[] = [];
    const note = (warning: Error) => void warnings.push(warning);
    process.on('warning', note);
    await server.admin.replicaof('127.0.0.1', await freePort());
    const calls = () => Array.from({ length: 60 }, () => outcomeOf(() => store.update(key, change())));
    for (const { code } of await Promise.all(calls())) expect(code).toBe('STORE_UNAVAILABLE');
    await until(async () => (await outcomeOf(() => store.read(key))).code === undefined, 3000);
    server.freeze();
    for (const { code } of await Promise.all(calls())) expect(code).toMatch(/^STORE_(TIMEOUT|UNAVAILABLE)$/);
    server.thaw();
    await until(async () => (await outcomeOf(() => store.read(key))).code === undefined, 3000);
    process.off('warning', note);
    expect(warnings).toEqual([]);
  }, 20_000);

  it('that misses its replicas or its disk refuses writes: unavailable', async () => {
    await setUp();
    await server.admin.config('SET', 'min-replicas-to-write', '1');
    expect(await store.read(key)).toMatchObject({ fields: { a: '1' } });
    await expect(store.update(key, change({ set: { a: '2' } }))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('min-replicas-to-write') as string,
    });
    await server.admin.config('SET', 'min-replicas-to-write', '0');
    await expectBack();
  });

  it('that lets nobody in is unavailable, and used again when it does, without a restart', async () => {
    await setUp();
    await server.admin.config('SET', 'requirepass', 'another');
    proxy.reset();
    const { code, error, tookMs } = await outcomeOf(() => store.read(key));
    expect(code).toBe('STORE_UNAVAILABLE');
    expect(error?.message).toMatch(/NOAUTH/);
    expect(tookMs).toBeLessThan(boundMs);
    await server.admin.config('SET', 'requirepass', '');
    await expectBack();
  }, 20_000);

  it('whose scripts were flushed gets them again', async () => {
    await setUp();
    for (let round = 0; round < 3; round++) {
      await server.admin.script('FLUSH');
      expect(await allVerbs()).toEqual(all('ok'));
    }
  });
});

describe('a server that is out of memory (noeviction)', () => {
  beforeEach(async () => {
    await setUp('--maxmemory-policy', 'noeviction');
    await store.update(key, change({ set: { n: '5', list: '[1,2,3]' } }));
    await server.admin.config('SET', 'maxmemory', '1mb');
  });

  it('still reads, touches, removes, counts, and lists by owner', async () => {
    await expect(server.admin.set('more', 'x')).rejects.toThrow('OOM');
    expect(await store.read(key)).toMatchObject({ fields: { a: '1', n: '5' } });
    const later = Date.now() + 3_600_000;
    expect(await store.update(key, change({ expiresAt: later }))).toBe('applied');
    expect(await store.update(key, change({ expect: { n: '5' }, set: { n: '6' } }))).toBe('applied');
    expect(await store.update(key, change({ revise: { list: '[1]' } }))).toBe('applied');
    expect(await store.update(key, change({ unset: ['a'] }))).toBe('applied');
    expect(await store.update(key, change({ expect: { n: '7' }, set: { n: '8' } }))).toBe('conflict');
    expect(await store.read(key)).toMatchObject({ fields: { n: '6', list: '[1]' }, expiresAt: later });
    expect(await server.admin.pttl(prefix + key)).toBeGreaterThan(3_500_000);
    expect(await keysOf(store, 'u1')).toEqual([]);
  });

  it('refuses what grows, and then nothing of it is written', async () => {
    const before = await server.admin.dumpBuffer(prefix + key);
    const full = { code: 'STORE_FULL' };
    await expect(store.create(newKey(), record({ a: '1' }))).rejects.toMatchObject(full);
    await expect(store.create(newKey(), record({}, { owner: 'u1' }))).rejects.toMatchObject(full);
    await expect(store.update(key, change({ set: { b: '12' }, unset: ['n'] }))).rejects.toMatchObject(full);
    await expect(store.update(key, change({ set: { list: '[1,2,3,4]' } }))).rejects.toMatchObject(full);
    await expect(store.update(key, change({ owner: 'u1' }))).rejects.toMatchObject(full);
    expect(await server.admin.dumpBuffer(prefix + key)).toEqual(before);
    expect(await server.admin.keys(`${prefix}*`)).toEqual([prefix + key]);
  });

  it('ends sessions, and their end markers stand', async () => {
    expect((await store.destroy(key, { endMarkerMs: 60_000 }))?.fields).toMatchObject({ n: '5' });
    expect(await store.read(key)).toBe('ended');
    const absent = newKey();
    expect(await store.destroy(absent, { endMarkerMs: 60_000 })).toBeUndefined();
    expect(await store.read(absent)).toBe('ended');
    expect(await server.admin.pttl(prefix + absent)).toBeGreaterThan(50_000);
  });
});

describe('a connection', () => {
  beforeEach(() => setUp());

  it('that is reset under a read or a write costs a reconnect, not a fault', async () => {
    proxy.delayMs = 100;
    const running = allVerbs();
    await wait(50);
    proxy.reset();
    const [read, create, update, , login] = await running;
    expect([read, create, update, login]).toEqual(['ok', 'ok', 'ok', 'ok']);
    proxy.delayMs = 0;
    await expectBack();
  });

  it('that is reset under a destroy without an end marker leaves its outcome unknown, and says so', async () => {
    proxy.delayMs = 100;
    const running = outcomeOf(() => store.destroy(key));
    await wait(50);
    proxy.reset();
    expect((await running).code).toBe('STORE_UNAVAILABLE');
  });

  it('that is half open is given up by the first call, and the next ones work', async () => {
    proxy.swallow();
    await expectFaults();
    expect(proxy.faults).toBe(1);
    await expectBack(2000);
  });

  it('that is refused again and again: faults are bounded, service is back when it is not', async () => {
    proxy.isDown = true;
    proxy.reset();
    for (let round = 0; round < 3; round++) expect(await allVerbs()).toEqual(all('STORE_UNAVAILABLE'));
    expect(proxy.faults).toBeGreaterThan(5);
    proxy.isDown = false;
    await expectBack(1500);
  }, 20_000);

  it('that answers nonsense is a fault, and is made anew', async () => {
    proxy.garble('get');
    const { code, tookMs } = await outcomeOf(() => store.read(key));
    expect(code === undefined || code === 'STORE_UNAVAILABLE').toBe(true);
    expect(tookMs).toBeLessThan(boundMs);
    await expectBack();
    expect(await store.read(key)).toMatchObject({ fields: { a: '1' } });
  });

  it('is not given up because this process was busy', async () => {
    // Not through the proxy, which is busy too.
    const direct = redisStore({ url: server.url, prefix });
    await direct.read(key);
    const reading = Promise.all([direct.read(key), direct.update(key, change({ set: { b: '2' } }))]);
    for (const idleAt = performance.now() + 1500; performance.now() < idleAt;);
    const [read, verdict] = await reading;
    expect(read).toMatchObject({ fields: { a: '1' } });
    expect(verdict).toBe('applied');
    await direct.close();
  });
});

describe('a process that stalls', () => {
  // Not through the proxy, which stalls too.
  let direct: RedisStore;
  const stall = (ms: number) => {
    for (const overAt = performance.now() + ms; performance.now() < overAt;);
  };
  beforeEach(async () => {
    await setUp();
    direct = redisStore({ url: server.url, prefix });
    await direct.read(key);
    await direct.update(key, change({ set: { b: '0' } }));
  });
  afterEach(() => direct.close());

  it('in the turn in which a command is given, so that it leaves when its time is up, waits for its answer', async () => {
    for (const ms of [900, 900.3, 901, 905, 950, 1100, 1600]) {
      const giving = Promise.all([
        outcomeOf(() => direct.read(key)),
        outcomeOf(() => direct.update(key, change({ set: { b: String(ms) } }))),
        outcomeOf(() => direct.create(newKey(), record({}, { owner: 'u1' }))),
        outcomeOf(() => direct.destroy(newKey(), { endMarkerMs: 1000 })),
      ]);
      stall(ms);
      expect((await giving).map(({ error }) => error?.message)).toEqual([undefined, undefined, undefined, undefined]);
      expect(await direct.read(key)).toMatchObject({ fields: { b: String(ms) } });
    }
  }, 30_000);

  it('between two steps of a write waits for the second', async () => {
    // The entry of the owner is written first, and has been answered when the stall begins.
    for (const ms of [880, 895, 900, 950, 1100]) {
      const giving = outcomeOf(() => direct.update(key, change({ owner: 'u1' })));
      await wait(20);
      stall(ms);
      expect((await giving).error?.message).toBeUndefined();
      const slow = outcomeOf(() => direct.update(key, change({ owner: 'u1' })));
      setImmediate(() => setImmediate(() => stall(ms)));
      expect({ ms, message: (await slow).error?.message }).toEqual({ ms });
    }
  }, 30_000);

  it('before it reads answers does not take the time of reading for the time of answering', async () => {
    for (const ms of [950, 500, 700, 300, 880, 880]) {
      const giving = outcomeOf(() => direct.update(key, change({ set: { b: '1' } })));
      // The command has left by then.
      setImmediate(() => stall(ms));
      expect((await giving).error?.message).toBeUndefined();
    }
  }, 30_000);

  it('while the server is frozen: what it was told has failed is not done a moment later', async () => {
    const giving = outcomeOf(() => direct.update(key, change({ set: { b: '"late"' } })));
    server.freeze();
    stall(1200);
    expect((await giving).code).toBe('STORE_TIMEOUT');
    await wait(300);
    server.thaw();
    await until(async () => (await outcomeOf(() => direct.read(key))).code === undefined, 3000);
    await wait(100);
    expect(await direct.read(key)).toMatchObject({ fields: { b: '0' } });
  }, 20_000);
});

describe('timers that a test has replaced', () => {
  beforeEach(() => setUp());
  afterEach(() => vi.useRealTimers());

  it('hold back no command', async () => {
    vi.useFakeTimers({ toFake: ['setImmediate'] });
    expect(await store.read(key)).toMatchObject({ fields: { a: '1' } });
    expect(await store.update(key, change({ set: { a: '2' } }))).toBe('applied');
  }, 5000);
});

describe("a user's client", () => {
  beforeEach(() => setUp());

  it('that never settles a lost command (autoResendUnfulfilledCommands: false, ioredis 6.0.0) is bounded', async () => {
    const client = new Redis(proxy.port, { autoResendUnfulfilledCommands: false });
    client.on('error', () => {});
    const theirs = redisStore({ client, prefix });
    await theirs.read(key);
    proxy.delayMs = 200;
    const running = outcomeOf(() => theirs.destroy(key));
    await wait(100);
    proxy.reset();
    expect((await running).code).toBe('STORE_UNAVAILABLE');
    proxy.delayMs = 0;
    await until(async () => (await outcomeOf(() => theirs.read(key))).code === undefined, 3000);
    await theirs.close();
    client.disconnect();
  });

  it('with defaults is bounded when the server is frozen, killed or unreachable', async () => {
    const client = new Redis(proxy.port);
    client.on('error', () => {});
    const theirs = redisStore({ client, prefix });
    await theirs.read(key);
    server.freeze();
    expect(await allVerbs(theirs)).toEqual(all('STORE_TIMEOUT'));
    server.thaw();
    expect(await allVerbs(theirs)).toEqual(all('ok'));
    await server.kill();
    await expectFaults(theirs);
    await expectFaults(theirs);
    await theirs.close();
    client.disconnect();
  }, 20_000);

  it('without an offline queue waits for its connection like ours', async () => {
    const client = new Redis(proxy.port, { enableOfflineQueue: false });
    client.on('error', () => {});
    const theirs = redisStore({ client, prefix });
    expect(await theirs.read(key)).toMatchObject({ fields: { a: '1' } });
    await theirs.close();
    client.disconnect();
  });

  it('that is lazy connects at the first call; that was closed says so at once', async () => {
    const client = new Redis(proxy.port, { lazyConnect: true });
    const theirs = redisStore({ client, prefix });
    expect(client.status).toBe('wait');
    expect(await theirs.read(key)).toMatchObject({ fields: { a: '1' } });
    await client.quit();
    await until(() => client.status === 'end');
    const { code, tookMs } = await outcomeOf(() => theirs.read(key));
    expect(code).toBe('STORE_UNAVAILABLE');
    // It does not wait for the deadline.
    expect(tookMs).toBeLessThan(800);
    await theirs.close();
  });

  it('stays open and keeps no listener of ours when the store is closed', async () => {
    const client = new Redis(proxy.port);
    const events = ['ready', 'close', 'end', 'error', 'connect'];
    const before = events.map((name) => client.listenerCount(name));
    const theirs = redisStore({ client, prefix });
    await theirs.read(key);
    await theirs.close();
    await theirs.close();
    expect(events.map((name) => client.listenerCount(name))).toEqual(before);
    expect(await client.ping()).toBe('PONG');
    await expect(theirs.read(key)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    client.disconnect();
  });

  it('that was switched to another database is refused, for every verb, and nothing is looked for there', async () => {
    const client = new Redis(proxy.port);
    const theirs = redisStore({ client, prefix });
    expect(await theirs.read(key)).toMatchObject({ fields: { a: '1' } });
    await client.select(3);
    proxy.forget();
    const verbs: (() => Promise<unknown>)[] = [
      () => theirs.read(key),
      () => theirs.read(newKey()),
      () => theirs.create(newKey(), record()),
      () => theirs.create(newKey(), record({}, { owner: 'u1' })),
      () => theirs.update(key, change({ set: { a: '2' } })),
      () => theirs.destroy(key),
    ];
    for (const verb of verbs) {
      const { code, error } = await outcomeOf(verb);
      expect(code).toBe('STORE_UNAVAILABLE');
      expect(error?.message).toMatch(/\/0\) was switched to database 3 by SELECT.*client\.duplicate\(\)/);
    }
    expect(proxy.commands).toEqual([]);
    await client.select(0);
    expect(await theirs.read(key)).toMatchObject({ fields: { a: '1' } });
    // Also between two steps of one call, and where the app does not wait for its own SELECT.
    const reading = outcomeOf(() => theirs.read(newKey()));
    void client.select(5);
    const creating = outcomeOf(() => theirs.create(newKey(), record()));
    expect((await reading).code).toBe('STORE_UNAVAILABLE');
    expect((await creating).code).toBe('STORE_UNAVAILABLE');
    await theirs.close();
    client.disconnect();
  });

  it('that has another database selected when the store is made stays there, over a new connection too', async () => {
    const client = new Redis(proxy.port);
    await client.select(3);
    const theirs = redisStore({ client, prefix });
    expect(theirs.describe().location).toContain(`:${proxy.port}/3,`);
    const mine = newKey();
    expect(await theirs.create(mine, record({ a: '3' }))).toBe(true);
    proxy.reset();
    await until(async () => (await outcomeOf(() => theirs.read(mine))).code === undefined, 3000);
    expect(await theirs.read(mine)).toMatchObject({ fields: { a: '3' } });
    expect(await store.read(mine)).toBeUndefined();
    await theirs.close();
    client.disconnect();
  });

  it('that is inside a MULTI is refused: no verdict, and no advice to delete a session that is well', async () => {
    const client = new Redis(proxy.port);
    const theirs = redisStore({ client, prefix });
    const fresh = redisStore({ client, prefix });
    await theirs.update(key, change());
    await client.multi({ pipeline: false });
    const verbs: (() => Promise<unknown>)[] = [
      () => theirs.read(key),
      () => theirs.create(newKey(), record()),
      () => theirs.create(newKey(), record({}, { owner: 'u1' })),
      () => theirs.update(key, change()),
      () => theirs.destroy(newKey()),
      () => fresh.update(key, change()),
    ];
    for (const verb of verbs) {
      const { code, error } = await outcomeOf(verb);
      expect(code).toBe('STORE_UNAVAILABLE');
      expect(error?.message).toMatch(/inside a MULTI.*client\.duplicate\(\)/);
    }
    await client.discard();
    expect(await theirs.read(key)).toMatchObject({ fields: { a: '1' } });
    expect(await fresh.update(key, change({ set: { b: '1' } }))).toBe('applied');
    await theirs.close();
    await fresh.close();
    client.disconnect();
  });

  it('that is subscribed to channels is used where the protocol allows it, and refused by name where not', async () => {
    const readBy = async (protocol: 2 | 3) => {
      const client = new Redis({ port: proxy.port, protocol });
      const theirs = redisStore({ client, prefix });
      await theirs.read(key);
      await client.subscribe('news');
      const outcome = await outcomeOf(() => theirs.read(key));
      await theirs.close();
      client.disconnect();
      return outcome;
    };
    expect((await readBy(3)).value).toMatchObject({ fields: { a: '1' } });
    const { code, error } = await readBy(2);
    expect(code).toBe('STORE_UNAVAILABLE');
    expect(error?.message).toContain('client.duplicate()');
  });

  it('that only looks like one is used as far as it goes', async () => {
    const looks = {
      get: async () => null,
      getex: async () => null,
      evalsha: async () => 'applied 1',
      duplicate: () => {},
      on: () => looks,
      off: () => looks,
      status: 'ready',
      isCluster: false,
      options: {},
    };
    const theirs: RedisStore = Reflect.apply(redisStore, undefined, [{ client: looks }]);
    expect(await theirs.read(key)).toBeUndefined();
    // It has no ZSCAN.
    expect((await outcomeOf(() => keysOf(theirs, 'u1'))).code).toBe('STORE_UNAVAILABLE');
    await theirs.close();
  });

  it('with a keyPrefix, RESP2, text numbers, RESP3 replies or auto-pipelining works all the same', async () => {
    const variants = [
      { keyPrefix: 'app*[1]:' },
      { protocol: 2 as const },
      { stringNumbers: true },
      { replyMapping: 'resp3' as const },
      { enableAutoPipelining: true },
    ];
    for (const options of variants) {
      const client = new Redis({ port: proxy.port, ...options } as { port: number });
      const theirs = redisStore({ client, prefix: newPrefix() });
      const mine = newKey();
      const stored = record({ a: '1', ['__proto__']: '2' }, { owner: 'u1', settings: { persistent: true } });
      expect(await theirs.create(mine, stored)).toBe(true);
      expect(await theirs.read(mine)).toEqual(stored);
      expect(await theirs.update(mine, change({ set: { b: '1' } }))).toBe('applied');
      expect(await keysOf(theirs, 'u1')).toEqual([mine]);
      const walked: string[] = [];
      for await (const one of theirs.walk()) walked.push(one);
      expect(walked).toEqual([mine]);
      expect((await theirs.check()).map(({ code }) => code)).toContain('REDIS_CLIENT');
      expect((await theirs.destroy(mine, { endMarkerMs: 1000 }))?.fields).toMatchObject({ a: '1', b: '1' });
      expect(await theirs.read(mine)).toBe('ended');
      await theirs.close();
      client.disconnect();
    }
  });
});

describe('a walk', () => {
  it('over a restart of the server shows every session, and none twice', async () => {
    await setUp('--appendonly', 'yes');
    const keys = Array.from({ length: 4000 }, newKey);
    for (let at = 0; at < keys.length; at += 500)
      await Promise.all(keys.slice(at, at + 500).map((one) => store.create(one, record())));
    const shown: string[] = [];
    for await (const one of store.walk()) {
      shown.push(one);
      if (shown.length !== 1500) continue;
      await server.kill();
      await server.start();
    }
    expect(shown.toSorted()).toEqual([key, ...keys].toSorted());
  }, 30_000);
});

describe('closing', () => {
  beforeEach(() => setUp());

  it('waits for all steps of the calls under way, and lets none begin', async () => {
    proxy.delayMs = 100;
    const naming = outcomeOf(() => store.update(key, change({ owner: 'u1', set: { b: '1' } })));
    await wait(20);
    const closing = store.close();
    expect((await outcomeOf(() => store.update(key, change({ set: { c: '1' } })))).code).toBe('STORE_UNAVAILABLE');
    await closing;
    expect(await naming).toMatchObject({ value: 'applied' });
    expect((await outcomeOf(() => store.read(key))).code).toBe('STORE_UNAVAILABLE');
    store = redisStore({ url: proxy.url, prefix });
    expect(await store.read(key)).toMatchObject({ owner: 'u1', fields: { a: '1', b: '1' } });
    expect(await keysOf(store, 'u1')).toEqual([key]);
  });

  it('waits until the entries of a page are forgotten', async () => {
    const keys = Array.from({ length: 900 }, newKey);
    const seconds = Math.floor(Date.now() / 1000) - 120;
    await store.update(key, change({ owner: 'u1' }));
    const [name = ''] = await server.admin.keys(`${prefix}owner:*`);
    for (const one of keys) await server.admin.zadd(name, String((seconds + 3600) * 2 ** 20 + 60), one);
    const pages: OwnerPage[] = [];
    for await (const page of store.keysByOwner('u1')) pages.push(page);
    proxy.delayMs = 50;
    const forgetting = Promise.all(pages.map((page) => page.forget(page.keys)));
    await wait(20);
    await store.close();
    await forgetting;
    // The one of the session is younger than a minute.
    expect(await server.admin.zrange(name, 0, '-1')).toEqual([key]);
  });

  it('waits for the calls under way', async () => {
    proxy.delayMs = 300;
    const reading = store.read(key);
    const writing = store.update(key, change({ set: { b: '1' } }));
    await wait(50);
    await store.close();
    expect(await reading).toMatchObject({ fields: { a: '1' } });
    expect(await writing).toBe('applied');
  });

  it('is quick when there is no server, and when nothing was ever asked', async () => {
    await server.kill();
    await outcomeOf(() => store.read(key));
    const begunAt = performance.now();
    await store.close();
    await redisStore({ url: server.url }).close();
    // Less than one call may wait for a connection.
    expect(performance.now() - begunAt).toBeLessThan(800);
  });
});
