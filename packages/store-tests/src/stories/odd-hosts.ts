import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type Sessions, type SessionsOptions, createSessions, hasAbility } from '@sess/core';
import { movedClock } from '../test-clock.ts';
import type { StoryTestOptions } from './story-options.ts';
import { hourMs } from './story.ts';

const dayMs = 24 * hourMs;

/** Hosts that take for over what lives on all others: one whose clock is wrong, an admin's job with other timeouts. */
export const oddHosts: Readonly<Record<string, (now: () => number) => Partial<SessionsOptions>>> = {
  'whose clock is 40 days ahead': (now) => ({ clock: () => now() + 40 * dayMs }),
  'with a shorter absolute timeout': () => ({ idleTimeoutMs: hourMs, absoluteTimeoutMs: hourMs }),
};

/** @throws where that host does not show, or does not end, what the right host still has */
export async function playOddHost(
  open: StoryTestOptions['open'],
  optionsOf: (now: () => number) => Partial<SessionsOptions>,
): Promise<void> {
  const clock = movedClock();
  const storage = await open({ id: `h-${randomUUID()}`, instances: 2, clock: clock.now });
  const [first, second = first] = storage.stores;
  assert.ok(first && second, 'open() returns no stores');
  const base = { secret: 'a secret that is only good for stories, 0123456789', logger: false as const, env: {} };
  const right = createSessions({ ...base, store: first, clock: clock.now });
  const odd = createSessions({ ...base, store: second, clock: clock.now, ...optionsOf(clock.now) });
  try {
    const [other, mine, last] = [await logIn(right), await logIn(right), await logIn(right)];
    await clock.pass(2 * hourMs);
    const listed = await odd.list('ada');
    assert.equal(listed.length, 3, 'that host does not show every session');
    const handle = (await right.open(mine)).handle;
    assert.equal(await odd.revoke(handle, { owner: 'ada' }), true, 'that host does not end one session');
    assert.equal(await odd.revokeAll('ada'), 2, 'that host does not end every session');
    for (const cookie of [other, mine, last])
      assert.equal((await right.open(cookie)).isNew, true, 'a session lives that has been ended');
  } finally {
    await Promise.all([right.close(), odd.close()]);
    for (const store of new Set(storage.stores)) if (hasAbility(store, 'close')) await store.close();
    await storage.dispose?.();
  }
}

/** @returns the cookie */
async function logIn(sessions: Sessions): Promise<string> {
  const session = await sessions.open(undefined);
  const fresh = await session.regenerate({ owner: 'ada' });
  const { setCookie = '' } = await sessions.commit(fresh, 200);
  return setCookie.split(';', 1)[0] ?? '';
}
