import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { SessionStore } from '@sess/core';
import { by } from './by.ts';

/** Time, as a test sees it. */
export interface TestClock {
  /** Whether the storage has its own clock, which cannot be moved. */
  readonly isOwn: boolean;
  /** Stands still between one `pass` and the next, so that a test can say what it expects to be stored. */
  now(): number;
  /** Comes back when a session that had `ms` to live when this was called has expired. */
  pass(ms: number): Promise<void>;
}

/** Stands still until it is moved. It starts at the real time, for stores that mix it with file times. */
export function movedClock(): TestClock {
  let now = Date.now();
  return {
    isOwn: false,
    now: () => now,
    async pass(ms) {
      now += ms;
    },
  };
}

/** How long a session may outlive its deadline before the test gives up. */
const patienceMs = 5000;

/**
 * The storage's own clock can only be watched: a canary is stored, and when it is gone everything
 * that was to expire before it is gone too.
 */
export function ownClock(stores: readonly SessionStore[]): TestClock {
  const [store] = stores;
  assert.ok(store, 'open() returns no stores');
  let now = Date.now();
  return {
    isOwn: true,
    now: () => now,
    async pass(ms) {
      const key = randomBytes(32).toString('hex');
      now = Date.now();
      const giveUpAt = now + ms + patienceMs;
      const canary = { fields: {}, createdAt: now, touchedAt: now, expiresAt: now + ms, writeIds: [] };
      await store.create(key, canary, by());
      while ((await store.read(key, by())) !== undefined) {
        assert.ok(Date.now() < giveUpAt, `a session with ${ms} ms to live outlived them by ${patienceMs} ms`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      now = Date.now();
    },
  };
}
