import { setTimeout as wait } from 'node:timers/promises';
import type { SessionKey, Successor } from '@sess/core';
import { Cluster, Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FaultProxy, startProxy } from '../test/fault-proxy.ts';
import { type TestServer, startServer, until } from '../test/redis-server.ts';
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

/** What is sent twice, or arrives when nobody waits for it any more. */
let server: TestServer;
let proxy: FaultProxy;
let prefix: string;
/** Another process, whose connection is sound. */
let other: RedisStore;

beforeAll(async () => {
  server = await startServer('--appendonly', 'yes', '--appendfsync', 'always');
  proxy = await startProxy(server.port);
});
afterAll(async () => {
  await proxy.dispose();
  await server.dispose();
});
beforeEach(() => {
  prefix = newPrefix();
  other = redisStore({ url: server.url, prefix });
});
afterEach(() => other.close());

const defaultClient = () => {
  const client = new Redis(proxy.port);
  client.on('error', () => {});
  return client;
};

interface Kind {
  open(): { store: RedisStore; dispose(): void };
}

const kinds: Record<string, Kind> = {
  'our client': {
    open: () => ({ store: redisStore({ url: proxy.url, prefix }), dispose: () => {} }),
  },
  "a user's client with ioredis' defaults": {
    open() {
      const client = defaultClient();
      return { store: redisStore({ client, prefix }), dispose: () => client.disconnect() };
    },
  },
  "a user's client with ioredis' defaults and enableAutoPipelining": {
    open() {
      const client = new Redis(proxy.port, { enableAutoPipelining: true });
      client.on('error', () => {});
      return { store: redisStore({ client, prefix }), dispose: () => client.disconnect() };
    },
  },
};

/** Replaces what was read, and loses the answer. `meanwhile` happens between the write and the loss. */
async function replaceLosingAnswer(
  store: RedisStore,
  way: FaultProxy,
  key: SessionKey,
  fields: Record<string, string>,
  meanwhile?: () => Promise<void>,
) {
  const { record: before, version } = sessionOf(await store.read(key, by()));
  const faults = way.faults;
  way.loseReply('evalsha', meanwhile);
  const outcome = await store.replace(key, version, changed(before, fields, { writeIds: ['mine'] }), by(3000));
  expect(way.faults).toBe(faults + 1);
  return outcome;
}

/** Sets `n` to 6, whose answer is lost, then to 7; then the first copy of 6 arrives. What is stored then. */
async function firstCopyArrivesLast(store: RedisStore, way: FaultProxy, { admin }: TestServer, another: RedisStore) {
  const key = newKey();
  await store.create(key, record({ n: '5' }), by());
  await update(store, key);
  way.forget();
  expect(await replaceLosingAnswer(store, way, key, { n: '6' })).toMatchObject({ verdict: 'replaced' });
  const [name = '', ...args] = way.commands.find(([word]) => word === 'evalsha') ?? [];
  await update(store, key, { n: '7' });
  // As from a connection that was lost here, but not on its way.
  expect(await admin.call(name, ...args)).toContain('[');
  return stored(another, key);
}

/** Destroys a session without an end marker, and loses the answer. What its caller is told. */
async function destroyLosesAnswer(store: RedisStore, way: FaultProxy, another: RedisStore) {
  const key = newKey();
  await store.create(key, record({ a: '1' }), by());
  way.loseReply('evalsha');
  const { code } = await outcomeOf(() => store.destroy(key, {}, by(3000)));
  expect(await another.read(key, by())).toBeUndefined();
  return code;
}

/** The scripts are known, and the connection stands. */
async function warm(store: RedisStore): Promise<void> {
  const key = newKey();
  await store.create(key, record({}, { owner: 'warm' }), by());
  await update(store, key);
  await succeed(store, key, { key: newKey(), by: 'rotated' });
  await store.destroy(newKey(), {}, by());
}

