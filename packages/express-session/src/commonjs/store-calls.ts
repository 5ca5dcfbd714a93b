import { type EndMarker, SessError, type SessionKey, type StoredSession } from '@sess/core';

import type { Store } from './store.ts';

/** A call of a store: `set`, say, with all but its callback. */
export type StoreCall<T> = (callback: (error?: unknown, answer?: T) => void) => void;

/** Of writes that were given up and may still be carried out: how many, and what this process has written since. */
interface Late {
  count: number;
  since: StoreCall<unknown> | undefined;
}

/** How long a call may take that nobody waits for, in milliseconds. */
const PATIENCE_MS = 10_000;

/** Between a conflict and the next try: how long that takes at most, in milliseconds, and how many sessions there are. */
const TOLD_MS = 100;
const MOST_TOLD = 1_000;

const callsOfStores = new WeakMap<Store, StoreCalls>();

/**
 * What this process asks of one store of express-session, whichever middlewares do: the calls for one session stand in a
 * queue, and what was created or ended a moment ago is remembered.
 */
export class StoreCalls {
  readonly #queues = new Map<SessionKey, Promise<unknown>>();
  /** In the order of its end. */
  readonly #recent = new Map<SessionKey, { readonly until: number; readonly marker?: EndMarker }>();
  readonly #late = new Map<SessionKey, Late>();
  /** What a conflict has told of, until somebody writes. */
  readonly #told = new Map<SessionKey, { readonly stored: StoredSession; readonly until: number }>();

  /** Those of the store, which several middlewares may share. */
  static of(store: Store): StoreCalls {
    const known = callsOfStores.get(store);
    if (known !== undefined) return known;
    const calls = new StoreCalls();
    callsOfStores.set(store, calls);
    return calls;
  }

  /** What was created or ended, within the time that it was to be remembered. */
  recently(key: SessionKey): { readonly marker?: EndMarker } | undefined {
    const known = this.#recent.get(key);
    return known !== undefined && performance.now() < known.until ? known : undefined;
  }

  remember(key: SessionKey, forMs: number, marker?: EndMarker): void {
    const now = performance.now();
    for (const [old, { until }] of this.#recent) {
      if (until > now) break;
      this.#recent.delete(old);
    }
    this.#recent.delete(key);
    if (forMs > 0) this.#recent.set(key, { until: now + forMs, ...(marker !== undefined && { marker }) });
  }

  tell(key: SessionKey, stored: StoredSession): void {
    // Those that nobody came back for.
    if (this.#told.size >= MOST_TOLD) this.#told.clear();
    this.#told.set(key, { stored, until: performance.now() + TOLD_MS });
  }

  /**
   * What is stored, where the caller was told of it just now by a conflict. It is not read once more: a store that adds a
   * moment to each answer would never be found to hold what it held before.
   */
  toldOf(key: SessionKey, version: unknown): StoredSession | undefined {
    const told = this.#told.get(key);
    return told !== undefined && told.stored.version === version && performance.now() < told.until
      ? told.stored
      : undefined;
  }

  /** One after the other, each within its time. */
  inTurn<T>(key: SessionKey, by: number, work: () => Promise<T>): Promise<T> {
    const before = this.#queues.get(key) ?? Promise.resolve();
    const turn = before.then(() => {
      if (performance.now() > by) throw tooLate();
      return work();
    });
    const settled = turn.then(
      () => {},
      () => {},
    );
    this.#queues.set(key, settled);
    void settled.then(() => this.#queues.get(key) === settled && this.#queues.delete(key));
    return turn;
  }

  /** Stores of files answer ENOENT where there is no session. */
  read<T>(by: number, call: StoreCall<T>): Promise<T | undefined> {
    return ask(by, call).catch((error: unknown) => (isMissing(error) ? undefined : Promise.reject(error)));
  }

  /** A write that comes too late must not have the last word, so what was written after it is written again then. */
  async write(key: SessionKey, by: number, call: StoreCall<unknown>): Promise<void> {
    this.#supersede(key, call);
    await ask(by, call, () => this.#expectLate(key));
  }

  async remove(key: SessionKey, by: number, call: StoreCall<unknown>): Promise<void> {
    this.#supersede(key, call);
    await this.read(by, call);
  }

  #supersede(key: SessionKey, call: StoreCall<unknown>): void {
    this.#told.delete(key);
    const late = this.#late.get(key);
    if (late !== undefined) late.since = call;
  }

  /** @returns what is called when the late write was carried out, or has failed */
  #expectLate(key: SessionKey): () => void {
    const late = this.#late.get(key) ?? { count: 0, since: undefined };
    this.#late.set(key, late);
    late.count += 1;
    return () => {
      late.count -= 1;
      if (late.count === 0) this.inTurn(key, Infinity, () => this.#repeat(key, late)).catch(() => {});
    };
  }

  async #repeat(key: SessionKey, late: Late): Promise<void> {
    if (late.count > 0) return;
    this.#late.delete(key);
    const { since } = late;
    if (since !== undefined) await this.write(key, performance.now() + PATIENCE_MS, since);
  }
}

/** Calls a store, and answers as the contract of stores says: a fault is thrown. */
function ask<T>(by: number, call: StoreCall<T>, onLate?: () => () => void): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    let settledLate: (() => void) | undefined;
    const timer = setTimeout(
      () => {
        settledLate = onLate?.();
        reject(tooLate());
      },
      Math.max(0, by - performance.now()),
    );
    const settle = (error?: unknown, answer?: T): void => {
      clearTimeout(timer);
      settledLate?.();
      settledLate = undefined;
      if (error) reject(unavailable(error));
      else resolve(answer);
    };
    try {
      call(settle);
    } catch (error) {
      settle(error);
    }
  });
}

function isMissing(error: unknown): boolean {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
}

function tooLate(): SessError {
  return new SessError('STORE_TIMEOUT', 'The session store did not answer in time.');
}

function unavailable(error: unknown): SessError {
  const why = error instanceof Error ? error.message : String(error);
  return new SessError('STORE_UNAVAILABLE', `The session store failed: ${why}`, { cause: error });
}
