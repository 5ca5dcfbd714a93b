import { setTimeout as wait } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FaultProxy, startProxy } from '../test/fault-proxy.ts';
import { type TestServer, startServer, until } from '../test/redis-server.ts';
import { change, keysOf, newKey, newPrefix, outcomeOf, record } from '../test/session-fixtures.ts';
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
  open(timeoutMs?: number): { store: RedisStore; dispose(): void };
}

const kinds: Record<string, Kind> = {
  'our client': {
    open: (timeoutMs = 900) => ({ store: redisStore({ url: proxy.url, prefix, timeoutMs }), dispose: () => {} }),
  },
  "a user's client with ioredis' defaults": {
    open(timeoutMs = 900) {
      const client = defaultClient();
      return { store: redisStore({ client, prefix, timeoutMs }), dispose: () => client.disconnect() };
    },
  },
  "a user's client with ioredis' defaults and enableAutoPipelining": {
    open(timeoutMs = 900) {
      const client = new Redis(proxy.port, { enableAutoPipelining: true });
      client.on('error', () => {});
      return { store: redisStore({ client, prefix, timeoutMs }), dispose: () => client.disconnect() };
    },
  },
};

/** Sets `n` to 6, whose answer is lost, then to 7; then the first copy of 6 arrives. What `n` is then. */
async function firstCopyArrivesLast(store: RedisStore, by: FaultProxy, { admin }: TestServer, another: RedisStore) {
  const key = newKey();
  await store.create(key, record({ n: '5' }));
  await store.update(key, change());
  by.forget();
  by.loseReply('evalsha');
  expect(await store.update(key, change({ set: { n: '6' } }))).toBe('applied');
  const [name = '', ...args] = by.commands.find(([word]) => word === 'evalsha') ?? [];
  expect(await store.update(key, change({ set: { n: '7' } }))).toBe('applied');
  // As from a connection that was lost here, but not on its way.
  expect(await admin.call(name, ...args)).toMatch(/^applied /);
  return another.read(key);
}

/** Destroys a session without an end marker, and loses the answer. What its caller is told. */
async function destroyLosesAnswer(store: RedisStore, by: FaultProxy, another: RedisStore) {
  const key = newKey();
  await store.create(key, record({ a: '1' }));
  by.loseReply('evalsha');
  const { code } = await outcomeOf(() => store.destroy(key));
  expect(await another.read(key)).toBeUndefined();
  return code;
}

