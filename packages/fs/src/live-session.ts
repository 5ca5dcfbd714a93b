import type { LiveStamp } from './layout/names.ts';

/** A session that lives, and what its data file holds. */
export interface LiveSession {
  stamp: LiveStamp;
  bytes: Buffer;
}
