import { createHash } from 'node:crypto';
import type { OwnerPage, SessionKey, SessionRecord } from '@sess/core';
import type { Link } from './connection/link.ts';
import { forgetScript, indexScript } from './scripts/owner-index-scripts.ts';
import { isSessionKey } from './session-key.ts';
import { encodeText } from './session-text.ts';
import { cursorPages } from './walk/cursor-pages.ts';

/**
 * From owner to keys: a sorted set for each owner, `session:owner:<sha256 of the owner>`.
 *
 * An entry's score holds two things: the second until which it is kept and, in the lower 20 bits, for how many minutes
 * that is; so its age is known, and outdated entries are removed as one range.
 */
export interface OwnerIndex {
  /** Writes the entry, inside a call on `link`. What is sent after it on the same connection happens after it. */
  send(link: Link, owner: string, key: SessionKey, timeToLiveMs: number): Promise<unknown>;
  keysByOwner(owner: string): AsyncIterable<OwnerPage>;
}

const keysPerPage = 1_000;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * Whether a session that stays in use has to renew its entry. It is not done with each write, which would cost a command
 * each time, but when a touch crosses the border of a period, or has made the session's lifetime longer.
 *
 * A period is the session's lifetime, at least an hour and at most a day: an entry that was lost, or kept for too short a
 * time, is soon written again.
 */
export function isRenewalDue(before: SessionRecord, after: SessionRecord): boolean {
  // Clocks of workers differ: one that is slow has not made the life longer.
  const touchedAt = Math.max(before.touchedAt, after.touchedAt);
  const lifetimeMs = after.expiresAt - touchedAt;
  const periodMs = Math.min(Math.max(lifetimeMs, hourMs), dayMs);
  const hasGrown = lifetimeMs > Math.max(before.expiresAt - before.touchedAt, hourMs);
  return hasGrown || Math.floor(before.touchedAt / periodMs) < Math.floor(touchedAt / periodMs);
}

/**
 * Between two renewals lie at most two lifetimes, and the session may live another one. Five leave room for a renewal that
 * failed.
 */
function minutesKept(timeToLiveMs: number): string {
  return String(Math.min(Math.ceil((5 * Math.max(timeToLiveMs, hourMs)) / 60_000), 2 ** 20 - 1));
}

export function ownerIndex(link: Link, prefix: string): OwnerIndex {
  const nameOf = (owner: string) => `${prefix}owner:${createHash('sha256').update(encodeText(owner)).digest('hex')}`;
  const what = 'a look into the owner index';

  async function forget(owner: string, keys: readonly SessionKey[]): Promise<void> {
    if (keys.length === 0) return;
    const send = () => link.evaluate(forgetScript, nameOf(owner), keys);
    await link.run({ what: 'a write of the owner index', by: link.soon(), isRepeatable: true, send });
  }

  return {
    send: (by, owner, key, timeToLiveMs) => by.evaluate(indexScript, nameOf(owner), [key, minutesKept(timeToLiveMs)]),

    // By `ZSCAN`, which shows everything that stays. Pages by rank or score would miss some: ranks move when entries are
    // forgotten, and scores when entries are written again.
    async *keysByOwner(owner) {
      const read = (cursor: string) => link.client.zscan(nameOf(owner), cursor, 'COUNT', keysPerPage);
      for await (const found of cursorPages(link, what, read)) {
        const keys = found.filter(isSessionKey);
        for (let at = 0; at < keys.length; at += keysPerPage)
          yield { keys: keys.slice(at, at + keysPerPage), forget: (gone) => forget(owner, gone) };
      }
      // Only a master may say that these are all: this removes nothing, but counts as a write, which a replica refuses.
      const confirm = () => link.client.zrem(nameOf(owner), '');
      await link.run({ what, by: link.soon(), isRepeatable: true, send: confirm });
    },
  };
}
