import { withDeadline } from '../deadline.ts';
import { SessError, isSessError } from '../errors.ts';
import { publish } from '../events.ts';
import type {
  DestroyOptions,
  SessionChange,
  SessionKey,
  SessionRecord,
  SessionStore,
  UpdateVerdict,
} from '../store.ts';

/**
 * A store as core uses it: loaded at its first use, each operation bounded, each fault a `SessError`
 * and an event. So a store that somebody else wrote can not hang a request.
 */
export class GuardedStore implements SessionStore {
  readonly #load: () => Promise<SessionStore>;
  readonly #operationMs: number;
  readonly #onFault: (error: SessError) => void;
  #loaded: SessionStore | undefined;
  #running = new Set<Promise<unknown>>();

  constructor(load: () => Promise<SessionStore>, operationMs: number, onFault: (error: SessError) => void = () => {}) {
    this.#load = load;
    this.#operationMs = operationMs;
    this.#onFault = onFault;
  }

  create(key: SessionKey, record: SessionRecord): Promise<boolean> {
    return this.#guard('create', key, (store) => store.create(key, record));
  }

  read(key: SessionKey): Promise<SessionRecord | 'ended' | undefined> {
    return this.#guard('read', key, (store) => store.read(key));
  }

  update(key: SessionKey, change: SessionChange): Promise<UpdateVerdict> {
    return this.#guard('update', key, (store) => store.update(key, change));
  }

  destroy(key: SessionKey, options?: DestroyOptions): Promise<SessionRecord | undefined> {
    return this.#guard('destroy', key, (store) => store.destroy(key, options));
  }

  /** Any other work on the store, under the same guard. */
  ask<T>(operation: string, work: (store: SessionStore) => Promise<T>): Promise<T> {
    return this.#guard(operation, undefined, work);
  }

  /** Resolves when nothing is under way. */
  async drained(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  async #guard<T>(
    operation: string,
    key: SessionKey | undefined,
    work: (store: SessionStore) => Promise<T>,
  ): Promise<T> {
    const started = performance.now();
    let running: Promise<T> | undefined;
    try {
      // Importing a package takes this process's time, not the storage's; the request has a bound of its own.
      const store = (this.#loaded ??= await this.#load());
      running = withDeadline(work(store), this.#operationMs, `The session store's ${operation}`);
      this.#running.add(running);
      const answer = await running;
      publish('storeAnswered', () => ({ operation, handle: key, durationMs: performance.now() - started }));
      return answer;
    } catch (thrown) {
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
      throw error;
    } finally {
      if (running !== undefined) this.#running.delete(running);
    }
  }
}
