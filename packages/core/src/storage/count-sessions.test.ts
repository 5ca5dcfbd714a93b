import { afterEach, describe, expect, it } from 'vitest';

import { cookieSessions } from '../cookie/cookie-sessions.ts';
import { keyOf } from '../cookie/token.ts';
import { createSessions } from '../sessions.ts';
import { memoryStore } from './memory-store.ts';
import type { SessionStore } from '../store.ts';
import { testSecret } from '../testing/test-app.ts';
import { soon } from '../testing/other-process.ts';

const quiet = { secret: testSecret, logger: false, env: {} } as const;
const ends: (() => void)[] = [];
afterEach(() => ends.splice(0).forEach((end) => end()));

async function filled(count: number): Promise<ReturnType<typeof memoryStore>> {
  const store = memoryStore({ clock: () => 0 });
  for (let n = 0; n < count; n += 1)
    await store.create(
      keyOf(`session ${n}`),
      { fields: {}, createdAt: 0, touchedAt: 0, expiresAt: 1_000, writeIds: [] },
      soon(),
    );
  return store;
}

/** A store that is walked as told. */
function walkedBy(walk: () => AsyncIterable<string>): SessionStore {
  const { create, read, replace, destroy } = memoryStore();
  return Object.assign({ create, read, replace, destroy }, { walk });
}

describe('counting sessions', () => {
  it('counts those that live: not the expired, not end markers', async () => {
    const store = await filled(5);
    await store.destroy(keyOf('session 0'), { endMarkerMs: 60_000 }, soon());
    await store.create(
      keyOf('expired'),
      { fields: {}, createdAt: 0, touchedAt: 0, expiresAt: 0, writeIds: [] },
      soon(),
    );
    expect(await createSessions({ ...quiet, store }).count()).toEqual({ count: 4, isComplete: true });
    expect(await createSessions({ ...quiet, store: memoryStore() }).count()).toEqual({ count: 0, isComplete: true });
  });

  it('ends at the number that it was given, and says whether these are all', async () => {
    const sessions = createSessions({ ...quiet, store: await filled(5) });
    expect(await sessions.count({ atMost: 4 })).toEqual({ count: 4, isComplete: false });
    expect(await sessions.count({ atMost: 5 })).toEqual({ count: 5, isComplete: true });
  });

  it('ends after half of the time of an operation, with what it has', async () => {
    let given = 0;
    const store = walkedBy(async function* walk() {
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        given += 1;
        yield keyOf(`session ${given}`);
      }
    });
    const sessions = createSessions({ ...quiet, store, timeouts: { operationMs: 3_000 } });
    const started = performance.now();
    const { count, isComplete } = await sessions.count();
    expect(isComplete).toBe(false);
    expect(count).toBe(given - 1);
    expect(count).toBeGreaterThan(1);
    expect(performance.now() - started).toBeGreaterThanOrEqual(1_450);
  });

  it('of a store that does not answer is a fault, not a zero', async () => {
    const store = walkedBy(async function* walk() {
      await new Promise<void>((resolve) => ends.push(resolve));
      yield keyOf('late');
    });
    const sessions = createSessions({ ...quiet, store, timeouts: { operationMs: 50 } });
    await expect(sessions.count()).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
  });

  it('needs a store that can be walked, and options that are spelt right', async () => {
    const { create, read, replace, destroy } = memoryStore();
    const plain = createSessions({ ...quiet, store: { create, read, replace, destroy } });
    await expect(plain.count()).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    const cookies = createSessions({ ...quiet, store: cookieSessions() });
    await expect(cookies.count()).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    const sessions = createSessions({ ...quiet, store: memoryStore() });
    for (const atMost of [0, -1, 1.5, Number.NaN, Infinity])
      await expect(sessions.count({ atMost })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(Reflect.apply(sessions.count, sessions, [{ max: 1 }])).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });
});
