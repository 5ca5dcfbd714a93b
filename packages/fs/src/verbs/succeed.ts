import { removeAllData } from './destroy.ts';
import { assertInTime } from '../disk/in-time.ts';
import { findSession } from './find-session.ts';
import type { LiveSession } from './live-session.ts';
import type { EndStamp, LiveStamp } from '../layout/names.ts';
import type { SessionPath } from '../layout/paths.ts';
import { moveStamp } from './move-stamp.ts';
import type { Site } from './site.ts';

/**
 * Ends the exact state of a session that was read, in favour of the successor that the end stamp names.
 *
 * @returns `'replaced'`; or what stands in its place; `undefined` where no session does
 */
export async function succeedSession(
  site: Site,
  path: SessionPath,
  from: LiveStamp,
  to: EndStamp,
  by: number,
): Promise<'replaced' | LiveSession | undefined> {
  assertInTime(by);
  if (site.clock() >= from.expiresAt || !(await moveStamp(site, path, from, to))) {
    const found = await findSession(site, path, by);
    return found.state === 'live' ? { stamp: found.stamp, bytes: found.bytes } : undefined;
  }
  site.remembered.forget(path.key);
  await removeAllData(path, to);
  return 'replaced';
}
