import type { LiveStamp } from '../layout/names.ts';

/** A session that lives, and what its data file holds. */
export interface LiveSession {
  stamp: LiveStamp;
  bytes: Buffer;
  /** When the data file was changed last (`ctime`), where this process has looked since it wrote it. */
  changedAt?: number;
}
