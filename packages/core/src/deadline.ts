import { SessError } from './errors.ts';

// As they are when this is loaded: an app's tests that replace them for a while must not stop the bounds of its store.
const { setTimeout, clearTimeout, setImmediate } = globalThis;
const clock = performance.now.bind(performance);

/** What an answer gets at least: a stall that ends just in time delays the answer, and no timer shows it. */
const leastGraceMs = 20;

/** What a stalled process gets at most, to catch up. */
const mostGraceMs = 250;

/** `setTimeout` takes no more, some 25 days. */
const longestMs = 2 ** 31 - 1;

/**
 * Calls `expire` after `ms` milliseconds, unless it is ended before. Meanwhile the process stays alive.
 *
 * A stalled event loop is not a dead store: after a stall of this process the timer runs first, although the answer
 * arrived long ago, or the second step of a call was not sent yet. So when the time is up, this waits 20 ms more, and as
 * many as the timer itself is late (at most 250 in all). Then I/O gets one more turn of the event loop.
 *
 * @returns what ends it: nothing expires any more
 */
export function beginDeadline(ms: number, expire: () => void): () => void {
  const dueAt = clock() + ms;
  let isOver = false;
  // The first turn polls for I/O, the second lets what it resolved run.
  const turn = (): void => void setImmediate(() => setImmediate(() => isOver || expire()));
  const isUp = (): void => {
    const lateMs = clock() - dueAt;
    timer = setTimeout(turn, Math.min(leastGraceMs + lateMs, mostGraceMs));
  };
  let timer = setTimeout(isUp, Math.min(ms, longestMs));
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

/**
 * Settles like `work`, or rejects with `STORE_TIMEOUT` after `ms` milliseconds. The work itself is not cancelled: the
 * outcome of a write that timed out is unknown.
 */
export function withDeadline<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const end = beginDeadline(ms, () => reject(new SessError('STORE_TIMEOUT', `${what} took longer than ${ms} ms.`)));
    work.then(
      (value) => {
        end();
        resolve(value);
      },
      (error: unknown) => {
        end();
        reject(error);
      },
    );
  });
}
