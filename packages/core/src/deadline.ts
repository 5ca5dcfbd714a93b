import { deadlinesOf } from './deadlines.ts';
import { SessError } from './errors.ts';

/**
 * Settles like `work`, or rejects with `STORE_TIMEOUT` after `ms` milliseconds. The work itself is not cancelled: the
 * outcome of a write that timed out is unknown.
 */
export function withDeadline<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const deadline = deadlinesOf(ms).begin(() =>
      reject(new SessError('STORE_TIMEOUT', `${what} took longer than ${ms} ms.`)),
    );
    work.then(
      (value) => {
        deadline.end();
        resolve(value);
      },
      (error: unknown) => {
        deadline.end();
        reject(error);
      },
    );
  });
}
