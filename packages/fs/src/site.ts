import { KnownSessions } from './known-sessions.ts';
import { type OwnerIndex, ownerIndexIn } from './owner-index.ts';
import type { SessionDirectory } from './session-directory.ts';
import { type Turns, turnsIn } from './turns.ts';

/** What every part of the store works with. */
export interface Site {
  directory: SessionDirectory;
  owners: OwnerIndex;
  turns: Turns;
  clock: () => number;
  known: KnownSessions;
  /** Sessions at which a writer of this process lost, and left its data file behind. */
  contended: Set<string>;
  /** Whether a write is answered only when the disk has confirmed it. */
  fsync: boolean;
}

export function siteIn(directory: SessionDirectory, clock: () => number, fsync: boolean): Site {
  return {
    directory,
    owners: ownerIndexIn(directory, clock, fsync),
    turns: turnsIn(directory),
    clock,
    known: new KnownSessions(),
    contended: new Set(),
    fsync,
  };
}
