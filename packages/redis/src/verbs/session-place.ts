import type { SessionKey, SessionRecord } from '@sess/core';
import type { Link } from '../connection/link.ts';
import { insideMulti, isQueued } from '../connection/redis-errors.ts';
import type { OwnerIndex } from '../owner-index.ts';
import { assertSessionKey } from '../session-key.ts';
import { decodeStored } from '../session-record.ts';
import type { StoredMarker, StoredState } from '../stored-state.ts';

/** Where sessions lie, and what the four verbs share. */
export interface SessionPlace {
  readonly main: Link;
  /** Where creates and destroys go, and how: replicas may have to confirm them. */
  readonly lasting: { readonly link: Link; readonly run: Link['run'] };
  readonly prefix: string;
  readonly index: OwnerIndex;
  /** A name for another state of a session. */
  newName(): string;
}

/** @throws `TypeError` for what cannot be a key */
export function nameOf(place: SessionPlace, key: SessionKey): string {
  assertSessionKey(key);
  return place.prefix + key;
}

/**
 * What lies under a key, from an answer as bytes.
 *
 * @throws `STORE_CORRUPT` or `STORE_TOO_NEW`
 */
export function foundBy(place: SessionPlace, key: SessionKey, reply: unknown): StoredState | StoredMarker | undefined {
  if (isQueued(reply)) throw insideMulti(place.main.where());
  return reply instanceof Buffer ? decodeStored(key, reply) : undefined;
}

/** The time to live: a difference, so that only the server's clock decides when it is over. */
export function timeLeft({ touchedAt, expiresAt }: Pick<SessionRecord, 'touchedAt' | 'expiresAt'>): number {
  return wholeMs(expiresAt - touchedAt);
}

/** What PEXPIRE takes: whole, and below its limit. */
export function wholeMs(ms: number): number {
  return Math.max(0, Math.min(Math.ceil(ms), 1e14));
}
