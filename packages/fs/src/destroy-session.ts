import type { DestroyOptions, SessionRecord } from '@sess/core';
import { commit, lost, untilNotLost } from './commit.ts';
import { place } from './create-session.ts';
import type { Work } from './gate.ts';
import { endToken } from './names.ts';
import type { SessionPath } from './session-path.ts';
import type { Site } from './site.ts';
import { asRecord, loadSession, removeAllData } from './stored-session.ts';

/**
 * A session ends by one rename too: its token becomes an end token. So the record that is returned
 * is the one that was there, the marker stands from the same moment on, and whoever has read the old
 * token can do nothing with it. The directory stays until the sweep; the data goes at once.
 */
export function destroySession(
  site: Site,
  path: SessionPath,
  { endMarkerMs = 0 }: DestroyOptions,
  work: Work,
): Promise<SessionRecord | undefined> {
  site.known.forget(path.key);
  return untilNotLost(site, path, work, async () => {
    const there = await loadSession(site, path, work);
    const now = site.clock();
    const end = endToken(endMarkerMs > 0 ? now + endMarkerMs : 0, now);

    if (there.state === 'absent') {
      if (end.until === 0) return undefined;
      return (await place(site, path, { token: end }, work)) ? undefined : lost;
    }
    // A marker that is there, or was, is only exchanged for one that stands longer.
    if (there.token.kind === 'end' && end.until <= there.token.until) return undefined;

    // An expired session is ended as well: a clock that is set back must not bring it back.
    work.check();
    if (!(await commit(site, path, there.token, end))) return lost;
    await removeAllData(path, end);
    return there.state === 'live' ? asRecord(there) : undefined;
  });
}
