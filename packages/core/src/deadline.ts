import { SessError } from './errors.ts';

/**
 * Settles like `work`, or rejects with `STORE_TIMEOUT` after `ms` milliseconds.
 *
 * When the time is up, I/O gets one more turn of the event loop: after a stall of this process the
 * timer is due first although the answer has long arrived, and a stalled loop is not a dead store.
 * The work itself is not cancelled: the outcome of a write that timed out is unknown.
 */
export function withDeadline<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      // The first turn polls for I/O, the second lets what it resolved run.
      setImmediate(() =>
        setImmediate(() => reject(new SessError('STORE_TIMEOUT', `${what} took longer than ${ms} ms.`))),
      );
    }, ms);
    work.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
