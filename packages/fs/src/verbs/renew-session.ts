import { quietly, renewTimes } from '../disk/files.ts';
import type { LiveStamp } from '../layout/names.ts';
import { type SessionPath, dataPath, stampPath } from '../layout/paths.ts';
import type { Site } from './site.ts';

/** As often as a session that is only read is touched, of its idle time. */
const share = 1 / 24;
const longestMs = 3_600_000;
const shortestMs = 1000;

/** Whether a session was used for the first time in some while: every so often one of its changes is. */
export function isRenewalDue(before: LiveStamp, now: LiveStamp): boolean {
  const everyMs = Math.max(shortestMs, Math.min(longestMs, (now.expiresAt - now.touchedAt) * share));
  return Math.floor(before.touchedAt / everyMs) !== Math.floor(now.touchedAt / everyMs);
}

/**
 * Cleaners of temporary directories, like `systemd-tmpfiles --clean`, remove what has an old time and is no directory
 * with something in it. A session in use has files that nobody writes to: the data of one that is only read, and the
 * entry that leads to it from its owner. What fails here changes nothing of the session, and is tried again.
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
