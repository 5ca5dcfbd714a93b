import { setTimeout as wait } from 'node:timers/promises';
import { type SessionKey, isEndMarker } from '@sess/core';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startProxy } from '../test/fault-proxy.ts';
import { type TestServer, startCluster, startSentinel, startServer, until } from '../test/redis-server.ts';
import { by, keysOf, newKey, newPrefix, outcomeOf, record, stored, update } from '@sess/store-tests/internal';
import { type RedisStore, redisStore } from './index.ts';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});
function later<T extends { dispose(): Promise<unknown> }>(thing: T): T {
  cleanUps.push(() => thing.dispose());
  return thing;
}
function opened(options: Parameters<typeof redisStore>[0]): RedisStore {
  const store = redisStore(options);
  cleanUps.push(() => store.close());
  return store;
}

/** Replication is asynchronous: what the test relies on has arrived. */
async function replicated(servers: readonly (TestServer | undefined)[]): Promise<void> {
  await until(async () => {
    const counts = await Promise.all(servers.map(async (server) => server?.admin.dbsize()));
    return counts.every((count) => count === counts[0]);
  });
}

/** Reads and writes without a pause until told to stop; whatever is answered must be right. */
function load(store: RedisStore, keys: readonly SessionKey[]) {
  let isRunning = true;
  const counts = {
    right: 0,
    faults: 0,
    wrong: [] as string[],
    longestMs: 0,
    lastFaultAt: 0,
    messages: new Set<string | undefined>(),
  };
  const acknowledged = new Map<SessionKey, number>();
  const workers = keys.map(async (key) => {
    for (let n = 1; isRunning; n++) {
      const written = await outcomeOf(() => update(store, key, { n: String(n) }));
      const read = await outcomeOf(() => store.read(key, by()));
      for (const { code, error, tookMs } of [written, read]) {
        counts.longestMs = Math.max(counts.longestMs, tookMs);
        if (code === undefined) counts.right += 1;
        else {
          counts.faults += 1;
          counts.messages.add(error?.message);
          counts.lastFaultAt = performance.now();
        }
      }
      if (written.value === 'replaced') acknowledged.set(key, n);
      else if (written.value !== undefined) counts.wrong.push(`update: ${JSON.stringify(written.value)}`);
      if (read.code === undefined && (read.value === undefined || isEndMarker(read.value))) {
        counts.wrong.push(`read: ${JSON.stringify(read.value)}`);
      }
      await wait(5);
    }
  });
  return {
    counts,
    acknowledged,
    async stop() {
      isRunning = false;
      await Promise.all(workers);
    },
  };
}

describe('Sentinel', () => {
  it('fails over when the master dies: a few seconds of faults, no false logout, no restart', async () => {
    const sentinel = later(await startSentinel());
    const store = opened({ url: sentinel.url, prefix: newPrefix() });
    const keys = Array.from({ length: 8 }, newKey);
    for (const key of keys) await store.create(key, record({ a: '1' }, { owner: 'u1' }), by());
    // Replication is asynchronous: what the test relies on has arrived.
    await replicated(sentinel.servers);
    const running = load(store, keys);
    await wait(300);
    await sentinel.servers[0]?.kill();
    const diedAt = performance.now();
    await until(async () => (await sentinel.servers[1]?.admin.info('replication'))?.includes('role:master') ?? false);
    await until(async () => (await outcomeOf(() => update(store, keys[0] ?? ''))).code === undefined, 5000);
    await wait(1000);
    await running.stop();
    const { counts } = running;
    expect(counts.wrong).toEqual([]);
    expect(counts.faults).toBeGreaterThan(0);
    expect(counts.longestMs).toBeLessThan(1600);
    expect(counts.lastFaultAt - diedAt).toBeLessThan(8000);
    console.log(
      `sentinel: ${counts.right} right, ${counts.faults} faults, ${Math.round(counts.lastFaultAt - diedAt)} ms`,
    );
    expect((await keysOf(store, 'u1')).length).toBe(8);
  }, 60_000);

  it('follows a failover away from a master that is frozen', async () => {
    const sentinel = later(await startSentinel());
    const store = opened({ url: sentinel.url, prefix: newPrefix() });
    const key = newKey();
    await store.create(key, record({ a: '1' }), by());
    await replicated(sentinel.servers);
    sentinel.servers[0]?.freeze();
    await until(async () => (await sentinel.servers[1]?.admin.info('replication'))?.includes('role:master') ?? false);
    await until(async () => (await outcomeOf(() => update(store, key, { a: '2' }))).code === undefined, 3000);
    expect(await stored(store, key)).toMatchObject({ fields: { a: '2' } });
    expect(await sentinel.servers[1]?.admin.dbsize()).toBe(1);
  }, 60_000);
});

