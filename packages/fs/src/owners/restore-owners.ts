import { isSessError } from '@sess/core/internal/thread';
import { errorCode, isMissing } from '../disk/faults.ts';
import { makeDirectoryIfMissing, namesIfAny, readWhole, removeTree, rename, writeNew } from '../disk/files.ts';
import { listing } from '../layout/names.ts';
import {
  type SessionPath,
  dataPath,
  isSessionKey,
  isShard,
  ownerPlace,
  renewedEntry,
  sessionPath,
} from '../layout/paths.ts';
import { decodeRecord } from '../layout/record.ts';

/** How often a session is read that others write again and again meanwhile. */
const looks = 5;

/**
 * Makes the directory of owners again, with an entry for each session that has an owner, and puts it in place when it is
 * whole. Several processes may do that at a time, in one directory beside it: the first that is done ends it for all.
 */
export async function restoreOwners(root: string, owners: string): Promise<void> {
  const beside = `${root}/owners_restored`;
  try {
    await makeDirectoryIfMissing(beside);
    for (const shard of await namesIfAny(root)) {
      if (!isShard(shard)) continue;
      for (const key of await namesIfAny(`${root}/${shard}`)) {
        if (!isSessionKey(key)) continue;
        const owner = await ownerOf(sessionPath(root, key));
        if (owner !== undefined) await addEntry(beside, owner, key);
      }
    }
    await rename(beside, owners);
  } catch (error) {
    if (!isMissing(error) && !isTaken(error)) throw error;
    // Another process was done first.
    if (isTaken(error)) await removeTree(beside);
  }
}

/** `undefined` also for a damaged session: whoever reads it is told. */
async function ownerOf(path: SessionPath): Promise<string | undefined> {
  for (let look = 0; look < looks; look++) {
    const [stamp] = listing(await namesIfAny(path.directory)).stamps;
    if (stamp?.kind !== 'live') return undefined;
    try {
      const data = await readWhole(dataPath(path, stamp, stamp.dataId), path.key);
      if (data !== undefined) return decodeRecord(path.key, data.bytes).owner;
    } catch (error) {
      if (!isSessError(error)) throw error;
    }
  }
  return undefined;
}

async function addEntry(owners: string, owner: string, key: string): Promise<void> {
  const { shard, place } = ownerPlace(owners, owner);
  for (const above of [shard, place]) await makeDirectoryIfMissing(above);
  try {
    await writeNew(`${place}/${renewedEntry(key)}`, new Uint8Array(0), false);
  } catch (error) {
    if (!isTaken(error)) throw error;
  }
}

function isTaken(error: unknown): boolean {
  return errorCode(error) === 'EEXIST' || errorCode(error) === 'ENOTEMPTY';
}
