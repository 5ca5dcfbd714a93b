import type { CarriedError } from './carried-error.ts';
import type { FoundDirectory } from '../session-directory.ts';
import type { VerbAnswer, VerbArgs, VerbName } from '../verbs.ts';

/**
 * What the app's thread and the disk's say to each other. A number that changes with it: a bundle may hold one half in
 * an older version than the file of the other.
 */
export const protocol = 'sess-fs 1';

/** What the disk's thread is told at its start. */
export interface ThreadStart {
  /** The directory that was opened. The thread must not take for it what lies there by then. */
  directory: FoundDirectory;
  /** By place of a call: not 0 when its caller was told `STORE_TIMEOUT`. Shared, since a message would come too late. */
  givenUp: Int32Array;
}

/** A call of a verb. */
export type Request<V extends VerbName = VerbName> = {
  [Each in V]: {
    /** Which of the calls under way it is. Free again when it is answered. */
    place: number;
    verb: Each;
    args: VerbArgs<Each>;
    /** What the clock of the app says. Absent: what that of the machine does. */
    now: number | undefined;
  };
}[V];

/** Some calls, or that there will be no more. */
export type ToThread = Request[] | 'close';

export interface Reply {
  place: number;
  /** Absent: it failed. */
  answer?: VerbAnswer<VerbName>;
  error?: CarriedError;
}

/** Some answers, or at the start which protocol it speaks. */
export type FromThread = Reply[] | string;
