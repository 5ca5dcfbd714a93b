import { SessError } from '../errors.ts';
import { publish } from '../events.ts';
import { isFaultOfOne } from './fault-of-one.ts';
import type { GuardedStore } from './guarded-store.ts';
import { isRotationOf, rotatedTo } from './rotations.ts';
import {
  type EndMarker,
  type SessionKey,
  type SessionRecord,
  type SessionStore,
  type StoredSession,
  isEndMarker,
} from '../store.ts';
import { type OwnerPage, hasAbility } from '../store-abilities.ts';
import { isSessionKey } from '../cookie/token.ts';

/** A session as it is listed: enough to show a person "your other devices", and to revoke it. */
export interface SessionInfo {
  /** The public name of the session: for `revoke`, and to tell one's own by `session.handle`. */
  handle: string;
  /** What `regenerate({ owner, label })` called the device; absent where it did not. */
  label?: string;
  /** When somebody logged in there. */
  createdAt: Date;
  /** When the session was last used, as exactly as touches are written: to an hour, with an idle timeout of a day. */
  touchedAt: Date;
  /** When it ends, unless it is used before. */
  expiresAt: Date;
}

/** Calls that run at once while a long list is read. */
const AT_ONCE = 32;

/** A revocation that finds new sessions again and again meets somebody who logs in in a loop. */
const PASSES = 100;

/**
 * Finds and ends sessions from outside their own requests.
 *
 * Whether a session lives is for the store to say. This process's clock and its timeouts are not asked: they may differ
 * from those of the host that serves the session.
 */
export class Owners {
  readonly #store: GuardedStore;

  constructor(store: GuardedStore) {
    this.#store = store;
  }

