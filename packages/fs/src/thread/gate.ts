import { setTimeout as delay } from 'node:timers/promises';
import { SessError } from '@sess/core';
import { CallsInOrder, type InOrder } from '@sess/core/internal';
import { asFault, timedOut } from '../disk/faults.ts';

/** Lets calls of the store in, and knows which of them are under way. */
export interface Gate {
  /**
   * @param by when the caller stops waiting; the caller itself ends that wait. The work goes on.
   * @throws SessError `STORE_BUSY` at once, when too many calls wait
   */
  run<T>(by: number, work: () => Promise<T>): Promise<T>;
  /**
   * The same for work that no caller sees the end of, such as a part of a sweep: it has so many milliseconds.
   *
   * @throws SessError `STORE_TIMEOUT`
   */
  runFor<T>(ms: number, work: (by: number) => Promise<T>): Promise<T>;
  /** Lets no call in any more, and resolves when all that are in have been answered or are late. */
  close(): Promise<void>;
}

/**
 * Calls that nobody waits for any more while their work has not ended. With more of them the disk hangs, and the answer
 * is `STORE_BUSY` at once: what each of them holds would fill the memory.
 */
const mostLate = 1000;

/** Calls that wait or are at work. A disk that does not hang carries out no more within their second. */
const mostCalls = 16_384;

/**
 * A process that stood still finds the time of its calls over, although their answers have arrived: they get this many
 * milliseconds more before they count as late, so that a busy machine is not taken for a disk that hangs.
 */
const graceMs = 500;

interface Call extends InOrder<Call> {
  readonly by: number;
  reject(error: Error): void;
}

export function openGate(): Gate {
  /** The order in which they came is nearly that of their `by`. */
  const calls = new CallsInOrder<Call>();
  let late = 0;
  let isClosed = false;
  let onEmpty = (): void => {};

  /** Forgets calls whose callers have been told that they took too long. */
  function dropLate(): void {
    const lateBy = performance.now() - graceMs;
    for (let call = calls.first; call !== undefined && call.by <= lateBy; call = calls.first) {
      calls.delete(call);
      late += 1;
      call.reject(timedOut());
    }
  }

  function end(call: Call): void {
    if (!calls.delete(call)) late -= 1;
    else if (calls.size === 0) onEmpty();
  }

  function assertOpen(): void {
    if (isClosed) throw new SessError('STORE_UNAVAILABLE', 'The session store was closed.');
    dropLate();
    if (late < mostLate && calls.size < mostCalls) return;
    throw new SessError(
      'STORE_BUSY',
      `Too many calls wait for the session directory, ${late} of them for too long: its disk is too slow, or hangs.`,
    );
  }

  const gate: Gate = {
    run<T>(by: number, work: () => Promise<T>): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        assertOpen();
        const call: Call = { by, reject };
        calls.add(call);
        work().then(
          (value) => {
            end(call);
            resolve(value);
          },
          (error: unknown) => {
            end(call);
            reject(asFault(error));
          },
        );
      });
    },

    async runFor(ms, work) {
      const by = performance.now() + ms;
      const timer = setTimeout(dropLate, ms + graceMs + 1);
      try {
        return await gate.run(by, () => work(by));
      } finally {
        clearTimeout(timer);
      }
    },

    async close() {
      isClosed = true;
      if (calls.size === 0) return;
      const answered = new Promise<void>((resolve) => (onEmpty = resolve));
      const over = new AbortController();
      const lastBy = Math.max(...[...calls].map(({ by }) => by));
      const tooLate = delay(Math.max(0, lastBy - performance.now()), undefined, { signal: over.signal });
      await Promise.race([answered, tooLate]);
      over.abort();
      await tooLate.catch(() => undefined);
    },
  };
  return gate;
}
