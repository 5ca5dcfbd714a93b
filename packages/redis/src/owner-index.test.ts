import { createHash } from 'node:crypto';
import type { SessionKey, SessionRecord } from '@sess/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestServer, startServer } from '../test/redis-server.ts';
import { by, forget, keysOf, newKey, newPrefix, sessionOf } from '@sess/store-tests/internal';
import { type RedisStore, redisStore } from './index.ts';

/** For how long entries are kept. Instants are those of a worker; Redis sees only their differences. */
let server: TestServer;
let prefix: string;
let store: RedisStore;

const hour = 3_600_000;
const day = 24 * hour;
/** Directly behind a border of all periods up to 30 days: the next one is far away. */
const start = Math.floor(Date.now() / (30 * day)) * 30 * day + hour;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.dispose());
beforeEach(() => {
  prefix = newPrefix();
  store = redisStore({ url: server.url, prefix });
});
afterEach(() => store.close());

const times = (touchedAt: number, lifetimeMs: number) => ({ touchedAt, expiresAt: touchedAt + lifetimeMs });
const indexOf = (owner: string) => `${prefix}owner:${createHash('sha256').update(owner).digest('hex')}`;

async function login(lifetimeMs: number): Promise<SessionKey> {
  const key = newKey();
  const record = { fields: {}, createdAt: start, ...times(start, lifetimeMs), owner: 'u1', writeIds: [] };
  expect(await store.create(key, record, by(5000))).toBeDefined();
  return key;
}

async function update(key: SessionKey, parts: Partial<SessionRecord>): Promise<void> {
  const { record, version } = sessionOf(await store.read(key, by(5000)));
  expect(await store.replace(key, version, { ...record, ...parts }, by(5000))).toMatchObject({ verdict: 'replaced' });
  // Behind the renewal, on the same connection.
  await keysOf(store, 'u1');
}

/** How long the entry stays, by its score and by the whole set. */
async function keptMs(key: SessionKey): Promise<number> {
  const score = Number(await server.admin.zscore(indexOf('u1'), key));
  const [seconds] = await server.admin.time();
  const ofEntry = (Math.floor(score / 2 ** 20) - Number(seconds)) * 1000;
  return Math.min(ofEntry, await server.admin.pttl(indexOf('u1')));
}

describe('an entry outlives its session', () => {
  const growths: Record<string, Partial<SessionRecord>> = {
    'its own settings': { settings: { idleTimeoutMs: 30 * day } },
    'a worker with a longer idle timeout': {},
  };
  for (const [what, parts] of Object.entries(growths)) {
    it(`whose lifetime grew by ${what}`, async () => {
      const key = await login(day);
      await update(key, { ...times(start + 60_000, 30 * day), ...parts });
      expect(await keptMs(key)).toBeGreaterThan(2 * (await server.admin.pttl(prefix + key)));
    });
  }

  it('whose lifetime shrank, and grew again', async () => {
    const key = await login(30 * day);
    await update(key, { ...times(start + 1000, hour), settings: { idleTimeoutMs: hour } });
    await update(key, times(start + hour, hour));
    await server.admin.zrem(indexOf('u1'), key);
    await update(key, { ...times(start + hour + 1000, 30 * day), settings: { idleTimeoutMs: 30 * day } });
    expect(await keptMs(key)).toBeGreaterThan(2 * (await server.admin.pttl(prefix + key)));
  });

  it('although the renewal was lost, once it is used on another day', async () => {
    const key = await login(day);
    await update(key, times(start + 60_000, 30 * day));
    await server.admin.zrem(indexOf('u1'), key);
    await update(key, times(start + 60_000 + day, 30 * day));
    expect(await keptMs(key)).toBeGreaterThan(149 * day);
  });
});

it('a lifetime that runs out at the absolute timeout renews nothing, whatever the clocks of workers say', async () => {
  const key = await login(20 * hour);
  const endsAt = start + 20 * hour;
  await server.admin.zrem(indexOf('u1'), key);
  for (const touchedAt of [start + hour, start + hour - 500, start + 2 * hour, start + 2 * hour - 1]) {
    await update(key, { touchedAt, expiresAt: endsAt });
    expect(await keysOf(store, 'u1')).toEqual([]);
  }
});

it('an entry that is kept for longer than it is asked for is young again all the same', async () => {
  const key = await login(30 * day);
  const [seconds] = await server.admin.time();
  const minutes = 150 * 24 * 60;
  await server.admin.zadd(indexOf('u1'), (Number(seconds) - 62 + minutes * 60) * 2 ** 20 + minutes, key);
  await update(key, times(start + hour, hour));
  await forget(store, 'u1', [key]);
  expect(await keysOf(store, 'u1')).toEqual([key]);
});