  async list(owner: string): Promise<SessionInfo[]> {
    const found = new Map<SessionKey, SessionInfo>();
    for await (const page of this.#pagesOf(owner)) {
      await this.#examine(page, page.keys, async (key) => {
        const stored = await this.#store.read(key);
        if (stored !== undefined && isEndMarker(stored)) return 'keep';
        if (!isOwned(stored, owner)) return 'forget';
        found.set(key, infoOf(key, stored.record));
        return 'keep';
      });
    }
    return [...found.values()].toSorted((a, b) => b.touchedAt.getTime() - a.touchedAt.getTime());
  }

  /** @param owner where it is given, the session is ended only if it is this owner's */
  async revoke(handle: string, owner?: string): Promise<boolean> {
    if (owner !== undefined) assertOwner(owner);
    if (!isSessionKey(handle)) return false;
    // Two steps, since no verb does both. What was read still holds at the second one: a session keeps its owner for
    // life, and a login makes a new session. (A program that changes owners in the store itself may come between.)
    if (owner !== undefined && !isOwned(await this.#find(handle), owner)) return false;
    return this.#end(handle);
  }

  /**
   * Lists again until a listing shows nothing new. Then none of the sessions that were there at the beginning lives on,
   * nor what they were rotated into:
   *
   * - A rotation writes the new entry, stores the new session, and then puts an end marker in the place of the old one.
   *   If the old one is not there any more, it destroys the new one too. So the new key counts from the moment when the
   *   rotation ended the old one. At every moment a session is alive under one key that counts, and the index has
   *   the entry of that key.
   * - A key that has ended never lives again, so it needs no second look. A key under which nothing is stored may be
   *   about to get its session, so each listing looks at it again.
   * - Say that a session was alive under a key K when the last listing began. The listing showed K, even if K was
   *   rotated meanwhile, since entries of end markers are not forgotten. Nothing was new about K: so it was known to have
   *   ended before, which contradicts that it was alive; or nothing was stored under it, neither before the listing nor
   *   when the listing looked. So it was not rotated: it has ended.
   *
   * A login that is stored later is not one of these sessions.
   *
   * @param spared the keys of what is left alone, asked again for each session; and so is what they are rotated into
   */
  async revokeAll(owner: string, spared: () => readonly SessionKey[]): Promise<number> {
    const pass: Pass = { spared, known: new Map(), revoked: 0, isNews: true };
    let unreadable: Error | undefined;
    const look = async (key: SessionKey): Promise<'keep' | 'forget'> => {
      try {
        return await this.#revokeOwned(owner, key, pass);
      } catch (error) {
        if (!isFaultOfOne(error)) throw error;
        unreadable = error;
        pass.known.set(key, 'ended');
        return 'keep';
      }
    };
    for (let count = 0; pass.isNews; count += 1) {
      if (count === PASSES) throw neverEnding(pass.revoked);
      pass.isNews = false;
      for await (const page of this.#pagesOf(owner)) {
        const keys = page.keys.filter((key) => pass.known.get(key) !== 'ended' && !spared().includes(key));
        await this.#examine(page, keys, look);
      }
    }
    // A torn session lets nobody in, but one of a newer version does. So the caller must know that it was left.
    if (unreadable !== undefined) throw unreadable;
    return pass.revoked;
  }

  async #revokeOwned(owner: string, key: SessionKey, pass: Pass): Promise<'keep' | 'forget'> {
    const found = await this.#store.read(key);
    const isAbsent = found === undefined;
    const spared = pass.spared();
    if (isOwned(found, owner) && (await isRotationOf(this.#store, spared, key, found.record))) return 'keep';
    // Once also where nothing was found: a store that uses its host's clock may take a session for expired too early.
    // Not where one is spared: it may be about to be stored under this key, by a rotation.
    const isToEnd = isAbsent ? spared.length === 0 && !pass.known.has(key) : isOwned(found, owner);
    const isRevoked = isToEnd && (await this.#end(key));
    if (isRevoked) pass.revoked += 1;
    const state = isAbsent && !isRevoked ? 'absent' : 'ended';
    if (pass.known.get(key) !== state) pass.isNews = true;
    pass.known.set(key, state);
    return found !== undefined && isEndMarker(found) ? 'keep' : 'forget';
  }

  /** The session of a handle that was listed a moment ago: it may have been rotated since. */
  async #find(handle: SessionKey): Promise<StoredSession | EndMarker | undefined> {
    const found = await this.#store.read(handle);
    const next = rotatedTo(found);
    return next === undefined ? found : this.#find(next);
  }

  async #end(handle: SessionKey): Promise<boolean> {
    // No end marker: no answer with another cookie is on its way to that browser.
    const record = await this.#store.destroy(handle);
    const next = rotatedTo(record);
    if (next !== undefined) return this.#end(next);
    if (record === undefined || isEndMarker(record)) return false;
    publish('destroyed', () => ({ handle, by: 'revoke' }));
    return true;
  }

  async *#pagesOf(owner: string): AsyncGenerator<OwnerPage> {
    assertOwner(owner);
    let pages: AsyncIterator<OwnerPage> | undefined;
    try {
      for (;;) {
        // Each page is a call of its own, within the bound of one.
        const next = await this.#store.ask('keysByOwner', async (store) => (pages ??= pagesIn(store, owner)).next());
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      // Not waited for: after a timeout the store is still busy with the page.
      pages?.return?.().catch(() => {});
    }
  }

  /** Looks at these keys of a page, and drops the entries that `look` says to forget. */
  async #examine(
    page: OwnerPage,
    keys: readonly SessionKey[],
    look: (key: SessionKey) => Promise<'keep' | 'forget'>,
  ): Promise<void> {
    const stale: SessionKey[] = [];
    for (let at = 0; at < keys.length; at += AT_ONCE) {
      const looks = keys.slice(at, at + AT_ONCE).map(async (key) => {
        if ((await look(key)) === 'forget') stale.push(key);
      });
      await Promise.all(looks);
    }
    if (stale.length === 0) return;
    // A full store that cannot be tidied can still log everybody out; the fault was an event.
    await this.#store.ask('forgetKeys', () => page.forget(stale)).catch(() => {});
  }
}

/** What a revocation of all knows after each look. */
interface Pass {
  readonly spared: () => readonly SessionKey[];
  readonly known: Map<SessionKey, 'ended' | 'absent'>;
  revoked: number;
  /** Whether the listing under way has shown something that was not known. */
  isNews: boolean;
}

function pagesIn(store: SessionStore, owner: string): AsyncIterator<OwnerPage> {
  if (hasAbility(store, 'keysByOwner')) return store.keysByOwner(owner)[Symbol.asyncIterator]();
  throw new SessError(
    'UNSUPPORTED',
    'This session store keeps no index of owners, so sessions cannot be listed or revoked by owner.',
  );
}

/** The index only hints; what counts is the session. */
function isOwned(found: StoredSession | EndMarker | undefined, owner: string): found is StoredSession {
  return found !== undefined && !isEndMarker(found) && found.record.owner === owner;
}

function assertOwner(owner: string): void {
  if (typeof owner !== 'string' || owner === '')
    throw new SessError('CONFIG_INVALID', 'The owner must be a text that is not empty.');
}

function infoOf(handle: SessionKey, { settings, createdAt, touchedAt, expiresAt }: SessionRecord): SessionInfo {
  return {
    handle,
    ...(settings?.label === undefined ? {} : { label: settings.label }),
    createdAt: new Date(createdAt),
    touchedAt: new Date(touchedAt),
    expiresAt: new Date(expiresAt),
  };
}

function neverEnding(revoked: number): SessError {
  return new SessError(
    'SESSION_CONFLICT',
    `New sessions of this owner began during each of ${PASSES} passes. ${revoked} were revoked; stop the logins, then revoke again.`,
  );
}
