import type { SessionKey } from '@sess/core';
import { type OpenContext, type OpenStorage, testStore } from '@sess/store-tests';
import { afterAll, beforeAll, describe, it } from 'vitest';
import {
  type TestCluster,
  type TestSentinel,
  type TestServer,
  startCluster,
  startSentinel,
  startServer,
} from '../test/redis-server.ts';
import { redisStore } from './index.ts';

/** Stores with a prefix of their own on a Redis that all tests share: nothing is ever flushed. */
function open(url: string, { id, instances }: OpenContext): OpenStorage {
  const prefix = `${id}:`;
  const stores = Array.from({ length: instances }, () => redisStore({ url, prefix }));
  return { stores };
}

const abilities = ['describe', 'keysByOwner', 'walk', 'check', 'close'] as const;

describe('a single server', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.dispose());

  testStore({
    name: 'redis',
    runner: { describe, it },
    abilities,
    plants: true,
    ownClock: true,
    open(context) {
      const prefix = `${context.id}:`;
      const { admin } = server;
      const storage = open(server.url, context);
      const stored = async (key: SessionKey) => {
        const now = Date.now();
        await storage.stores[0]?.create(key, {
          fields: { a: '1' },
          createdAt: now,
          touchedAt: now,
          expiresAt: now + 60_000,
        });
        return prefix + key;
      };
      return {
        ...storage,
        plant: {
          corrupt: async (key) => void (await admin.hdel(await stored(key), 't')),
          foreign: async (key) => void (await admin.set(prefix + key, '{"cookie":{"path":"/"}}', 'EX', 60)),
          tooNew: async (key) => void (await admin.hset(await stored(key), 'v', '2')),
          raw: (key) => admin.dumpBuffer(prefix + key),
        },
      };
    },
  });
});

describe('a cluster of three masters', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  }, 30_000);
  afterAll(() => cluster.dispose());

  testStore({
    name: 'redis cluster',
    runner: { describe, it },
    abilities,
    ownClock: true,
    rounds: 40,
    open: (context) => open(cluster.url, context),
  });
});

describe('a master that Sentinel names', () => {
  let sentinel: TestSentinel;
  beforeAll(async () => {
    sentinel = await startSentinel();
  }, 30_000);
  afterAll(() => sentinel.dispose());

  testStore({
    name: 'redis sentinel',
    runner: { describe, it },
    abilities,
    ownClock: true,
    rounds: 40,
    open: (context) => open(sentinel.url, context),
  });
});
