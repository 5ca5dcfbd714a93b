import { SessError } from './errors.ts';

/** What a stalled process gets at most, to do what it could not do in time. */
const GRACE_MS = 250;

/**
 * Settles like `work`, or rejects with `STORE_TIMEOUT` after `ms` milliseconds.
 *
 * A stalled loop is not a dead store: after a stall of this process the timer is due first although
 * the answer has long arrived. So when the time is up, I/O gets one more turn of the event loop; and
 * when the timer itself is late, as many milliseconds as it is late (at most 250), since work on
 * files takes several turns. The work itself is not cancelled: the outcome of a write that timed out
 * is unknown.
 */
export function withDeadline<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const due = performance.now() + ms;
    const fail = (): void => {
      // The first turn polls for I/O, the second lets what it resolved run.
      setImmediate(() =>
        setImmediate(() => reject(new SessError('STORE_TIMEOUT', `${what} took longer than ${ms} ms.`))),
      );
    };
    let timer = setTimeout(() => {
      const lateMs = Math.floor(performance.now() - due);
      if (lateMs > 0) timer = setTimeout(fail, Math.min(lateMs, GRACE_MS));
      else fail();
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
