import { SessError } from '../errors.ts';
import { publish } from '../events.ts';
import { type Timeouts, isPastAbsolute } from '../expiry.ts';
import type { GuardedStore } from './guarded-store.ts';
import { type SessionKey, type SessionRecord, hasAbility } from '../store.ts';
import { isSessionKey } from '../cookie/token.ts';

/** A session as it is listed: enough to show a person "your other devices", and to revoke it. */
export interface SessionInfo {
  handle: string;
  createdAt: Date;
  touchedAt: Date;
  expiresAt: Date;
}

/** Reads that run at once while a long list is checked. */
const AT_ONCE = 32;

/** A revocation that finds new sessions again and again meets somebody who logs in in a loop. */
const PASSES = 100;

/** Finds and ends sessions from outside their own requests. */
export class Owners {
  readonly #store: GuardedStore;
  readonly #timeouts: Timeouts;
  readonly #clock: () => number;

  constructor(store: GuardedStore, timeouts: Timeouts, clock: () => number) {
    this.#store = store;
    this.#timeouts = timeouts;
    this.#clock = clock;
  }

  async list(owner: string): Promise<SessionInfo[]> {
    const found = await this.#sessionsOf(owner);
    return [...found]
      .map(([handle, { createdAt, touchedAt, expiresAt }]) => ({
        handle,
        createdAt: new Date(createdAt),
        touchedAt: new Date(touchedAt),
        expiresAt: new Date(expiresAt),
      }))
      .toSorted((a, b) => b.touchedAt.getTime() - a.touchedAt.getTime());
  }

  async revoke(handle: string): Promise<boolean> {
    if (!isSessionKey(handle)) return false;
    // No end marker: no answer with another cookie is on its way to that browser.
    const record = await this.#store.destroy(handle);
    if (record === undefined) return false;
    publish('destroyed', () => ({ handle, by: 'revoke' }));
    return true;
  }

  async revokeAll(owner: string, except: string | undefined): Promise<number> {
    let revoked = 0;
    // A login that ran beside a pass is found by the next one.
    for (let pass = 0; pass < PASSES; pass += 1) {
      const handles = [...(await this.#sessionsOf(owner)).keys()].filter((handle) => handle !== except);
      if (handles.length === 0) return revoked;
      const outcomes = await inPortions(handles, (handle) => this.revoke(handle));
      revoked += outcomes.filter(Boolean).length;
    }
    throw new SessError(
      'SESSION_CONFLICT',
      `New sessions of this owner began during each of ${PASSES} passes. ${revoked} were revoked; stop the logins, then revoke again.`,
    );
  }

  /** The index only hints; what counts is the session. */
  async #sessionsOf(owner: string): Promise<Map<SessionKey, SessionRecord>> {
    if (typeof owner !== 'string' || owner === '')
      throw new SessError('CONFIG_INVALID', 'The owner must be a text that is not empty.');
    const keys = await this.#store.ask('keysByOwner', async (store) => {
      if (hasAbility(store, 'keysByOwner')) return store.keysByOwner(owner);
      throw new SessError(
        'UNSUPPORTED',
        'This session store keeps no index of owners, so sessions can not be listed or revoked by owner.',
      );
    });
    const found = new Map<SessionKey, SessionRecord>();
    const stale: SessionKey[] = [];
    await inPortions(keys, async (key) => {
      const record = await this.#store.read(key);
      if (record === undefined || record === 'ended' || record.owner !== owner) stale.push(key);
      else if (!isPastAbsolute(this.#clock(), record.createdAt, this.#timeouts)) found.set(key, record);
    });
    if (stale.length > 0) {
      const tidied = this.#store.ask('forgetKeys', async (store) => {
        if (hasAbility(store, 'keysByOwner')) await store.forgetKeys(owner, stale);
      });
      // A full store that can not be tidied can still log everybody out; the fault was an event.
      await tidied.catch(() => {});
    }
    return found;
  }
}

async function inPortions<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE)
    results.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(work))));
  return results;
}
