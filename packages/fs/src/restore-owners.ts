import { isSessError } from '@sess/core';
import { errorCode, isMissing } from './faults.ts';
import { makeDirectory, namesIfAny, readWhole, removeTree, rename, writeNew } from './files.ts';
import { dataName, listing } from './names.ts';
import { decodeRecord } from './record-file.ts';
import { type SessionPath, isSessionKey, isShard, ownerPlace, renewedEntry, sessionPath } from './session-path.ts';

/** A session that moves on each time it is looked at is being written, over and over. */
const looks = 5;

/**
 * Makes the directory of owners again, with an entry for each session that has an owner, and puts it in place when it is
 * whole. Several processes may do that at a time, in one directory beside: the first that is through ends it for all.
 */
export async function restoreOwners(root: string, owners: string): Promise<void> {
  const beside = `${root}/owners_restored`;
  try {
    await makeIfMissing(beside);
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
    // Another process was through first.
    if (isTaken(error)) await removeTree(beside);
  }
}

/** `undefined` too of a session that is damaged: who reads it is told. */
async function ownerOf(path: SessionPath): Promise<string | undefined> {
  for (let look = 0; look < looks; look++) {
    const [token] = listing(await namesIfAny(path.directory)).tokens;
    if (token?.kind !== 'live') return undefined;
    try {
      const file = await readWhole(`${path.directory}/${token.name}/${dataName(token.dataId)}`, path.key);
      if (file !== undefined) return decodeRecord(path.key, token.dataId, file.bytes).owner;
    } catch (error) {
      if (!isSessError(error)) throw error;
    }
  }
  return undefined;
}

async function addEntry(owners: string, owner: string, key: string): Promise<void> {
  const { shard, place } = ownerPlace(owners, owner);
  for (const above of [shard, place]) await makeIfMissing(above);
  await unlessTaken(writeNew(`${place}/${renewedEntry(key)}`, new Uint8Array(0), false));
}

function makeIfMissing(path: string): Promise<void> {
  return unlessTaken(makeDirectory(path));
}

async function unlessTaken(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isTaken(error)) throw error;
  }
}

function isTaken(error: unknown): boolean {
  return errorCode(error) === 'EEXIST' || errorCode(error) === 'ENOTEMPTY';
}
