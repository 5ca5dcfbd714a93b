import { createHash } from 'node:crypto';
import type { OwnerPage, SessionKey } from '@sess/core';
import { cursorPages } from './cursor-pages.ts';
import type { Link } from './link.ts';
import { type Script, script } from './script.ts';
import { encodeText } from './session-record.ts';
import { isSessionKey } from './session-key.ts';

/**
 * From owner to keys: a sorted set for each owner, `session:owner:<sha256 of the owner>`.
 *
 * An entry's score holds two things: the second until which it is kept and, in the lower 20 bits, for how many minutes
 * that is; so its age is known, and what is outdated goes in one range.
 */
export interface OwnerIndex {
  /** Writes the entry. `send` is for use inside a call: sent before the session, on one connection, it is there before. */
  send(owner: string, key: SessionKey, timeToLiveMs: number): Promise<unknown>;
  add(owner: string, key: SessionKey, timeToLiveMs: number, since?: number): Promise<unknown>;
  keysByOwner(owner: string): AsyncIterable<OwnerPage>;
}

const keysPerPage = 1_000;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * The stretch of time after which a session that is still used renews its entry. Not above a day: an entry that was
 * lost, or kept for too short a time, is soon written again.
 */
export function indexPeriodMs(timeToLiveMs: number): number {
  return Math.min(Math.max(timeToLiveMs, hourMs), dayMs);
}

/**
 * Touches do not know the owner, and must not cost a second command. A session renews its entry when a touch crosses
 * the border of a period, or has made its lifetime longer; between two such touches lie at most two lifetimes, and the
 * session may live another one. Five leave room for a renewal that failed.
 */
function minutesKept(timeToLiveMs: number): string {
  return String(Math.min(Math.ceil((5 * Math.max(timeToLiveMs, hourMs)) / 60_000), 2 ** 20 - 1));
}

/**
 * KEYS: an owner's sorted set. ARGV: session key, minutes to keep the entry.
 *
 * It is never kept for less than before: a touch with a shorter lifetime leaves the deadline of its session.
 */
const indexScript: Script = script(`
local seconds = tonumber(redis.call('TIME')[1])
local minutes = tonumber(ARGV[2])
local score = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or nil)
if score then minutes = math.max(minutes, math.ceil((math.floor(score / 1048576) - seconds) / 60)) end
minutes = math.min(minutes, 1048575)
redis.call('ZADD', KEYS[1], string.format('%.0f', (seconds + 60 * minutes) * 1048576 + minutes), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', seconds * 1048576))
if redis.call('PTTL', KEYS[1]) < minutes * 60000 then redis.call('PEXPIRE', KEYS[1], minutes * 60000) end
return 1
`);

/** KEYS: an owner's sorted set. ARGV: session keys whose entries go, unless they are younger than a minute. */
const forgetScript: Script = script(`
local seconds = tonumber(redis.call('TIME')[1])
for i = 1, #ARGV do
  local score = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i]) or nil)
  if score then
    local writtenAt = math.floor(score / 1048576) - 60 * (score % 1048576)
    if seconds - writtenAt > 60 then redis.call('ZREM', KEYS[1], ARGV[i]) end
  end
end
return 1
`);

export function ownerIndex(link: Link, prefix: string): OwnerIndex {
  const nameOf = (owner: string) => `${prefix}owner:${createHash('sha256').update(encodeText(owner)).digest('hex')}`;

  const send = (owner: string, key: SessionKey, timeToLiveMs: number) =>
    link.evaluate(indexScript, nameOf(owner), [key, minutesKept(timeToLiveMs)]);

  async function forget(owner: string, keys: readonly SessionKey[]): Promise<void> {
    if (keys.length === 0) return;
    const send = () => link.evaluate(forgetScript, nameOf(owner), keys);
    await link.run({ what: 'a write of the owner index', isRepeatable: true, send });
  }

  return {
    send,

    add: (owner, key, timeToLiveMs, since = performance.now()) =>
      link.run({
        what: 'a write of the owner index',
        isRepeatable: true,
        since,
        send: () => send(owner, key, timeToLiveMs),
      }),

    // By `ZSCAN`, which passes over nothing that stays: ranks move when others are forgotten, and scores when entries are
    // written again.
    async *keysByOwner(owner) {
      const read = (cursor: string) => link.client.zscan(nameOf(owner), cursor, 'COUNT', keysPerPage);
      for await (const found of cursorPages(link, 'a look into the owner index', read)) {
        const keys = found.filter(isSessionKey);
        for (let at = 0; at < keys.length; at += keysPerPage)
          yield { keys: keys.slice(at, at + keysPerPage), forget: (gone) => forget(owner, gone) };
      }
      // Only a master may say that these are all: this removes nothing, but counts as a write, which a replica refuses.
      const confirm = () => link.client.zrem(nameOf(owner), '');
      await link.run({ what: 'a look into the owner index', isRepeatable: true, send: confirm });
    },
  };
}