for (const [name, { open }] of Object.entries(kinds)) {
  describe(`${name}`, () => {
    let store: RedisStore;
    let dispose: () => void;
    beforeEach(async () => {
      ({ store, dispose } = open());
      await warm(store);
    });
    afterEach(async () => {
      await store.close();
      dispose();
      // The next test would lose what this one did not.
      if (proxy.isLosing) throw new Error('What was to be lost was not sent.');
    });

    it('a replace whose answer is lost is carried out once, and says so', async () => {
      const key = newKey();
      await store.create(key, record({ n: '5' }), by());
      const outcome = await replaceLosingAnswer(store, proxy, key, { n: '6' });
      if (outcome.verdict !== 'replaced') throw new Error(outcome.verdict);
      expect(await stored(other, key)).toMatchObject({ fields: { n: '6' } });
      // Its version is the one that stands.
      expect(await store.replace(key, outcome.version, record({ n: '7' }), by())).toMatchObject({
        verdict: 'replaced',
      });
    });

    it('nor is it carried out twice when another process wrote in between: a conflict in doubt, and the write id tells', async () => {
      const key = newKey();
      await store.create(key, record({ n: '5' }), by());
      const outcome = await replaceLosingAnswer(store, proxy, key, { n: '6' }, async () => {
        const { record: now, version } = sessionOf(await other.read(key, by()));
        const next = changed(now, { n: '7' }, { writeIds: ['theirs', ...now.writeIds] });
        expect(await other.replace(key, version, next, by())).toMatchObject({ verdict: 'replaced' });
      });
      expect(outcome).toMatchObject({
        verdict: 'conflict',
        isDoubtful: true,
        stored: { record: { fields: { n: '7' }, writeIds: ['theirs', 'mine'] } },
      });
      expect(await stored(other, key)).toMatchObject({ fields: { n: '7' } });
    });

    it('a conflict is not in doubt when no connection was lost', async () => {
      const key = newKey();
      await store.create(key, record({ n: '5' }), by());
      const { record: before, version } = sessionOf(await store.read(key, by()));
      await update(other, key, { n: '6' });
      const outcome = await store.replace(key, version, changed(before, { n: '7' }), by());
      expect(outcome).toMatchObject({ verdict: 'conflict', stored: { record: { fields: { n: '6' } } } });
      expect(outcome).not.toHaveProperty('isDoubtful', true);
    });

    it('a create whose answer is lost created the session', async () => {
      const key = newKey();
      proxy.loseReply('set');
      const created = await store.create(key, record({ a: '1' }), by(3000));
      expect(created).toBeDefined();
      expect(await stored(other, key)).toMatchObject({ fields: { a: '1' } });
      const outcome = await store.replace(key, created?.version, record({ a: '2' }), by());
      expect(outcome).toMatchObject({ verdict: 'replaced' });
    });

    it('a create under a taken key whose answer is lost did not', async () => {
      const key = newKey();
      await other.create(key, record({ a: '1' }), by());
      proxy.loseReply('set');
      expect(await store.create(key, record({ a: '2' }), by(3000))).toBeUndefined();
      expect(await stored(other, key)).toMatchObject({ fields: { a: '1' } });
    });

    it('a login whose first answer is lost created the session and its index entry', async () => {
      const key = newKey();
      proxy.loseReply('evalsha');
      expect(await store.create(key, record({}, { owner: 'u1' }), by(3000))).toBeDefined();
      expect(await keysOf(other, 'u1')).toContain(key);
      expect(await stored(other, key)).toMatchObject({ owner: 'u1' });
    });

    it('a destroy whose answer is lost never says that there was nothing', async () => {
      const key = newKey();
      await store.create(key, record({ a: '1' }), by());
      proxy.loseReply('evalsha');
      const { code } = await outcomeOf(() => store.destroy(key, { endMarkerMs: 60_000 }, by(3000)));
      expect(code).toBe('STORE_UNAVAILABLE');
      expect(await other.read(key, by())).toEqual({ ended: true });
    });

    it('a destroy that meets the end marker of another one, after its connection was lost, answers that', async () => {
      const key = newKey();
      const successor = { key: newKey(), by: 'rotated' as const };
      await store.create(key, record({ a: '1' }), by());
      await succeed(other, key, successor);
      proxy.loseReply('evalsha');
      expect(await store.destroy(key, { endMarkerMs: 60_000 }, by(3000))).toEqual({ ended: true, successor });
    });

    it('a succession whose answer is lost is carried out once, and answers so', async () => {
      const key = newKey();
      const successor = { key: newKey(), by: 'regenerated' as const };
      await store.create(key, record({ a: '1' }), by());
      const { version } = sessionOf(await store.read(key, by()));
      proxy.loseReply('evalsha');
      const outcome = await store.replace(key, version, { successor, endMarkerMs: 60_000 }, by(3000));
      expect(outcome.verdict).toBe('replaced');
      expect(await other.read(key, by())).toEqual({ ended: true, successor });
    });

    it('what was sent twice does nothing when its first copy arrives last', async () => {
      expect(await firstCopyArrivesLast(store, proxy, server, other)).toMatchObject({ fields: { n: '7' } });
    });

    it('a destroy without an end marker whose answer is lost does not say that there was nothing either', async () => {
      expect(await destroyLosesAnswer(store, proxy, other)).toBe('STORE_UNAVAILABLE');
    });

    it('a destroy of what was not there says so again when no connection is lost', async () => {
      expect(await store.destroy(newKey(), {}, by())).toBeUndefined();
    });

    it('counting on over lost answers, from two processes, counts each once', async () => {
      const beside = redisStore({ url: server.url, prefix });
      const key = newKey();
      await store.create(key, record({ n: '0' }), by());
      const before = proxy.faults;
      let counted = 0;
      const count = async (worker: RedisStore, name: string) => {
        for (let number = 0; proxy.faults < before + 5 || counted <= 20; number++) {
          await countOnce(worker, key, `${name}${number}`);
          counted += 1;
          // The record names the last 12 writes, and a reconnect takes its time.
          await wait(30);
        }
      };
      const losing = setInterval(() => proxy.loseReply('evalsha'), 400);
      const ends = await Promise.allSettled([count(store, 'a'), count(beside, 'b'), count(store, 'c')]);
      clearInterval(losing);
      proxy.loseNone();
      await beside.close();
      expect(ends.filter(({ status }) => status === 'rejected')).toEqual([]);
      expect(counted).toBeGreaterThan(20);
      expect(await stored(other, key)).toMatchObject({ fields: { n: String(counted) } });
    }, 30_000);

    it('a write that is sent again after a logout brings nothing back', async () => {
      const key = newKey();
      await store.create(key, record({ a: '1' }), by());
      const outcome = await replaceLosingAnswer(store, proxy, key, { a: '2' }, async () => {
        await other.destroy(key, {}, by());
      });
      expect(outcome).toEqual({ verdict: 'gone' });
      expect(await other.read(key, by())).toBeUndefined();
    });
  });
}

