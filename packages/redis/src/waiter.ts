import type { Gathered } from './gathering.ts';

/** A call that a connection is wanted for, or that is under way on one. */
export interface Waiter extends Gathered {
  /** Goes on, when there is a connection again. */
  next(): void;
  /** The connection was lost that the call went over. */
  lost(): void;
}

/** Lets them go on. Who has to wait again is not asked twice. */
export function release(waiters: Set<Waiter>, go: (waiter: Waiter) => void): void {
  for (const waiter of [...waiters]) {
    waiters.delete(waiter);
    go(waiter);
  }
}
