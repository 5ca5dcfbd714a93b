import { quietly, renewTimes } from '../disk/files.ts';
import type { LiveStamp } from '../layout/names.ts';
import { type SessionPath, dataPath, stampPath } from '../layout/paths.ts';
import type { Site } from './site.ts';

/** Of the idle timeout: a session that is only read is touched as often. */
const share = 1 / 24;
const longestMs = 3_600_000;
const shortestMs = 1000;

/** Whether this change is the first one in a new period: once in each period the session is renewed. */
export function isRenewalDue(before: LiveStamp, now: LiveStamp): boolean {
  const everyMs = Math.max(shortestMs, Math.min(longestMs, (now.expiresAt - now.touchedAt) * share));
  return Math.floor(before.touchedAt / everyMs) !== Math.floor(now.touchedAt / everyMs);
}

/**
 * Cleaners of temporary directories, like `systemd-tmpfiles --clean`, remove files and empty directories with an old time.
 * A session in use has files that nobody writes to: the data of one that is only read, and the entry that leads to it
 * from its owner. A failure here does no harm to the session, and the next renewal tries again.
 */
export async function renewSession(
  site: Site,
  path: SessionPath,
  stamp: LiveStamp,
  owner: string | undefined,
): Promise<void> {
  if (owner !== undefined) await quietly(site.owners.renew(owner, path.key));
  // The data last: it must not be older than what is around it, or it alone would go.
  const ways = [site.directory.path, path.shard, path.directory, stampPath(path, stamp)];
  for (const way of [...ways, dataPath(path, stamp, stamp.dataId)]) await quietly(renewTimes(way));
}
