import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { OwnerPage, SessionRecord } from '@sess/core';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FaultProxy, startProxy } from '../test/fault-proxy.ts';
import { type TestServer, freePort, startServer, until } from '../test/redis-server.ts';
import {
  by,
  changed,
  keysOf,
  newKey,
  newPrefix,
  outcomeOf,
  record,
  sessionOf,
  stored,
  update,
} from '@sess/store-tests/internal';
import { type RedisStore, redisStore } from './index.ts';

/** One operation's bound, and slack for a busy machine. */
const boundMs = 1000 + 600;

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
  await store.create(key, record({ a: '1' }), by());
  await update(store, key);
}

afterEach(async () => {
  await store.close();
  await proxy.dispose();
  await server.dispose();
});

/** All verbs, with what each comes to. Whatever happens, none takes longer than its bound. */
async function allVerbs(worker: RedisStore = store) {
  const outcomes = await Promise.all([
    outcomeOf(() => worker.read(key, by())),
    outcomeOf(() => worker.create(newKey(), record({ a: '1' }), by())),
    outcomeOf(() => update(worker, key, { b: '1' })),
    outcomeOf(() => worker.destroy(newKey(), { endMarkerMs: 1000 }, by())),
    outcomeOf(() => worker.create(newKey(), record({}, { owner: 'u1' }), by())),
    outcomeOf(() => keysOf(worker, 'u1')),
  ]);
  for (const { tookMs } of outcomes) expect(tookMs).toBeLessThan(boundMs);
  return outcomes.map(({ code }) => code ?? 'ok');
}

/** Which of the two depends on who gave the connection up first. */
async function expectFaults(worker: RedisStore = store): Promise<void> {
  for (const code of await allVerbs(worker)) expect(['STORE_TIMEOUT', 'STORE_UNAVAILABLE']).toContain(code);
}

const all = (code: string) => Array.from({ length: 6 }, () => code);