/** Counts `n` up by one, exactly once: as core does it, a write id tells what came of a conflict in doubt. */
async function countOnce(store: RedisStore, key: SessionKey, writeId: string): Promise<void> {
  // A count that ends at its bound may have happened or not: here none may, however slow the disk is.
  const until = by(10_000);
  let { record: before, version } = sessionOf(await store.read(key, until));
  for (;;) {
    const n = Number(before.fields['n']);
    const next = changed(before, { n: String(n + 1) }, { writeIds: [writeId, ...before.writeIds].slice(0, 12) });
    const outcome = await store.replace(key, version, next, until);
    if (outcome.verdict === 'replaced') return;
    if (outcome.verdict === 'gone') throw new Error('the session is gone');
    const last = before.writeIds[0];
    ({ record: before, version } = outcome.stored);
    if (before.writeIds.includes(writeId)) return;
    const isKnown = last === undefined || before.writeIds.includes(last);
    if (outcome.isDoubtful === true && !isKnown) throw new Error('too many others have written since');
  }
}

describe('a Cluster', () => {
  let node: TestServer;
  let way: FaultProxy;
  let store: RedisStore;
  let another: RedisStore;
  beforeAll(async () => {
    way = await startProxy(0);
    // The way to it that it names itself is the one through the proxy.
    const named = ['--cluster-announce-ip', '127.0.0.1', '--cluster-announce-port', String(way.port)];
    node = await startServer('--cluster-enabled', 'yes', ...named);
    way.target = node.port;
    await node.admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await until(async () => String(await node.admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  });
  afterAll(async () => {
    await way.dispose();
    await node.dispose();
  });
  beforeEach(async () => {
    store = redisStore({ url: `redis+cluster://127.0.0.1:${way.port}`, prefix });
    another = redisStore({ url: node.url, prefix });
    await warm(store);
  });
  afterEach(async () => {
    await store.close();
    await another.close();
  });

  it('knows what was sent twice when its first copy arrives last, after another write of the same process', async () => {
    expect(await firstCopyArrivesLast(store, way, node, another)).toMatchObject({ fields: { n: '7' } });
  });

  it('of the user keeps no listener of ours when the store is closed, nor do its nodes', async () => {
    const client = new Cluster([way.port]);
    client.on('error', () => {});
    await client.ping();
    const count = () =>
      [client, ...client.nodes()].map((one) => one.listenerCount('close') + one.listenerCount('+node'));
    const before = count();
    const theirs = redisStore({ client, prefix });
    expect(await theirs.read(newKey(), by())).toBeUndefined();
    expect(count()).not.toEqual(before);
    await theirs.close();
    expect(count()).toEqual(before);
    client.disconnect();
  });

  it('does not say that there was nothing when the answer to a destroy is lost', async () => {
    expect(await destroyLosesAnswer(store, way, another)).toBe('STORE_UNAVAILABLE');
  });
});

describe('a server that is frozen, killed and started again', () => {
  /** Worker 1 writes into the frozen server; it is killed; a logout happens; the connection comes back. */
  async function scenario(write: () => Promise<unknown>, logout: () => Promise<unknown>): Promise<void> {
    server.freeze();
    const written = write().catch(() => {});
    await wait(300);
    await server.kill();
    // The proxy keeps worker 1 from the new server until the logout has been answered.
    proxy.isDown = true;
    proxy.reset();
    await server.start();
    await logout();
    proxy.isDown = false;
    await Promise.race([written, wait(2000)]);
    await wait(1000);
  }

  it('control: a plain SET of a default client is sent again and brings the session back', async () => {
    const client = defaultClient();
    const name = `${prefix}plain`;
    await client.set(name, 'logged in');
    await scenario(
      () => client.set(name, 'logged in'),
      () => server.admin.del(name),
    );
    expect(await server.admin.get(name)).toBe('logged in');
    client.disconnect();
  }, 20_000);

  for (const [name, { open }] of Object.entries(kinds)) {
    it(`with ${name} a replace brings nothing back`, async () => {
      const { store, dispose } = open();
      const key = newKey();
      await store.create(key, record({ a: '1' }), by());
      const { record: before, version } = sessionOf(await store.read(key, by()));
      await scenario(
        () => store.replace(key, version, changed(before, { a: '2' }), by()),
        () => other.destroy(key, {}, by()),
      );
      expect(await other.read(key, by())).toBeUndefined();
      await until(async () => (await outcomeOf(() => store.read(key, by()))).code === undefined, 3000);
      expect(await store.read(key, by())).toBeUndefined();
      await store.close();
      dispose();
    }, 20_000);

    it(`with ${name} what a frozen server finds when it wakes up overwrites nothing that was written since`, async () => {
      const { store, dispose } = open();
      const key = newKey();
      await store.create(key, record({ a: '1' }), by());
      const { record: before, version } = sessionOf(await store.read(key, by()));
      server.freeze();
      const late = await outcomeOf(() => store.replace(key, version, changed(before, { a: '"late"' }), by()));
      expect(late.code).toBe('STORE_TIMEOUT');
      expect(late.tookMs).toBeLessThan(1500);
      // This one has begun later, and waits in the server too.
      const writing = update(other, key, { b: '1' }, {}, by(5000));
      await wait(300);
      server.thaw();
      expect(await writing).toBe('replaced');
      await until(async () => (await outcomeOf(() => store.read(key, by()))).code === undefined, 3000);
      const after = await stored(other, key);
      await wait(200);
      expect(await stored(other, key)).toEqual(after);
      expect(after).toMatchObject({ fields: { b: '1' } });
      await store.close();
      dispose();
    }, 20_000);
  }
});

async function succeed(worker: RedisStore, key: string, successor: Successor): Promise<void> {
  const { version } = sessionOf(await worker.read(key, by()));
  await worker.replace(key, version, { successor, endMarkerMs: 60_000 }, by());
}