for (const [name, { open }] of Object.entries(kinds)) {
  describe(`${name}`, () => {
    let store: RedisStore;
    let dispose: () => void;
    beforeEach(async () => {
      ({ store, dispose } = open());
      // The scripts are known, and the server's clock.
      const key = newKey();
      await store.create(key, record());
      await store.update(key, change());
      await store.destroy(key);
      await store.read(key);
    });
    afterEach(async () => {
      await store.close();
      dispose();
    });

    it('an update whose answer is lost is applied once, and says so', async () => {
      const key = newKey();
      await store.create(key, record({ n: '5' }));
      const before = proxy.faults;
      proxy.loseReply('evalsha');
      expect(await store.update(key, change({ expect: { n: '5' }, set: { n: '6' } }))).toBe('applied');
      expect(proxy.faults).toBe(before + 1);
      expect(await other.read(key)).toMatchObject({ fields: { n: '6' } });
    });

    it('nor is it applied twice when another process wrote in between', async () => {
      const key = newKey();
      await store.create(key, record({ n: '5' }));
      proxy.loseReply('evalsha', async () => {
        expect(await other.update(key, change({ expect: { n: '6' }, set: { n: '7' } }))).toBe('applied');
      });
      expect(await store.update(key, change({ expect: { n: '5' }, set: { n: '6' } }))).toBe('applied');
      expect(await other.read(key)).toMatchObject({ fields: { n: '7' } });
    });

    it('nor when more writers than the first line always names wrote in between: it wipes out nothing', async () => {
      const key = newKey();
      await store.create(key, record({ n: '5' }));
      const others = Array.from({ length: 12 }, () => redisStore({ url: server.url, prefix }));
      for (const one of others) await one.update(key, change({ set: { n: '5' } }));
      proxy.loseReply('evalsha', async () => {
        for (const [at, one] of others.entries()) {
          const counted = change({ expect: { n: String(at) }, set: { n: String(at + 1) } });
          expect(await one.update(key, counted)).toBe('applied');
        }
      });
      expect(await store.update(key, change({ set: { n: '0' } }))).toBe('applied');
      expect(await other.read(key)).toMatchObject({ fields: { n: '12' } });
      for (const one of others) await one.close();
    });

    it('a create whose answer is lost created the session', async () => {
      const key = newKey();
      proxy.loseReply('evalsha');
      expect(await store.create(key, record({ a: '1' }))).toBe(true);
      expect(await other.read(key)).toMatchObject({ fields: { a: '1' } });
    });

    it('a login whose first answer is lost created the session and its index entry', async () => {
      const key = newKey();
      await store.create(newKey(), record({}, { owner: 'u1' }));
      proxy.loseReply('evalsha');
      expect(await store.create(key, record({}, { owner: 'u1' }))).toBe(true);
      expect(await keysOf(other, 'u1')).toContain(key);
      expect(await other.read(key)).toMatchObject({ owner: 'u1' });
    });

    it('a destroy whose answer is lost never says that there was nothing', async () => {
      const key = newKey();
      await store.create(key, record({ a: '1' }));
      proxy.loseReply('evalsha');
      const { code } = await outcomeOf(() => store.destroy(key, { endMarkerMs: 60_000 }));
      expect(code).toBe('STORE_UNAVAILABLE');
      expect(await other.read(key)).toBe('ended');
    });

    it('what was sent twice is known when its first copy arrives last, after another write of the same process', async () => {
      expect(await firstCopyArrivesLast(store, proxy, server, other)).toMatchObject({ fields: { n: '7' } });
    });

    it('a destroy without an end marker whose answer is lost does not say that there was nothing either', async () => {
      expect(await destroyLosesAnswer(store, proxy, other)).toBe('STORE_UNAVAILABLE');
    });

    it('a destroy of what was not there says so again when no connection is lost', async () => {
      expect(await store.destroy(newKey())).toBeUndefined();
    });

    it('counting on over lost answers, from two processes, counts each once', async () => {
      // A count that ends at its bound may have happened or not: here none may, however slow the disk is.
      const patient = open(10_000);
      const beside = redisStore({ url: server.url, prefix, timeoutMs: 10_000 });
      const key = newKey();
      await store.create(key, record({ n: '0' }));
      const before = proxy.faults;
      let counted = 0;
      const count = async (by: RedisStore) => {
        while (proxy.faults < before + 5 || counted <= 20) {
          const found = await by.read(key);
          const n = found !== undefined && found !== 'ended' ? Number(found.fields['n']) : Number.NaN;
          const verdict = await by.update(key, change({ expect: { n: String(n) }, set: { n: String(n + 1) } }));
          if (verdict === 'applied') counted += 1;
          // The session names at most 500 writes of a process that has just lost a connection.
          await wait(20);
        }
      };
      const losing = setInterval(() => proxy.loseReply('evalsha'), 400);
      const ends = await Promise.allSettled([count(patient.store), count(beside), count(patient.store)]);
      clearInterval(losing);
      await patient.store.close();
      patient.dispose();
      await beside.close();
      expect(ends.filter(({ status }) => status === 'rejected')).toEqual([]);
      expect(counted).toBeGreaterThan(20);
      expect(await other.read(key)).toMatchObject({ fields: { n: String(counted) } });
    }, 30_000);

    it('a write that is sent again after a logout brings nothing back', async () => {
      const key = newKey();
      await store.create(key, record({ a: '1' }));
      proxy.loseReply('evalsha', async () => void (await other.destroy(key)));
      expect(await store.update(key, change({ set: { a: '2' } }))).toBe('gone');
      expect(await other.read(key)).toBeUndefined();
    });
  });
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
    const key = newKey();
    await store.create(key, record());
    await store.update(key, change());
    await store.destroy(key);
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
    expect(await theirs.read(newKey())).toBeUndefined();
    expect(count()).not.toEqual(before);
    await theirs.close();
    expect(count()).toEqual(before);
    client.disconnect();
  });

  it('does not say that there was nothing when the answer to a destroy is lost', async () => {
    expect(await destroyLosesAnswer(store, way, another)).toBe('STORE_UNAVAILABLE');
  });
});

