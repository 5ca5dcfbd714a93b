import type { FoundDirectory } from '../disk/directory.ts';
import type { CarriedError } from './carried-error.ts';

/**
 * What the app's thread and the disk's say to each other. A number that changes with it: a bundle may hold one half in
 * an older version than the file of the other.
 */
export const protocol = 'sess-fs 2';

/** What the disk's thread is told at its start. */
export interface ThreadStart {
  /** The directory that was opened: when the thread starts, another one may lie there. */
  directory: FoundDirectory;
}

/** A call of a verb. */
export interface Request {
  /** Which of the calls under way it is. */
  id: number;
  verb: string;
  /** When its caller stops waiting, in milliseconds of `performance.now()` and {@link sinceBoot}. */
  by: number;
  args: unknown[];
  /** The time by the app's clock. Absent: the machine's clock counts. */
  now: number | undefined;
}

/** Some calls, or that there will be no more. */
export type ToThread = Request[] | 'close';

export interface Reply {
  id: number;
  /** Absent: it failed. */
  answer?: unknown;
  error?: CarriedError;
}

/** Some answers, or at the start which protocol it speaks. */
export type FromThread = Reply[] | string;

/** What to add to `performance.now()`, which begins anew in each thread, for a time that all threads share. */
export const sinceBoot: number = Number(process.hrtime.bigint()) / 1e6 - performance.now();
