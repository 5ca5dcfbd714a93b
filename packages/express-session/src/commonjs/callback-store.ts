import {
  type ChecksItself,
  type DescribesItself,
  type DestroyOptions,
  type EndMarker,
  type Finding,
  type ProbesItself,
  type ReplaceOutcome,
  type SessionKey,
  type SessionRecord,
  type SessionStore,
  type StoredSession,
  type Succession,
  isEndMarker,
  isSuccession,
  memoryStore,
} from '@sess/core';

import { MemoryStore } from './memory-store.ts';
import type { SessionData } from './session.ts';
import { StoreCalls } from './store-calls.ts';
import { type RecordShape, recordOf, sessionOf, sessionOfMarker } from './stored-session.ts';
import type { Store } from './store.ts';

/**
 * How long this process remembers a session that it has created, since the creation may be tried again, and an end marker
 * at most. A marker that has to stand longer is stored: it says that an old cookie leads nowhere any more.
 */
const KNOWN_MS = 60_000;

/**
 * A store of express-session (connect-redis, connect-pg-simple, ...) under the contract of core. Such a store can write
 * and remove, and not compare. So this process compares: calls for one session stand in a queue, and what has ended is
 * remembered here. Two processes may still overwrite each other, or bring a session back, in the moment between the
 * comparison and the write. The warning at the start says so.
 */
export class CallbackStore implements SessionStore, DescribesItself, ChecksItself, ProbesItself {
  readonly #store: Store;
  readonly #shape: RecordShape;
  readonly #calls: StoreCalls;
  /** A session that is saved explicitly, and is to be written whole even where nothing has changed. */
  #saved: SessionKey | undefined;

  constructor(store: Store, shape: RecordShape) {
    this.#store = store;
    this.#shape = shape;
    this.#calls = StoreCalls.of(store);
  }

  /** The app calls `save()` and expects all of the session to be written. Of two at once one may become a touch. */
  noteSave(key: SessionKey): void {
    this.#saved = key;
  }

  create(key: SessionKey, record: SessionRecord, by: number): Promise<{ readonly version: unknown } | undefined> {
    return this.#calls.inTurn(key, by, async () => {
      if (this.#calls.recently(key) !== undefined) return undefined;
      const version = await this.#write(key, record, by);
      this.#calls.remember(key, KNOWN_MS);
      return { version };
    });
  }

  read(key: SessionKey, by: number): Promise<StoredSession | EndMarker | undefined> {
    return this.#find(key, by);
  }

  replace(key: SessionKey, version: unknown, next: SessionRecord | Succession, by: number): Promise<ReplaceOutcome> {
    return this.#calls.inTurn(key, by, async () => {
      const stored = this.#calls.toldOf(key, version) ?? (await this.#find(key, by));
      if (stored === undefined || isEndMarker(stored)) return { verdict: 'gone' };
      if (stored.version !== version) {
        this.#calls.tell(key, stored);
        return { verdict: 'conflict', stored };
      }
      if (isSuccession(next)) {
        await this.#end(key, { ended: true, successor: next.successor }, next.endMarkerMs, by);
        return { verdict: 'replaced', version: undefined };
      }
      const isSaved = this.#saved === key;
      if (isSaved) this.#saved = undefined;
      // Core names each write but a touch.
      const isTouch = !isSaved && next.writeIds[0] === stored.record.writeIds[0];
      return { verdict: 'replaced', version: await this.#write(key, next, by, isTouch) };
    });
  }

  destroy(key: SessionKey, options: DestroyOptions, by: number): Promise<SessionRecord | EndMarker | undefined> {
    return this.#calls.inTurn(key, by, async () => {
      const stored = await this.#find(key, by);
      if (isEndMarker(stored)) return stored;
      await this.#end(key, { ended: true }, options.endMarkerMs ?? 0, by);
      return stored?.record;
    });
  }

  describe(): { name: string; location: string; sharedBy: 'process' | 'hosts' } {
    const isMemory = this.#store instanceof MemoryStore;
    const location = this.#store.constructor.name;
    return { name: isMemory ? 'memory' : 'express-session', location, sharedBy: isMemory ? 'process' : 'hosts' };
  }

  async check(): Promise<readonly Finding[]> {
    if (this.#store instanceof MemoryStore) return memoryStore().check();
    return [comparesInProcess(this.#store.constructor.name)];
  }

  /** Other programs rely on what is in this store, so nothing is written to try it. */
  async probe(): Promise<void> {
    await this.#find('0'.repeat(64), performance.now() + 1_000);
  }

  async #find(key: SessionKey, by: number): Promise<StoredSession | EndMarker | undefined> {
    const marker = this.#calls.recently(key)?.marker;
    if (marker !== undefined) return marker;
    const found = await this.#calls.read<SessionData | null>(by, (callback) => this.#store.get(key, callback));
    return found ? recordOf(found, this.#shape) : undefined;
  }

  /** @returns the version of what is stored now */
  async #write(key: SessionKey, record: SessionRecord, by: number, isTouch = false): Promise<unknown> {
    const session = sessionOf(record, this.#shape);
    const version = JSON.stringify(session);
    // What a store writes at a touch is for the store to decide.
    await this.#calls.write(key, by, (callback) =>
      isTouch && this.#store.touch !== undefined
        ? this.#store.touch(key, session, callback)
        : this.#store.set(key, session, callback),
    );
    return version;
  }

  async #end(key: SessionKey, marker: EndMarker, forMs: number, by: number): Promise<void> {
    const isStored = forMs > KNOWN_MS;
    if (isStored)
      await this.#calls.write(key, by, (callback) =>
        this.#store.set(key, sessionOfMarker(marker, forMs, this.#shape), callback),
      );
    else await this.#calls.remove(key, by, (callback) => this.#store.destroy(key, callback));
    this.#calls.remember(key, isStored ? 0 : forMs, marker);
  }
}

function comparesInProcess(name: string): Finding {
  return {
    code: 'STORE_COMPARES_IN_PROCESS',
    severity: 'warning',
    text: `${name} cannot compare before it writes. Within one process no update is lost, and no session comes back after its logout; between processes both can happen, as with express-session.`,
    fix: 'Give session() a store of @sess, such as redisStore({ url }) of @sess/redis, or leave store out: then the environment chooses.',
  };
}
