import { isEndMarker } from '@sess/core';
import { redisStore } from '@sess/redis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { copyOf, plantCopies } from './redis-copies.ts';
import { type OwnRedis, startRedis } from './redis-server.ts';

let redis: OwnRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.close());

it('copies are sessions to the library, and as large as the one that it stored', async () => {
  const store = redisStore({ url: redis.url });
  const key = `f${'0123456789abcdef'.repeat(4).slice(1)}`;
  const fields = { userId: '"u1"', profile: JSON.stringify('x'.repeat(200)) };
  const by = performance.now() + 60_000;
  const times = { createdAt: 1000, touchedAt: 1000, expiresAt: 61_000 };
  await store.create(key, { fields, ...times, writeIds: [] }, by);
  const recordOf = async (at: string) => {
    const found = await store.read(at, by);
    return found === undefined || isEndMarker(found) ? undefined : found.record;
  };
  const original = { key: `session:${key}`, digitsInKey: 8, digitsInValue: 2 };
  await plantCopies(redis.admin, original, 1, 10_500);

  expect(await redis.admin.dbsize()).toBe(10_500);
  for (const number of [1, 5_000, 5_001, 10_499]) {
    const name = copyOf(original, number);
    expect(await recordOf(name.slice('session:'.length))).toMatchObject({ fields: { userId: '"u1"' } });
    expect(await recordOf(name.slice('session:'.length))).toEqual(await recordOf(key));
    expect(await redis.admin.memory('USAGE', name)).toBe(await redis.admin.memory('USAGE', original.key));
    expect(await redis.admin.pttl(name)).toBeGreaterThan(30_000);
  }
  await store.close();
});
