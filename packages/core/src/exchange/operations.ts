import { withDeadline } from '../deadline.ts';
import type { Engine } from './engine.ts';
import { SessError, isSessError, scrub } from '../errors.ts';

/** The session work of one request besides the commit: what the app began, and may not have waited for. */
export class Operations {
  readonly #engine: Engine;
  readonly #onError: (error: unknown) => void;
  // Made when they are needed: most requests begin nothing.
  #running: Set<Promise<void>> | undefined;
  #failures: { outcome: Outcome<unknown>; error: unknown; isLate: boolean }[] | undefined;
  /** The answer is waiting for the commit: the app cannot report a failure any more. */
  isAnswerHeld = false;
  /** The last of the operations that run one after the other, until it has settled. */
  #last: Promise<void> | undefined;

  constructor(engine: Engine, onError: (error: unknown) => void) {
    this.#engine = engine;
    this.#onError = onError;
  }

  get isBusy(): boolean {
    return this.#running !== undefined && this.#running.size > 0;
  }

  /** Settles once all operations that run one after the other have settled, and this one, if there is one. */
  lastWith(other: Promise<void> | undefined): Promise<unknown> | undefined {
    if (this.#last === undefined || other === undefined) return this.#last ?? other;
    return Promise.all([this.#last, other]);
  }

  /** Runs when the ones before it have settled. Begins at once where there are none. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const outcome = this.track(this.#last === undefined ? work() : this.#last.then(work));
    this.#last = outcome.settled;
    return outcome;
  }

  /** Runs when all that is under way is settled. */
  afterAll<T>(work: () => Promise<T>): Promise<T> {
    const outcome = this.track(Promise.all(this.#running ?? new Set<Promise<void>>()).then(work));
    this.#last = outcome.settled;
    return outcome;
  }

  /** Bounds an operation and remembers it until it is settled, whether or not the app waits for it. */
  track<T>(work: Promise<T>): Outcome<T> {
    const outcome = Outcome.of(withDeadline(work, this.#engine.commitMs, 'Storing the session'), work);
    const { settled } = outcome;
    void outcome.peek((error) => {
      (this.#failures ??= []).push({ outcome, error, isLate: this.isAnswerHeld });
      this.#onError(error);
    });
    const running = (this.#running ??= new Set());
    running.add(settled);
    const { workInHand } = this.#engine;
    workInHand.begin();
    void settled.then(() => {
      running.delete(settled);
      if (this.#last === settled) this.#last = undefined;
      workInHand.end();
    });
    return outcome;
  }

  /** Resolves when all is over, within the time of a commit: what takes an answer's place must know what is done. */
  async settledInTime(): Promise<void> {
    if (this.isBusy) await withDeadline(this.settled(), this.#engine.commitMs, 'Storing the session').catch(ignore);
  }

  async settled(): Promise<void> {
    while (this.#running !== undefined && this.#running.size > 0) await Promise.all(this.#running);
  }

  /**
   * Throws a failure that the answer must report, since nobody else will: the app does not wait for the
   * operation, or its answer had already begun. (That a session had ended is not a failure.)
   */
  throwUntold(): void {
    for (const { outcome, error, isLate } of this.#failures ?? []) {
      const told = isSessError(error) ? error : updateThrew(error);
      if (told.status !== 409 && (!outcome.isAwaited || (isLate && told.status === 503))) throw told;
    }
  }

  /** Whether an operation that the app waited for failed as this does, for what the app itself made of the session. */
  wasToldOf(error: unknown): boolean {
    const code = isSessError(error) && error.status !== 503 ? error.code : undefined;
    if (code === undefined || this.#failures === undefined) return false;
    return this.#failures.some(
      ({ outcome, error: told }) => outcome.isAwaited && isSessError(told) && told.code === code,
    );
  }
}

/** All else that an operation rejects with comes from the store, and is a `SessError`. */
function updateThrew(cause: unknown): SessError {
  return new SessError(
    'UPDATE_THREW',
    `The function given to session.update() threw, and nobody waited for the update: ${scrub(cause).message}`,
    { cause },
  );
}

const ignore = (): void => {};

/** A promise that knows whether anybody waits for it. When nobody does, its rejection is not an unhandled one. */
class Outcome<T> extends Promise<T> {
  isAwaited = false;
  settled: Promise<void> = Promise.resolve();

  /** @param work the same without the bound: it may go on after the app was told that it takes too long */
  static of<T>(bounded: Promise<T>, work: Promise<T>): Outcome<T> {
    const outcome = new Outcome<T>((resolve, reject) => void bounded.then(resolve, reject));
    outcome.settled = Promise.all([outcome.peek(() => {}), work.then(ignore, ignore)]).then(ignore);
    return outcome;
  }

  /** What `then` makes of it are plain promises. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- it is a promise
  override then<A = T, B = never>(
    onValue?: ((value: T) => A | PromiseLike<A>) | null,
    onError?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.isAwaited = true;
    return super.then(onValue, onError);
  }

  /** Listens without counting as somebody who waits. */
  peek(onError: (error: unknown) => void): Promise<void> {
    return super.then(() => {}, onError);
  }
}