/** Service is back by itself, and soon: from the moment at which the fault is over. */
async function expectBack(withinMs = 3000): Promise<void> {
  const overAt = performance.now();
  await until(async () => (await outcomeOf(() => store.read(key, by()))).code === undefined, withinMs + 2000);
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
    expect(await stored(store, key)).toMatchObject({ fields: { a: '1' } });
  }, 20_000);

  it('that is killed and kept nothing: sessions are absent, and no late change makes one', async () => {
    await setUp();
    await server.kill();
    await server.start();
    await until(async () => (await outcomeOf(() => store.read(key, by()))).code === undefined);
    expect(await store.read(key, by())).toBeUndefined();
    expect(await update(store, key, { a: '2' })).toBe('gone');
    expect(await server.admin.dbsize()).toBe(0);
  }, 20_000);

  it('that is flushed: the same', async () => {
    await setUp();
    await server.admin.flushall();
    expect(await update(store, key, { a: '2' })).toBe('gone');
    expect(await store.read(key, by())).toBeUndefined();
  });

  it('that is frozen: faults are bounded, and nothing lands later', async () => {
    await setUp();
    server.freeze();
    await expectFaults();
    // By now the client has given its connection up; new ones are not answered either.
    await expectFaults();
    await wait(1000);
    server.thaw();
    await until(async () => (await outcomeOf(() => store.read(key, by()))).code === undefined, 3000);
    expect(await stored(store, key)).toMatchObject({ fields: { a: '1' } });
    expect((await stored(store, key)) as unknown).not.toMatchObject({ fields: { b: '1' } });
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
    await Promise.all(Array.from({ length: 300 }, () => store.create(newKey(), record({ a: '1' }), by())));
    await server.admin.save();
    await server.kill();
    await server.start('--key-load-delay', '10000', '--loading-process-events-interval-bytes', '1024');
    const { code, tookMs } = await outcomeOf(() => store.read(key, by()));
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
    const { code, error, tookMs } = await outcomeOf(() => early.read(key, by()));
    expect(code).toBe('STORE_UNAVAILABLE');
    expect(error?.message).toContain('ECONNREFUSED');
    expect(error?.message).toContain(`127.0.0.1:${server.port}`);
    expect(tookMs).toBeLessThan(boundMs);
    await server.start();
    await until(async () => (await outcomeOf(() => early.read(key, by()))).code === undefined, 3000);
    expect(await stored(early, key)).toMatchObject({ fields: { a: '1' } });
    await early.close();
  }, 20_000);

  it('that became a replica: reading works, writes fail, verdicts are not taken from it, and it is left', async () => {
    await setUp();
    const master = await startServer();
    await master.admin.config('SET', 'repl-diskless-sync-delay', '0');
    const old = sessionOf(await store.read(key, by()));
    await update(store, key);
    const before = sessionOf(await store.read(key, by()));
    // The new master knows the session too: the replica takes its data.
    const [, version] = /redis_version:(\S+)/.exec(await master.admin.info('server')) ?? [];
    expect(version).toBeDefined();
    const dump = await server.admin.dumpBuffer(prefix + key);
    await master.admin.restore(prefix + key, 60_000, dump as Buffer);
    await server.admin.replicaof('127.0.0.1', master.port);
    await until(async () => (await server.admin.info('replication')).includes('master_link_status:up'));

    expect(await stored(store, key)).toMatchObject({ fields: { a: '1' } });
    const unavailable = { code: 'STORE_UNAVAILABLE' };
    await expect(update(store, key, { a: '2' })).rejects.toMatchObject(unavailable);
    await until(async () => (await outcomeOf(() => store.read(key, by()))).code === undefined, 3000);
    // All of these would be answered without writing, if it were the master: "gone", a conflict, "taken" and "nothing".
    await expect(store.replace(newKey(), before.version, before.record, by())).rejects.toMatchObject(unavailable);
    await until(async () => (await outcomeOf(() => store.read(key, by()))).code === undefined, 3000);
    await expect(store.replace(key, old.version, old.record, by())).rejects.toMatchObject(unavailable);
    await until(async () => (await outcomeOf(() => store.read(key, by()))).code === undefined, 3000);
    await expect(store.create(key, record(), by())).rejects.toMatchObject(unavailable);
    await until(async () => (await outcomeOf(() => store.read(key, by()))).code === undefined, 3000);
    await expect(store.destroy(newKey(), {}, by())).rejects.toMatchObject(unavailable);

    // The address leads to the new master now. READONLY made the client connect anew.
    proxy.target = master.port;
    await outcomeOf(() => update(store, key));
    await expectBack();
    expect(await update(store, key, { a: '2' })).toBe('replaced');
    expect(await master.admin.get(prefix + key)).toMatch(/,0,0,"a",1,"b",1\]\n21$/);
    await master.dispose();
  }, 20_000);

  it('that was demoted behind a cut link does not say of a session of its successor that there is none', async () => {
    await setUp();
    // It follows an address where nobody answers: nothing that the new master is told comes to it.
    await server.admin.replicaof('127.0.0.1', await freePort());
    expect(await server.admin.info('replication')).toMatch(/role:slave[^]*master_link_status:down/);
    const ofTheNewMaster = newKey();
    for (let count = 0; count < 3; count++) {
      const { code, error } = await outcomeOf(() => store.read(ofTheNewMaster, by()));
      expect(code).toBe('STORE_UNAVAILABLE');
      expect(error?.message).toContain('read-only replica');
      await until(async () => (await outcomeOf(() => store.read(key, by()))).code === undefined, 3000);
    }
    // Nor that an owner has no more sessions than it knows of: "log out everywhere" would be told a lie.
    expect(await outcomeOf(() => keysOf(store, 'u1'))).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await server.admin.replicaof('NO', 'ONE');
    await until(async () => (await outcomeOf(() => store.read(ofTheNewMaster, by()))).code === undefined, 3000);
    expect(await store.read(ofTheNewMaster, by())).toBeUndefined();
  });

  it('that is cut off and was not told that it is no master any more says so neither, with min-replicas-to-write', async () => {
    await setUp('--min-replicas-to-write', '0', '--min-replicas-max-lag', '1', '--repl-diskless-sync-delay', '0');
    const toTheMaster = await startProxy(server.port);
    const replica = await startServer('--replicaof', '127.0.0.1', String(toTheMaster.port));
    await until(async () => (await server.admin.info('replication')).includes('state=online'));
    expect((await store.check()).map(({ code }) => code)).toContain('REDIS_CUT_OFF');
    await server.admin.config('SET', 'min-replicas-to-write', '1');
    expect((await store.check()).map(({ code }) => code)).not.toContain('REDIS_CUT_OFF');
    await until(async () => (await outcomeOf(() => update(store, key))).code === undefined, 5000);
    expect(await store.read(newKey(), by())).toBeUndefined();
    toTheMaster.swallow();
    await until(async () => (await outcomeOf(() => store.read(newKey(), by()))).code !== undefined, 5000);
    const { code, error } = await outcomeOf(() => store.read(newKey(), by()));
    expect(code).toBe('STORE_UNAVAILABLE');
    expect(error?.message).toContain('min-replicas-to-write');
    expect(await stored(store, key)).toMatchObject({ fields: { a: '1' } });
    await toTheMaster.dispose();
    await replica.dispose();
  }, 20_000);

  it('that became a replica, or is frozen, is left once, however many calls fail: Node prints no warning of it', async () => {
    await setUp();
    const warnings: Error[] = [];
    const note = (warning: Error) => void warnings.push(warning);
    process.on('warning', note);
    await server.admin.replicaof('127.0.0.1', await freePort());
    const calls = () => Array.from({ length: 60 }, () => outcomeOf(() => update(store, key)));
    for (const { code } of await Promise.all(calls())) expect(code).toBe('STORE_UNAVAILABLE');
    await until(async () => (await outcomeOf(() => store.read(key, by()))).code === undefined, 3000);
    server.freeze();
    for (const { code } of await Promise.all(calls())) expect(code).toMatch(/^STORE_(TIMEOUT|UNAVAILABLE)$/);
    server.thaw();
    await until(async () => (await outcomeOf(() => store.read(key, by()))).code === undefined, 3000);
    process.off('warning', note);
    expect(warnings).toEqual([]);
  }, 20_000);

  it('that misses its replicas or its disk refuses writes: unavailable', async () => {
    await setUp();
    await server.admin.config('SET', 'min-replicas-to-write', '1');
    expect(await stored(store, key)).toMatchObject({ fields: { a: '1' } });
    await expect(update(store, key, { a: '2' })).rejects.toMatchObject({
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
    const { code, error, tookMs } = await outcomeOf(() => store.read(key, by()));
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
    await update(store, key, { n: '5', list: '[1,2,3]' });
    await server.admin.config('SET', 'maxmemory', '1mb');
  });

  it('still reads, touches, removes, counts, and lists by owner', async () => {
    await expect(server.admin.set('more', 'x')).rejects.toThrow('OOM');
    expect(await stored(store, key)).toMatchObject({ fields: { a: '1', n: '5' } });
    const later = Date.now() + 3_600_000;
    const ids = Array.from({ length: 12 }, (_, at) => `abcdefgh${at}`);
    expect(await update(store, key, {}, { expiresAt: later, writeIds: ids })).toBe('replaced');
    expect(await update(store, key, { n: '6' }, { expiresAt: later })).toBe('replaced');
    const old = sessionOf(await store.read(key, by()));
    expect(await update(store, key, { list: '[1]' }, { expiresAt: later })).toBe('replaced');
    expect(await update(store, key, { a: undefined }, { expiresAt: later })).toBe('replaced');
    expect(await store.replace(key, old.version, old.record, by())).toMatchObject({ verdict: 'conflict' });
    expect(await stored(store, key)).toMatchObject({ fields: { n: '6', list: '[1]' }, expiresAt: later });
    expect(await server.admin.pttl(prefix + key)).toBeGreaterThan(3_500_000);
    expect(await keysOf(store, 'u1')).toEqual([]);
  });

  it('refuses what grows, and then nothing of it is written', async () => {
    const before = await server.admin.dumpBuffer(prefix + key);
    const full = { code: 'STORE_FULL' };
    await expect(store.create(newKey(), record({ a: '1' }), by())).rejects.toMatchObject(full);
    await expect(store.create(newKey(), record({}, { owner: 'u1' }), by())).rejects.toMatchObject(full);
    await expect(update(store, key, { b: '12', n: undefined })).rejects.toMatchObject(full);
    await expect(update(store, key, { list: '[1,2,3,4]' })).rejects.toMatchObject(full);
    await expect(update(store, key, {}, { owner: 'u1' })).rejects.toMatchObject(full);
    expect(await server.admin.dumpBuffer(prefix + key)).toEqual(before);
    expect(await server.admin.keys(`${prefix}*`)).toEqual([prefix + key]);
  });

  it('ends sessions, and their end markers stand', async () => {
    expect(await store.destroy(key, { endMarkerMs: 60_000 }, by())).toMatchObject({ fields: { n: '5' } });
    expect(await store.read(key, by())).toEqual({ ended: true });
    const absent = newKey();
    expect(await store.destroy(absent, { endMarkerMs: 60_000 }, by())).toBeUndefined();
    expect(await store.read(absent, by())).toEqual({ ended: true });
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
    const [read, create, write, , login] = await running;
    expect([read, create, write, login]).toEqual(['ok', 'ok', 'ok', 'ok']);
    proxy.delayMs = 0;
    await expectBack();
  });

  it('that is reset under a destroy without an end marker leaves its outcome unknown, and says so', async () => {
    proxy.delayMs = 100;
    const running = outcomeOf(() => store.destroy(key, {}, by()));
    await wait(50);
    proxy.reset();
    expect((await running).code).toBe('STORE_UNAVAILABLE');
  });

  it('that is half open is given up by the first call, and the next ones work', async () => {
    proxy.swallow();
    const calls = [() => store.read(key, by()), () => store.destroy(newKey(), {}, by())];
    for (const { code, tookMs } of await Promise.all(calls.map((call) => outcomeOf<unknown>(call)))) {
      expect(['STORE_TIMEOUT', 'STORE_UNAVAILABLE']).toContain(code);
      expect(tookMs).toBeLessThan(boundMs);
    }
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

  it('that is accepted and closed again and again is unavailable, at whatever moment the time of a call is up', async () => {
    const balancer = createServer((socket) => {
      socket.on('error', () => {});
      setTimeout(() => socket.end(), 200);
    }).listen(0, '127.0.0.1');
    await once(balancer, 'listening');
    const worker = redisStore({ url: `redis://127.0.0.1:${(balancer.address() as AddressInfo).port}`, prefix });
    // The first connection is made by the first call: until it is closed, the server is only silent.
    await outcomeOf(() => worker.read(key, by()));
    for (let round = 0; round < 3; round++) {
      expect(await allVerbs(worker)).toEqual(all('STORE_UNAVAILABLE'));
      await wait(130);
    }
    await expect(worker.read(key, by())).rejects.toThrow(/cannot be reached: the connection was closed\./);
    await worker.close();
    balancer.close();
  });

  it('that answers nonsense is a fault, and is made anew', async () => {
    proxy.garble('get');
    const { code, tookMs } = await outcomeOf(() => store.read(key, by()));
    expect(code === undefined || code === 'STORE_UNAVAILABLE').toBe(true);
    expect(tookMs).toBeLessThan(boundMs);
    await expectBack();
    expect(await stored(store, key)).toMatchObject({ fields: { a: '1' } });
  });

  it('is not given up because this process was busy', async () => {
    // Not through the proxy, which is busy too.
    const direct = redisStore({ url: server.url, prefix });
    await direct.read(key, by());
    const found = sessionOf(await direct.read(key, by()));
    const reading = Promise.all([
      direct.read(key, by()),
      direct.replace(key, found.version, changed(found.record, { b: '2' }), by()),
    ]);
    for (const idleAt = performance.now() + 1500; performance.now() < idleAt;);
    const [read, outcome] = await reading;
    expect(read).toMatchObject({ record: { fields: { a: '1' } } });
    expect(outcome.verdict).toBe('replaced');
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
    await direct.read(key, by());
    await update(direct, key, { b: '0' });
  });
  afterEach(() => direct.close());

  /** One write, of what was read before: a single step. */
  async function writer(more: Partial<SessionRecord> = {}) {
    const { record: before, version } = sessionOf(await direct.read(key, by()));
    return (b: string) => outcomeOf(() => direct.replace(key, version, changed(before, { b }, more), by()));
  }

  it('in the turn in which a command is given, so that it leaves when its time is up, waits for its answer', async () => {
    for (const ms of [1000, 1000.3, 1001, 1005, 1050, 1200, 1700]) {
      const write = await writer();
      const giving = Promise.all([
        outcomeOf(() => direct.read(key, by())),
        write(String(ms)),
        outcomeOf(() => direct.create(newKey(), record({}, { owner: 'u1' }), by())),
        outcomeOf(() => direct.destroy(newKey(), { endMarkerMs: 1000 }, by())),
      ]);
      stall(ms);
      expect((await giving).map(({ error }) => error?.message)).toEqual([undefined, undefined, undefined, undefined]);
      expect(await stored(direct, key)).toMatchObject({ fields: { b: String(ms) } });
    }
  }, 30_000);

  it('between two steps of a write waits for the second', async () => {
    // The entry of the owner is written first, and has been answered when the stall begins.
    for (const ms of [980, 995, 1000, 1050, 1200]) {
      const giving = (await writer({ owner: `of ${ms}` }))('1');
      await wait(20);
      stall(ms);
      expect((await giving).error?.message).toBeUndefined();
      const slow = (await writer({ owner: `and of ${ms}` }))('2');
      setImmediate(() => setImmediate(() => stall(ms)));
      expect({ ms, message: (await slow).error?.message }).toEqual({ ms });
    }
  }, 30_000);

  it('before it reads answers does not take the time of reading for the time of answering', async () => {
    for (const ms of [1050, 500, 700, 300, 980, 980]) {
      const giving = (await writer())('1');
      // The command has left by then.
      setImmediate(() => stall(ms));
      expect((await giving).error?.message).toBeUndefined();
    }
  }, 30_000);

  it('while the server is frozen: what it was told has failed does nothing after another write was answered', async () => {
    const write = await writer();
    const giving = write('"late"');
    server.freeze();
    stall(1300);
    expect((await giving).code).toBe('STORE_TIMEOUT');
    server.thaw();
    await until(async () => (await outcomeOf(() => update(direct, key, { b: '"later"' }))).code === undefined, 3000);
    await wait(300);
    expect(await stored(direct, key)).toMatchObject({ fields: { b: '"later"' } });
  }, 20_000);

  it('is told of a time that is up already, and nothing is sent', async () => {
    const outcome = await outcomeOf(() => direct.create(newKey(), record(), performance.now() - 1));
    expect(outcome.code).toBe('STORE_TIMEOUT');
    expect(await server.admin.dbsize()).toBe(1);
  });
});

describe('timers that a test has replaced', () => {
  beforeEach(() => setUp());
  afterEach(() => vi.useRealTimers());

  it('hold back no command', async () => {
    vi.useFakeTimers({ toFake: ['setImmediate'] });
    expect(await stored(store, key)).toMatchObject({ fields: { a: '1' } });
    expect(await update(store, key, { a: '2' })).toBe('replaced');
  }, 5000);
});

describe("a user's client", () => {
  beforeEach(() => setUp());

  it('that never settles a lost command (autoResendUnfulfilledCommands: false, ioredis 6.0.0) is bounded', async () => {
    const client = new Redis(proxy.port, { autoResendUnfulfilledCommands: false });
    client.on('error', () => {});
    const theirs = redisStore({ client, prefix });
    await theirs.read(key, by());
    proxy.delayMs = 200;
    const running = outcomeOf(() => theirs.destroy(key, {}, by()));
    await wait(100);
    proxy.reset();
    expect((await running).code).toBe('STORE_UNAVAILABLE');
    proxy.delayMs = 0;
    await until(async () => (await outcomeOf(() => theirs.read(key, by()))).code === undefined, 3000);
    await theirs.close();
    client.disconnect();
  });

  it('with defaults is bounded when the server is frozen, killed or unreachable', async () => {
    const client = new Redis(proxy.port);
    client.on('error', () => {});
    const theirs = redisStore({ client, prefix });
    await theirs.read(key, by());
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
    expect(await stored(theirs, key)).toMatchObject({ fields: { a: '1' } });
    await theirs.close();
    client.disconnect();
  });

  it('that is lazy connects at the first call; that was closed says so at once', async () => {
    const client = new Redis(proxy.port, { lazyConnect: true });
    const theirs = redisStore({ client, prefix });
    expect(client.status).toBe('wait');
    expect(await stored(theirs, key)).toMatchObject({ fields: { a: '1' } });
    await client.quit();
    await until(() => client.status === 'end');
    const { code, tookMs } = await outcomeOf(() => theirs.read(key, by()));
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
    await theirs.read(key, by());
    await theirs.close();
    await theirs.close();
    expect(events.map((name) => client.listenerCount(name))).toEqual(before);
    expect(await client.ping()).toBe('PONG');
    await expect(theirs.read(key, by())).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    client.disconnect();
  });

  it('that was switched to another database is refused, for every verb, and nothing is looked for there', async () => {
    const client = new Redis(proxy.port);
    const theirs = redisStore({ client, prefix });
    expect(await stored(theirs, key)).toMatchObject({ fields: { a: '1' } });
    await client.select(3);
    proxy.forget();
    const verbs: (() => Promise<unknown>)[] = [
      () => theirs.read(key, by()),
      () => theirs.read(newKey(), by()),
      () => theirs.create(newKey(), record(), by()),
      () => theirs.create(newKey(), record({}, { owner: 'u1' }), by()),
      () => update(theirs, key, { a: '2' }),
      () => theirs.destroy(key, {}, by()),
    ];
    for (const verb of verbs) {
      const { code, error } = await outcomeOf(verb);
      expect(code).toBe('STORE_UNAVAILABLE');
      expect(error?.message).toMatch(/\/0\) was switched to database 3 by SELECT.*client\.duplicate\(\)/);
    }
    expect(proxy.commands).toEqual([]);
    await client.select(0);
    expect(await stored(theirs, key)).toMatchObject({ fields: { a: '1' } });
    // Also between two steps of one call, and where the app does not wait for its own SELECT.
    const reading = outcomeOf(() => theirs.read(newKey(), by()));
    void client.select(5);
    const creating = outcomeOf(() => theirs.create(newKey(), record(), by()));
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
    await theirs.create(mine, record({ a: '3' }), by());
    proxy.reset();
    await until(async () => (await outcomeOf(() => theirs.read(mine, by()))).code === undefined, 3000);
    expect(await stored(theirs, mine)).toMatchObject({ fields: { a: '3' } });
    expect(await store.read(mine, by())).toBeUndefined();
    await theirs.close();
    client.disconnect();
  });

  it('that is inside a MULTI is refused: no verdict, and no advice to delete a session that is well', async () => {
    const client = new Redis(proxy.port);
    const theirs = redisStore({ client, prefix });
    const fresh = redisStore({ client, prefix });
    await update(theirs, key);
    await client.multi({ pipeline: false });
    const verbs: (() => Promise<unknown>)[] = [
      () => theirs.read(key, by()),
      () => theirs.create(newKey(), record(), by()),
      () => theirs.create(newKey(), record({}, { owner: 'u1' }), by()),
      () => update(theirs, key),
      () => theirs.destroy(newKey(), {}, by()),
      () => update(fresh, key),
    ];
    for (const verb of verbs) {
      const { code, error } = await outcomeOf(verb);
      expect(code).toBe('STORE_UNAVAILABLE');
      expect(error?.message).toMatch(/inside a MULTI.*client\.duplicate\(\)/);
    }
    await client.discard();
    expect(await stored(theirs, key)).toMatchObject({ fields: { a: '1' } });
    expect(await update(fresh, key, { b: '1' })).toBe('replaced');
    await theirs.close();
    await fresh.close();
    client.disconnect();
  });

  it('that is subscribed to channels is used where the protocol allows it, and refused by name where not', async () => {
    const readBy = async (protocol: 2 | 3) => {
      const client = new Redis({ port: proxy.port, protocol });
      const theirs = redisStore({ client, prefix });
      await theirs.read(key, by());
      await client.subscribe('news');
      const outcome = await outcomeOf(() => theirs.read(key, by()));
      await theirs.close();
      client.disconnect();
      return outcome;
    };
    expect((await readBy(3)).value).toMatchObject({ record: { fields: { a: '1' } } });
    const { code, error } = await readBy(2);
    expect(code).toBe('STORE_UNAVAILABLE');
    expect(error?.message).toContain('client.duplicate()');
  });

  it('that only looks like one is used as far as it goes', async () => {
    const looks = {
      getBuffer: async () => null,
      getexBuffer: async () => null,
      evalshaBuffer: async () => 1,
      duplicate: () => {},
      on: () => looks,
      off: () => looks,
      status: 'ready',
      isCluster: false,
      options: {},
    };
    const theirs: RedisStore = Reflect.apply(redisStore, undefined, [{ client: looks }]);
    expect(await theirs.read(key, by())).toBeUndefined();
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
      const whole = record({ a: '1', ['__proto__']: '2' }, { owner: 'u1', settings: { persistent: true } });
      expect(await theirs.create(mine, whole, by())).toBeDefined();
      expect(await theirs.create(mine, whole, by())).toBeUndefined();
      expect(await stored(theirs, mine)).toEqual(whole);
      const old = sessionOf(await theirs.read(mine, by()));
      expect(await update(theirs, mine, { b: '1', long: 'x'.repeat(5000) })).toBe('replaced');
      expect(await theirs.replace(mine, old.version, old.record, by())).toMatchObject({ verdict: 'conflict' });
      expect(await update(theirs, mine, { b: '2' })).toBe('replaced');
      expect(await theirs.read(newKey(), by())).toBeUndefined();
      expect(await keysOf(theirs, 'u1')).toEqual([mine]);
      const walked: string[] = [];
      for await (const one of theirs.walk()) walked.push(one);
      expect(walked).toEqual([mine]);
      expect((await theirs.check()).map(({ code }) => code)).toContain('REDIS_CLIENT');
      expect(await theirs.destroy(mine, { endMarkerMs: 1000 }, by())).toMatchObject({ fields: { a: '1', b: '2' } });
      expect(await theirs.read(mine, by())).toEqual({ ended: true });
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
      await Promise.all(keys.slice(at, at + 500).map((one) => store.create(one, record(), by())));
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
    const { record: before, version } = sessionOf(await store.read(key, by()));
    const write = (fields: Record<string, string>, more: Partial<SessionRecord> = {}) =>
      outcomeOf(() => store.replace(key, version, changed(before, fields, more), by()));
    proxy.delayMs = 100;
    const naming = write({ b: '1' }, { owner: 'u1' });
    await wait(20);
    const closing = store.close();
    expect((await write({ c: '1' })).code).toBe('STORE_UNAVAILABLE');
    await closing;
    expect(await naming).toMatchObject({ value: { verdict: 'replaced' } });
    expect((await outcomeOf(() => store.read(key, by()))).code).toBe('STORE_UNAVAILABLE');
    store = redisStore({ url: proxy.url, prefix });
    expect(await stored(store, key)).toMatchObject({ owner: 'u1', fields: { a: '1', b: '1' } });
    expect(await keysOf(store, 'u1')).toEqual([key]);
  });

  it('waits until the entries of a page are forgotten', async () => {
    const keys = Array.from({ length: 900 }, newKey);
    const seconds = Math.floor(Date.now() / 1000) - 120;
    await update(store, key, {}, { owner: 'u1' });
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
    const { record: before, version } = sessionOf(await store.read(key, by()));
    proxy.delayMs = 300;
    const reading = store.read(key, by());
    const writing = store.replace(key, version, changed(before, { b: '1' }), by());
    await wait(50);
    await store.close();
    expect(await reading).toMatchObject({ record: { fields: { a: '1' } } });
    expect(await writing).toMatchObject({ verdict: 'replaced' });
  });

  it('is quick when there is no server, and when nothing was ever asked', async () => {
    await server.kill();
    await outcomeOf(() => store.read(key, by()));
    const begunAt = performance.now();
    await store.close();
    await redisStore({ url: server.url }).close();
    // Less than one call may wait for a connection.
    expect(performance.now() - begunAt).toBeLessThan(800);
  });
});
