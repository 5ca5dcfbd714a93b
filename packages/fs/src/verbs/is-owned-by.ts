import type { SessionKey } from '@sess/core';
import { isSessError } from '@sess/core/internal/thread';
import { findSession } from './find-session.ts';
import { sessionPath } from '../layout/paths.ts';
import { decodeRecord } from '../layout/record.ts';
import type { Site } from './site.ts';

/**
 * Whether the session lives and is the owner's. One that cannot be read may be, and so may one that has expired and was
 * not swept yet: where the clock is set back it lives again.
 */
export async function isOwnedBy(site: Site, owner: string, key: SessionKey, by: number): Promise<boolean> {
  try {
    const found = await findSession(site, sessionPath(site.directory.path, key), by);
    if (found.state === 'live') return decodeRecord(key, found.bytes).owner === owner;
    return found.state === 'dead' && found.stamp.kind === 'live';
  } catch (error) {
    if (isSessError(error) && (error.code === 'STORE_CORRUPT' || error.code === 'STORE_TOO_NEW')) return true;
    throw error;
  }
}
