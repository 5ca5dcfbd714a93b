import { errorCode, isMissing } from '../disk/faults.ts';
import {
  confirmed,
  makeDirectory,
  makeDirectoryIfMissing,
  quietly,
  removeTree,
  rename,
  syncDirectory,
  writeNew,
} from '../disk/files.ts';
import { assertInTime } from '../disk/in-time.ts';
import { findSession } from './find-session.ts';
import { type LiveStamp, type Stamp, dataName, temporaryName } from '../layout/names.ts';
import type { SessionPath } from '../layout/paths.ts';
import { decodeRecord } from '../layout/record.ts';
import { removeStamp } from './remove-stamp.ts';
import type { Site } from './site.ts';

/** A session that is to be stored. */
export interface Draft {
  stamp: LiveStamp;
  bytes: Uint8Array;
  owner: string | undefined;
}

/** Answers whether it was stored: not where a session or an end marker stands. */
export function createSession(site: Site, path: SessionPath, draft: Draft, by: number): Promise<boolean> {
  const { stamp, bytes, owner } = draft;
  const contents = { stamp, data: { name: dataName(stamp.dataId), bytes } };
  return site.owners.around(owner, path.key, async () => {
    for (;;) {
      if (await place(site, path, contents, by)) return true;
      const found = await findSession(site, path, by);
      // Damage is told, and left as it is.
      if (found.state === 'live') decodeRecord(path.key, found.bytes);
      if (found.state === 'live' || found.state === 'ended') return false;
      // Nothing new is put into a stamp that has ended: whoever ended it may still be removing its files.
      if (found.state === 'dead') await removeStamp(site, path, found.stamp);
    }
  });
}

interface Contents {
  stamp: Stamp;
  data?: { name: string; bytes: Uint8Array };
}

/**
 * Fills a directory beside and renames it to its key, which fails if a directory with something in
 * it is there. Answers whether it took the place.
 */
export async function place(site: Site, path: SessionPath, { stamp, data }: Contents, by: number): Promise<boolean> {
  const temporary = `${path.shard}/${temporaryName(site.clock())}`;
  const inside = `${temporary}/${stamp.name}`;
  assertInTime(by);
  await makeIn(site, path.shard, temporary);
  let isPlaced = false;
  try {
    await makeDirectory(inside);
    if (data) await writeNew(`${inside}/${data.name}`, data.bytes, site.fsync);
    if (site.fsync) for (const filled of [inside, temporary]) await syncDirectory(filled);
    assertInTime(by);
    await rename(temporary, path.directory);
    isPlaced = true;
  } catch (error) {
    // Taken; or ENOENT: a sweep took it for a dead process's, since this one was paused for long.
    if (!['ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'ENOENT'].includes(errorCode(error) ?? '')) throw error;
  } finally {
    if (!isPlaced) await quietly(removeTree(temporary));
  }
  if (isPlaced && site.fsync) await confirmed(path.shard);
  return isPlaced;
}

/** The shard is made by whoever first finds it missing, and never removed. */
async function makeIn(site: Site, shard: string, directory: string): Promise<void> {
  try {
    return await makeDirectory(directory);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  await site.directory.verify();
  await makeDirectoryIfMissing(shard);
  if (site.fsync) await syncDirectory(site.directory.path);
  await makeDirectory(directory);
}