describe('a session that more writes are under way for than it can name', () => {
  const many = Array.from({ length: 600 }, (_, at) => change({ set: { [`k${at % 3}`]: String(at) } }));
  let store: RedisStore;
  beforeEach(async () => {
    store = redisStore({ url: proxy.url, prefix });
    await store.create(newKey(), record());
    await store.update(newKey(), change());
  });
  afterEach(() => store.close());

  it('carries out each of them that is sent once', async () => {
    const key = newKey();
    await store.create(key, record({ n: '5' }));
    const verdicts = await Promise.all(many.map((one) => other.update(key, one)));
    expect(new Set(verdicts)).toEqual(new Set(['applied']));
    expect(await store.update(key, change({ set: { n: '6' } }))).toBe('applied');
    expect(await other.read(key)).toMatchObject({ fields: { n: '6', k0: '597' } });
    expect(await server.admin.strlen(prefix + key)).toBeLessThan(8000);
  });

  it.each([0, 1, 2, 3])(
    'carries out none of them twice, also %i quiet writes later: what it may have forgotten has an unknown outcome',
    async (quiet) => {
      const key = newKey();
      await store.create(key, record({ n: '5' }));
      proxy.loseReply('evalsha', async () => {
        expect(await other.update(key, change({ expect: { n: '6' }, set: { n: '7' } }))).toBe('applied');
        await Promise.all(many.map((one) => other.update(key, one)));
        for (let count = 0; count < quiet; count++) await other.update(key, change());
      });
      const { code, error } = await outcomeOf(() => store.update(key, change({ set: { n: '6' } })));
      expect(code).toBe('STORE_UNAVAILABLE');
      expect(error?.message).toContain('not known');
      expect(await other.read(key)).toMatchObject({ fields: { n: '7' } });
      // What was sent for the first time after that is not one of those, even if it is sent twice.
      await wait(2100);
      proxy.swallow();
      const lost = store.update(key, change({ set: { n: '8' } }));
      await wait(100);
      proxy.reset();
      expect(await lost).toBe('applied');
      expect(await other.read(key)).toMatchObject({ fields: { n: '8' } });
    },
  );

  it('forgets them when a writer has no other under way', async () => {
    const key = newKey();
    await store.create(key, record({ n: '5' }));
    await Promise.all(many.map((one) => other.update(key, one)));
    await other.update(key, change());
    const [tokens = ''] = /\S+(?= \[)/.exec((await server.admin.get(prefix + key)) ?? '') ?? [];
    expect(tokens.length).toBeLessThanOrEqual(33);
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
    it(`with ${name} an update brings nothing back`, async () => {
      const { store, dispose } = open();
      const key = newKey();
      await store.create(key, record({ a: '1' }));
      await store.update(key, change());
      await scenario(
        () => store.update(key, change({ set: { a: '2' } })),
        () => other.destroy(key),
      );
      expect(await other.read(key)).toBeUndefined();
      await until(async () => (await outcomeOf(() => store.read(key))).code === undefined, 3000);
      expect(await store.read(key)).toBeUndefined();
      await store.close();
      dispose();
    }, 20_000);

    it(`with ${name} a create that nobody waits for any more makes no session`, async () => {
      const { store, dispose } = open();
      const key = newKey();
      await store.create(newKey(), record());
      await scenario(
        () => store.create(key, record({ a: '1' })),
        async () => {
          await wait(800);
          // "Log out everywhere": nothing is there yet.
          expect(await other.destroy(key)).toBeUndefined();
        },
      );
      expect(await other.read(key)).toBeUndefined();
      await store.close();
      dispose();
    }, 20_000);

    it(`with ${name} the first write of a process does nothing either when the server wakes up too late`, async () => {
      const key = newKey();
      await other.create(key, record({ a: '1' }));
      const { store, dispose } = open();
      // Connected, but no script has told the server's clock yet.
      expect(await store.read(key)).toMatchObject({ fields: { a: '1' } });
      const created = newKey();
      server.freeze();
      const late = await Promise.all([
        outcomeOf(() => store.update(key, change({ set: { a: '"late"' } }))),
        outcomeOf(() => store.create(created, record({ a: '"late"' }))),
      ]);
      await wait(300);
      server.thaw();
      // Which of the two depends on who gave the connection up first.
      for (const { code } of late) expect(['STORE_TIMEOUT', 'STORE_UNAVAILABLE']).toContain(code);
      await until(async () => (await outcomeOf(() => store.read(key))).code === undefined, 3000);
      await wait(200);
      expect(await other.read(key)).toMatchObject({ fields: { a: '1' } });
      expect(await other.read(created)).toBeUndefined();
      expect(await store.update(key, change({ set: { a: '2' } }))).toBe('applied');
      await store.close();
      dispose();
    }, 20_000);

    it(`with ${name} what a frozen server finds when it wakes up overwrites nothing`, async () => {
      const { store, dispose } = open();
      const key = newKey();
      await store.create(key, record({ a: '1' }));
      await store.update(key, change());
      server.freeze();
      const late = await outcomeOf(() => store.update(key, change({ set: { a: '"late"' } })));
      expect(late.code).toBe('STORE_TIMEOUT');
      expect(late.tookMs).toBeLessThan(1500);
      await wait(300);
      server.thaw();
      await until(async () => (await outcomeOf(() => store.read(key))).code === undefined, 3000);
      await wait(200);
      expect(await other.read(key)).toMatchObject({ fields: { a: '1' } });
      await store.close();
      dispose();
    }, 20_000);
  }
});