describe('Cluster', () => {
  it('goes on when a master dies: faults for its slots until a replica takes over, none for the others', async () => {
    const cluster = later(await startCluster(1));
    const store = opened({ url: cluster.url, prefix: newPrefix() });
    const keys = Array.from({ length: 12 }, newKey);
    for (const key of keys) await store.create(key, record({ a: '1' }, { owner: 'u1' }), by());
    for (const [at, master] of cluster.masters.entries()) await replicated([master, cluster.replicas[at]]);
    const running = load(store, keys);
    await wait(300);
    const [first] = cluster.masters;
    await first?.kill();
    const diedAt = performance.now();
    await until(async () =>
      (await Promise.all(cluster.replicas.map(({ admin }) => admin.info('replication')))).some((info) =>
        info.includes('role:master'),
      ),
    );
    for (const key of keys) {
      await until(async () => (await outcomeOf(() => update(store, key))).code === undefined, 5000);
    }
    await wait(1000);
    await running.stop();
    const { counts } = running;
    console.log(
      `cluster: ${counts.right} right, ${counts.faults} faults, ${Math.round(counts.lastFaultAt - diedAt)} ms`,
    );
    expect(counts.wrong).toEqual([]);
    expect(counts.faults).toBeGreaterThan(0);
    expect(counts.longestMs).toBeLessThan(1600);
    expect(counts.lastFaultAt - diedAt).toBeLessThan(10_000);
    const walked: string[] = [];
    for await (const key of store.walk()) walked.push(key);
    expect(walked.toSorted()).toEqual(keys.toSorted());
  }, 60_000);

  it('follows slots that move to another master while they are read and written', async () => {
    const cluster = later(await startCluster());
    const [from, to, third] = cluster.masters as readonly [TestServer, TestServer, TestServer];
    const store = opened({ url: cluster.url, prefix: newPrefix() });
    const keys = Array.from({ length: 30 }, newKey);
    for (const key of keys) await store.create(key, record({ a: '1' }), by());
    const fromId = String(await from.admin.call('CLUSTER', 'MYID'));
    const toId = String(await to.admin.call('CLUSTER', 'MYID'));
    const running = load(store, keys);
    for (const name of await from.admin.keys('*')) {
      const slot = Number(await from.admin.call('CLUSTER', 'KEYSLOT', name));
      await to.admin.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
      await from.admin.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
      await wait(20);
      await from.admin.migrate('127.0.0.1', to.port, name, 0, 10_000);
      await wait(20);
      // First where it is now: else the two send everybody to each other for a moment.
      for (const { admin } of [to, from, third]) await admin.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
    }
    await running.stop();
    expect(running.counts.wrong).toEqual([]);
    expect([...running.counts.messages]).toEqual([]);
    expect(running.counts.faults).toBe(0);
    for (const [key, n] of running.acknowledged) {
      expect(await stored(store, key)).toMatchObject({ fields: { n: String(n) } });
    }
  }, 60_000);

  it('that does not serve a slot any more is unavailable, and says why', async () => {
    const cluster = later(await startCluster());
    const store = opened({ url: cluster.url, prefix: newPrefix() });
    const key = newKey();
    await store.create(key, record({ a: '1' }), by());
    for (const { admin } of cluster.masters) {
      const [node] = String(await admin.call('CLUSTER', 'NODES'))
        .split('\n')
        .filter((line) => line.includes('myself'));
      const [from, to] = (node?.split(' ')[8] ?? '').split('-');
      await admin.call('CLUSTER', 'DELSLOTSRANGE', from ?? '', to ?? '');
    }
    const calls: (() => Promise<unknown>)[] = [
      () => store.read(key, by()),
      () => update(store, key),
      () => store.create(newKey(), record(), by()),
    ];
    for (const call of calls) {
      // Within the second that a caller waits, as soon as this machine lets the client ask often enough in it.
      await until(async () => {
        const { code, error } = await outcomeOf(call);
        if (code === 'STORE_TIMEOUT') return false;
        expect(error?.message).toContain('is a cluster that is down');
        expect(code).toBe('STORE_UNAVAILABLE');
        return true;
      });
    }
  }, 30_000);

  it('asked as if it were a single server, says what to do', async () => {
    const cluster = later(await startCluster());
    const store = opened({ url: cluster.masters[0]?.url ?? '', prefix: newPrefix() });
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => outcomeOf(() => store.read(newKey(), by()))));
    const refused = outcomes.find(({ code }) => code !== undefined);
    expect(refused?.code).toBe('STORE_UNAVAILABLE');
    expect(refused?.error?.message).toContain('redis+cluster://');
  }, 30_000);
});

