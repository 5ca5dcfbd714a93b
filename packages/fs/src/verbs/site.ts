import type { SessionDirectory } from '../disk/directory.ts';
import { type OwnerIndex, ownerIndexIn } from '../owners/owner-index.ts';
import { Remembered } from './remembered.ts';

/** What every part of the store works with. */
export interface Site {
  directory: SessionDirectory;
  owners: OwnerIndex;
  clock: () => number;
  remembered: Remembered;
  /** Whether a write is answered only when the disk has confirmed it. */
  fsync: boolean;
}

export function siteIn(directory: SessionDirectory, clock: () => number, fsync: boolean): Site {
  return { directory, owners: ownerIndexIn(directory, clock, fsync), clock, remembered: new Remembered(), fsync };
}
