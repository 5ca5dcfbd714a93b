import { beginDeadline } from '@sess/core/internal';

/**
 * Settles like `work`, or rejects at `by`.
 *
 * @param late what it rejects with
 * @param onLate what becomes of an answer that comes too late
 */
export function inTime<T>(work: Promise<T>, by: number, late: () => Error, onLate?: (value: T) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = beginDeadline(by - performance.now(), () => {
      reject(late());
      if (onLate !== undefined) work.then(onLate).catch(() => {});
    });
    const settle = (): void => {
      end();
      resolve(work);
    };
    work.then(settle, settle);
  });
}