describe('durability', () => {
  /** WAIT came back short, or a busy machine did not get so far. */
  const unconfirmed = ['STORE_UNAVAILABLE', 'STORE_TIMEOUT'];

  async function pair() {
    const master = later(await startServer());
    const link = later(await startProxy(master.port));
    const replica = later(await startServer('--replicaof', '127.0.0.1', String(link.port)));
    await master.admin.config('SET', 'repl-diskless-sync-delay', '0');
    const replicates = async () =>
      (await master.admin.info('replication')).includes('state=online') &&
      (await replica.admin.info('replication')).includes('master_link_status:up');
    await until(replicates);
    // The first answers of a replica that has just come take their time.
    await until(async () => (await master.admin.set('first', '1')) === 'OK' && (await master.admin.wait(1, 500)) === 1);
    await master.admin.del('first');
    await replicated([master, replica]);
    return { master, link, replica };
  }

  /** Loses the master: the replica is all there is. */
  async function survive(master: TestServer, replica: TestServer): Promise<void> {
    await master.kill();
    await replica.admin.replicaof('NO', 'ONE');
  }

  it('default: a logout that the replica did not hear of is undone by a failover (the honest edge)', async () => {
    const { master, link, replica } = await pair();
    const prefix = newPrefix();
    const store = opened({ url: master.url, prefix });
    const key = newKey();
    await store.create(key, record({ a: '1' }), by());
    await replicated([master, replica]);
    link.swallow();
    expect(await store.destroy(key, {}, by())).toMatchObject({ fields: { a: '1' } });
    await survive(master, replica);
    const after = opened({ url: replica.url, prefix });
    expect(await stored(after, key)).toMatchObject({ fields: { a: '1' } });
  }, 30_000);

  it('replicated: such a logout and such a login are not confirmed, within the bound', async () => {
    const { master, link } = await pair();
    const prefix = newPrefix();
    const store = opened({ url: master.url, prefix, durability: 'replicated' });
    const key = newKey();
    expect(await store.create(key, record({ a: '1' }, { owner: 'u1' }), by())).toBeDefined();
    link.swallow();
    const logout = await outcomeOf(() => store.destroy(key, { endMarkerMs: 60_000 }, by()));
    expect(unconfirmed).toContain(logout.code);
    expect(logout.error?.message).toMatch(/not confirmed|did not confirm/);
    expect(logout.tookMs).toBeLessThan(1300);
    // Nothing is there any more, but that is not confirmed either; with and without an end marker.
    expect(unconfirmed).toContain((await outcomeOf(() => store.destroy(key, {}, by()))).code);
    expect(unconfirmed).toContain((await outcomeOf(() => store.destroy(newKey(), {}, by()))).code);
    expect(unconfirmed).toContain((await outcomeOf(() => store.create(newKey(), record(), by()))).code);
    // Another worker, which has written nothing itself, is not told that it is over either.
    const another = opened({ url: master.url, prefix, durability: 'replicated' });
    expect(unconfirmed).toContain((await outcomeOf(() => another.destroy(key, {}, by()))).code);
    expect(unconfirmed).toContain((await outcomeOf(() => another.destroy(newKey(), {}, by()))).code);
    // Many at once: none waits for the rounds of all those before it.
    const crowd = await Promise.all(
      Array.from({ length: 50 }, () => outcomeOf(() => store.create(newKey(), record(), by()))),
    );
    for (const { code, tookMs } of crowd) {
      expect(unconfirmed).toContain(code);
      expect(tookMs).toBeLessThan(1600);
    }
    // Reading and ordinary writes do not wait for replicas.
    expect(await store.read(key, by())).toEqual({ ended: true });
  }, 30_000);

  it('replicated: what was confirmed survives the master, and what was refused can be had again', async () => {
    const { master, link, replica } = await pair();
    const prefix = newPrefix();
    const store = opened({ url: master.url, prefix, durability: 'replicated' });
    const [stays, goes] = [newKey(), newKey()];
    expect(await store.create(stays, record({ a: '1' }), by())).toBeDefined();
    expect(await store.create(goes, record({ a: '2' }), by())).toBeDefined();
    link.swallow();
    expect(unconfirmed).toContain((await outcomeOf(() => store.destroy(goes, {}, by()))).code);
    link.reset();
    await until(async () => (await outcomeOf(() => store.destroy(goes, {}, by()))).code === undefined, 20_000);
    await survive(master, replica);
    const after = opened({ url: replica.url, prefix });
    expect(await after.read(goes, by())).toBeUndefined();
    expect(await stored(after, stays)).toMatchObject({ fields: { a: '1' } });
  }, 40_000);

  it('replicated: what WAIT says no word about is not confirmed, whatever it says, and not sent again', async () => {
    const master = later(await startServer());
    const store = opened({ url: master.url, prefix: newPrefix(), durability: 'replicated' });
    const waiting = vi.spyOn(Redis.prototype, 'wait').mockResolvedValue(1);
    const [first, second] = [newKey(), newKey()];
    for (const key of [first, second]) expect(await store.create(key, record({ a: '1' }), by())).toBeDefined();
    waiting.mockRejectedValueOnce(new Error('BUSY Redis is busy running a script.'));
    waiting.mockRejectedValueOnce(new Error("Stream isn't writeable and enableOfflineQueue options is false"));
    for (const key of [first, second]) {
      const { code, error } = await outcomeOf(() => store.destroy(key, {}, by()));
      expect(code).toBe('STORE_UNAVAILABLE');
      expect(error?.message).toContain('not confirmed');
      expect(await store.read(key, by())).toBeUndefined();
    }
  });

  it('replicated: a fault names the server', async () => {
    const master = later(await startServer());
    const store = opened({ url: master.url, prefix: newPrefix(), durability: 'replicated' });
    await master.admin.config('SET', 'min-replicas-to-write', '1');
    const { error } = await outcomeOf(() => store.create(newKey(), record(), by()));
    expect(error?.message).toContain(`Redis (127.0.0.1:${master.port}/0) has fewer replicas`);
  });

  it('replicated: closing waits for the writes that stand in a queue', async () => {
    const { master } = await pair();
    const store = opened({ url: master.url, prefix: newPrefix(), durability: 'replicated' });
    expect(await store.create(newKey(), record(), by())).toBeDefined();
    const logins = Array.from({ length: 3 }, () =>
      outcomeOf(() => store.create(newKey(), record({}, { owner: 'u1' }), by())),
    );
    await store.close();
    for (const login of logins) expect(await login).toHaveProperty('value.version');
  }, 30_000);

  it('replicated works with a client of the user, on a connection of its own', async () => {
    const { master } = await pair();
    const client = new Redis(master.port);
    const store = opened({ client, prefix: newPrefix(), durability: 'replicated' });
    const key = newKey();
    expect(await store.create(key, record({ a: '1' }), by())).toBeDefined();
    expect(await store.destroy(key, {}, by())).toHaveProperty('fields', { a: '1' });
    expect(String(await master.admin.info('commandstats'))).toContain('cmdstat_wait');
    const clients = String(await master.admin.client('LIST'))
      .split('\n')
      .filter((line) => line.includes('db=0'));
    expect(clients.length).toBeGreaterThanOrEqual(3);
    client.disconnect();
  }, 30_000);

  it('replicated works with a client that gets numbers as texts', async () => {
    const { master } = await pair();
    const client = new Redis(master.port, { stringNumbers: true });
    const store = opened({ client, prefix: newPrefix(), durability: 'replicated' });
    const key = newKey();
    expect(await store.create(key, record({ a: '1' }, { owner: 'u1' }), by())).toBeDefined();
    expect(await store.destroy(key, {}, by())).toHaveProperty('fields', { a: '1' });
    client.disconnect();
  }, 30_000);

  it('replicated: what WAIT counts was written before it, also where the server has forgotten the scripts', async () => {
    const { master } = await pair();
    const store = opened({ url: master.url, prefix: newPrefix(), durability: 'replicated' });
    const [first, second] = [newKey(), newKey()];
    for (const key of [first, second]) await store.create(key, record({ a: '1' }), by());
    await store.destroy(first, {}, by());
    await master.admin.script('FLUSH');
    const monitor = await master.admin.monitor();
    const seen: string[] = [];
    monitor.on('monitor', (_time: string, [name = '']: string[]) => void seen.push(name.toLowerCase()));
    expect(await store.destroy(second, {}, by())).toHaveProperty('fields', { a: '1' });
    await until(async () => seen.includes('wait'));
    monitor.disconnect();
    const order = seen.filter((name) => ['del', 'wait'].includes(name));
    expect(order).toEqual(['del', 'wait']);
  }, 30_000);
});
