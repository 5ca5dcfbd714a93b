import type { DestroyOptions } from '@sess/core';
import { dataIn, removeData } from './data-files.ts';
import { quietly } from '../disk/files.ts';
import { assertInTime } from '../disk/in-time.ts';
import { place } from './create.ts';
import { findSession } from './find-session.ts';
import type { LiveSession } from './live-session.ts';
import { type EndStamp, endStamp } from '../layout/names.ts';
import type { SessionPath } from '../layout/paths.ts';
import { decodeRecord } from '../layout/record.ts';
import { moveStamp } from './move-stamp.ts';
import type { Site } from './site.ts';

/**
 * A session ends by one rename too: its stamp becomes an end stamp. So the record that is returned is the one that was
 * there, the end marker stands from the same moment on, and whoever has read the old stamp can do nothing with it. The
 * directory stays until the sweep; the data goes at once.
 *
 * If somebody was faster, it looks again: a destroy counts whatever the session holds.
 */
export async function destroySession(
  site: Site,
  path: SessionPath,
  { endMarkerMs = 0 }: DestroyOptions,
  by: number,
): Promise<LiveSession | EndStamp | undefined> {
  for (;;) {
    const found = await findSession(site, path, by);
    if (found.state === 'ended') return found.stamp;
    const now = site.clock();
    const end = endMarkerMs > 0 ? endStamp(now + endMarkerMs, now) : endStamp(0, now);
    if (found.state === 'absent') {
      if (end.until === 0 || (await place(site, path, { stamp: end }, by))) return undefined;
      continue;
    }
    if (found.state === 'dead' && found.stamp.kind === 'end' && end.until === 0) return undefined;
    // Damage is told, and left as it is.
    if (found.state === 'live') decodeRecord(path.key, found.bytes);
    assertInTime(by);
    // An expired session is ended as well: a clock that is set back must not bring it back.
    if (!(await moveStamp(site, path, found.stamp, end))) continue;
    await removeAllData(path, end);
    return found.state === 'live' ? { stamp: found.stamp, bytes: found.bytes } : undefined;
  }
}

/** Of a session that has ended: whoever has only its older name can add nothing any more. */
export async function removeAllData(path: SessionPath, stamp: EndStamp): Promise<void> {
  await quietly(dataIn(path, stamp).then((names) => removeData(path, stamp, names)));
}
