import { timedOut } from './faults.ts';

/**
 * Nothing is begun after the moment at which the caller stops waiting.
 *
 * @param by in milliseconds of this thread's `performance.now()`
 * @throws SessError `STORE_TIMEOUT`
 */
export function assertInTime(by: number): void {
  if (performance.now() >= by) throw timedOut();
}
