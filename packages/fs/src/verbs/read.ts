import { findSession } from './find-session.ts';
import type { LiveSession } from './live-session.ts';
import type { EndStamp } from '../layout/names.ts';
import type { SessionPath } from '../layout/paths.ts';
import type { Site } from './site.ts';

/** @returns the session; the stamp of the end marker that stands; `undefined` where there is neither */
export async function readSession(
  site: Site,
  path: SessionPath,
  by: number,
): Promise<LiveSession | EndStamp | undefined> {
  const known = await site.remembered.find(path);
  if (known !== undefined && site.clock() < known.stamp.expiresAt) return known;
  const found = await findSession(site, path, by);
  if (found.state === 'live') {
    site.remembered.add(path.key, found);
    return found;
  }
  return found.state === 'ended' ? found.stamp : undefined;
}
