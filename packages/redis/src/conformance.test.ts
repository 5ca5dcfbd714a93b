import type { SessionKey } from '@sess/core';
import { type StoreTestOptions, type TestRunner, testStore } from '@sess/store-tests';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { startCluster, startSentinel, startServer } from '../test/redis-server.ts';
import { by, record } from '@sess/store-tests/internal';
import { redisStore } from './index.ts';

/** Without `skip`: Redis removes what has expired by itself, so the tests of `sweep` do not apply. */
const runner: TestRunner = { describe, it: it.bind(null) };

/** What a topology is started as, and a client to look at it and to damage what lies there. */
interface Topology {
  url: string;
  admin: Redis | Cluster;
  dispose(): Promise<void>;
}

/**
 * Stores with a prefix of their own on a Redis that all tests share: nothing is ever flushed. Redis has its own clock,
 * so tests that move one are skipped, and so are those of `sweep`: Redis removes what has expired by itself.
 */
function suite(name: string, rounds: number, start: () => Promise<Topology>): void {
  describe(`${name}`, () => {
    let topology: Topology;
    beforeAll(async () => {
      topology = await start();
    }, 30_000);
    afterAll(async () => {
      topology.admin.disconnect();
      await topology.dispose();
    });

    const open: StoreTestOptions['open'] = ({ id, instances }) => {
      const { url, admin } = topology;
      const prefix = `${id}:`;
      const stores = Array.from({ length: instances }, () => redisStore({ url, prefix }));
      const stored = async (key: SessionKey) => {
        await stores[0]?.create(key, record({ a: '1' }), by());
        return prefix + key;
      };
      const plant = {
        corrupt: async (key: SessionKey) => {
          const name = await stored(key);
          await admin.set(name, ((await admin.get(name)) ?? '').slice(0, -1), 'KEEPTTL');
        },
        foreign: async (key: SessionKey) => void (await admin.set(prefix + key, '{"cookie":{"path":"/"}}', 'EX', 60)),
        tooNew: async (key: SessionKey) => void (await admin.setrange(await stored(key), 0, '2 new')),
        raw: (key: SessionKey) => admin.dumpBuffer(prefix + key),
      };
      return { stores, plant };
    };
    const abilities = ['describe', 'keysByOwner', 'walk', 'noteApp', 'tellEnds', 'check', 'close'] as const;
    testStore({ name: 'redis', runner, abilities, plants: true, ownClock: true, rounds, open });
  });
}

suite('a single server', 200, async () => {
  const server = await startServer();
  return { url: server.url, admin: new Redis(server.port), dispose: () => server.dispose() };
});

suite('a cluster of three masters', 40, async () => {
  const cluster = await startCluster();
  const nodes = cluster.masters.map(({ port }) => ({ host: '127.0.0.1', port }));
  return { url: cluster.url, admin: new Cluster(nodes), dispose: () => cluster.dispose() };
});

suite('a master that Sentinel names', 40, async () => {
  const sentinel = await startSentinel();
  const [master] = sentinel.servers;
  return { url: sentinel.url, admin: new Redis(master?.port ?? 0), dispose: () => sentinel.dispose() };
});
