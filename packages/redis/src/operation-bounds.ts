import { type Deadline, type Deadlines, deadlinesOf } from '@sess/core/internal';
import { afterSilence, timeLeftUntil } from './after-silence.ts';

/** Bounds the steps of operations that may each take so long. */
export class OperationBounds {
  readonly #timeoutMs: number;
  readonly #deadlines: Deadlines;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#deadlines = deadlinesOf(timeoutMs);
  }

  /**
   * A first step of an operation has all of its time, and one of the timers that calls share.
   *
   * `since`: when the operation began, by `performance.now()`. Absent: now.
   */
  begin(since: number | undefined, expire: () => void): Deadline {
    if (since === undefined || performance.now() - since <= 1) return this.#deadlines.begin(expire);
    return { end: afterSilence(timeLeftUntil(since + this.#timeoutMs), expire) };
  }
}
