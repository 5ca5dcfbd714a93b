import { beginDeadline } from '../deadline.ts';
import { SessError, isSessError } from '../errors.ts';
import { publish } from '../events.ts';
import type { BoundedStore } from '../bounded-store.ts';
import {
  type DestroyOptions,
  type EndMarker,
  type ReplaceOutcome,
  type SessionKey,
  type SessionRecord,
  type SessionStore,
  type StoredSession,
  type Succession,
  isSuccession,
} from '../store.ts';
import { WorkInHand } from '../work-in-hand.ts';

/**
 * The store's part of the bound: the rest is for it to say why it gives up ("connection refused" instead of "took longer
 * than 1000 ms").
 */
const storesShare = 0.9;

/**
 * A store as core uses it: each operation bounded, each fault a `SessError` and an event. So a store that somebody
 * else wrote cannot hang a request. This is the one place that sets a deadline for a store's work.
 */
export class GuardedStore implements BoundedStore {
  readonly #store: SessionStore;
  /** How long a verb takes at most, in milliseconds. */
  readonly boundMs: number;
  readonly #onFault: (error: SessError) => void;
  readonly #onEnded: (key: SessionKey) => void;
  readonly #workInHand = new WorkInHand();

  /** @param onEnded is told of each session that was ended or replaced through this */
  constructor(
    store: SessionStore,
    operationMs: number,
    onFault: (error: SessError) => void = () => {},
    onEnded: (key: SessionKey) => void = () => {},
  ) {
    this.#store = store;
    this.#onEnded = onEnded;
    this.boundMs = operationMs;
    this.#onFault = onFault;
  }

  create(key: SessionKey, record: SessionRecord): Promise<{ readonly version: unknown } | undefined> {
    return this.#guard('create', key, (store, by) => store.create(key, record, by));
  }

  read(key: SessionKey): Promise<StoredSession | EndMarker | undefined> {
    return this.#guard('read', key, (store, by) => store.read(key, by));
  }

  replace(key: SessionKey, version: unknown, next: SessionRecord | Succession): Promise<ReplaceOutcome> {
    const replacing = this.#guard('replace', key, (store, by) => store.replace(key, version, next, by));
    return isSuccession(next) ? this.#told(key, replacing) : replacing;
  }

  destroy(key: SessionKey, options: DestroyOptions = {}): Promise<SessionRecord | EndMarker | undefined> {
    return this.#told(
      key,
      this.#guard('destroy', key, (store, by) => store.destroy(key, options, by)),
    );
  }

  /** Any other work on the store, under the same guard. */
  ask<T>(operation: string, work: (store: SessionStore) => Promise<T>): Promise<T> {
    return this.#guard(operation, undefined, work);
  }

  /** Resolves when nothing is under way; under steady load after the time that one operation may take. */
  drained(): Promise<void> {
    return this.#workInHand.settledWithin(this.boundMs);
  }

  async #told<T>(key: SessionKey, ending: Promise<T>): Promise<T> {
    const outcome = await ending;
    this.#onEnded(key);
    return outcome;
  }

  // One promise for all of it: every request goes through here once or twice.
  #guard<T>(
    operation: string,
    key: SessionKey | undefined,
    work: (store: SessionStore, by: number) => Promise<T>,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const started = performance.now();
      this.#workInHand.begin();
      let isOver = false;
      const finish = (): boolean => {
        if (isOver) return false;
        isOver = true;
        endDeadline();
        this.#workInHand.end();
        return true;
      };
      const fail = (thrown: unknown): void => {
        if (finish()) reject(this.#fault(thrown, operation, key, started));
      };
      const endDeadline = beginDeadline(this.boundMs, () => fail(this.#timeout(operation)));
      try {
        work(this.#store, started + storesShare * this.boundMs).then((answer) => {
          if (!finish()) return;
          publish('storeAnswered', () => ({ operation, handle: key, durationMs: performance.now() - started }));
          resolve(answer);
        }, fail);
      } catch (thrown) {
        fail(thrown);
      }
    });
  }

  #timeout(operation: string): SessError {
    return new SessError('STORE_TIMEOUT', `The session store's ${operation} took longer than ${this.boundMs} ms.`);
  }

  #fault(thrown: unknown, operation: string, key: SessionKey | undefined, started: number): SessError {
    const error = isSessError(thrown)
      ? thrown
      : new SessError('STORE_UNAVAILABLE', `The session store failed at ${operation}.`, { cause: thrown });
    publish('storeError', () => ({
      operation,
      code: error.code,
      handle: key,
      error,
      durationMs: performance.now() - started,
    }));
    if (error.code !== 'UNSUPPORTED') this.#onFault(error);
    return error;
  }
}
