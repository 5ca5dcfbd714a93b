import { errorCode, isMissing } from '../disk/faults.ts';
import { namesIn, readWhole, removeIfEmpty } from '../disk/files.ts';
import { assertInTime } from '../disk/in-time.ts';
import { type EndStamp, type Listing, type Stamp, listing } from '../layout/names.ts';
import { type SessionPath, dataPath } from '../layout/paths.ts';
import { corrupt, tooNew } from '../layout/unreadable.ts';
import type { LiveSession } from './live-session.ts';
import type { Site } from './site.ts';

/** What lies under a key, at one moment. */
export type Found =
  | { state: 'absent' }
  | ({ state: 'live' } & LiveSession)
  /** An end marker stands. */
  | { state: 'ended'; stamp: EndStamp }
  /** An expired session, an old marker, or what a destroy left: absent, and waits for the sweep. */
  | { state: 'dead'; stamp: Stamp };

/** A rename while a directory is listed may show both names, depending on the file system. */
const looks = 5;

/** @throws SessError `STORE_CORRUPT`, `STORE_TOO_NEW`, and every fault: only a missing directory is absence */
export async function findSession(site: Site, path: SessionPath, by: number): Promise<Found> {
  let missedStamp: string | undefined;
  for (let look = 1; ;) {
    assertInTime(by);
    const names = await lookClosely(site, path, by);
    if (names === undefined) {
      await site.directory.verify();
      return { state: 'absent' };
    }
    if (names.isNewer) throw tooNew(path.key);
    const [stamp, second] = names.stamps;
    if (stamp === undefined || second !== undefined) {
      if (look++ < looks) continue;
      throw corrupt(path.key, stamp === undefined ? 'its stamp is missing' : 'it has two stamps');
    }
    const now = site.clock();
    if (stamp.kind === 'end') return { state: now < stamp.until ? 'ended' : 'dead', stamp };
    if (now >= stamp.expiresAt) return { state: 'dead', stamp };
    const data = await readWhole(dataPath(path, stamp, stamp.dataId), path.key);
    if (data !== undefined) return { state: 'live', stamp, ...data };
    // Another one changed the session meanwhile: its stamp has another name now, and this one never comes back.
    if (missedStamp === stamp.name) throw corrupt(path.key, 'its data file is missing');
    missedStamp = stamp.name;
  }
}

/** What is in a session's directory; `undefined` when there is none. */
export async function lookAt(site: Site, path: SessionPath): Promise<Listing | undefined> {
  try {
    return listing(await namesIn(path.directory));
  } catch (error) {
    if (isMissing(error)) return undefined;
    const code = errorCode(error);
    if (code !== 'ENOTDIR' && code !== 'ELOOP') throw error;
    await site.directory.verify();
    throw corrupt(path.key, 'it is not a directory', error);
  }
}

/**
 * The same, where an empty listing is not taken for an answer. A rename while a directory is listed hides the name on
 * some file systems (btrfs: what comes after `opendir` is not shown). That a directory is empty only `rmdir` can tell,
 * and removes it then, as a sweep would.
 */
export async function lookClosely(site: Site, path: SessionPath, by: number): Promise<Listing | undefined> {
  for (;;) {
    const names = await lookAt(site, path);
    if (names === undefined || !isEmpty(names)) return names;
    if (await removeIfEmpty(path.directory)) return undefined;
    assertInTime(by);
  }
}

/** A sweep removes the stamp, with all that is in it, and then the directory. */
export function isEmpty(names: Listing): boolean {
  return names.stamps.length === 0 && !names.isNewer && !names.isForeign;
}
