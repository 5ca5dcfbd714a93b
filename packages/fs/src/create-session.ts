import type { SessionRecord } from '@sess/core';
import { confirmed, lost, untilNotLost } from './commit.ts';
import { errorCode, isMissing } from './faults.ts';
import { makeDirectory, quietly, removeTree, rename, syncDirectory, writeNew } from './files.ts';
import type { Work } from './gate.ts';
import { type Token, dataName, liveToken, temporaryName, uniqueId } from './names.ts';
import { encodeRecord } from './record-file.ts';
import { removeToken } from './remove-token.ts';
import type { SessionPath } from './session-path.ts';
import type { Site } from './site.ts';
import { loadSession } from './stored-session.ts';

interface Draft {
  token: Token;
  data?: { name: string; bytes: Uint8Array };
}

export async function createSession(
  site: Site,
  path: SessionPath,
  record: SessionRecord,
  work: Work,
): Promise<boolean> {
  const { owner } = record;
  return site.owners.around(owner, path.key, () =>
    untilNotLost(site, path, work, async () => {
      const id = uniqueId(site.clock());
      const token = liveToken(record.expiresAt, record.touchedAt, id);
      const data = { name: dataName(id), bytes: encodeRecord(path.key, id, record) };
      if (await place(site, path, { token, data }, work)) return true;
      const there = await loadSession(site, path, work);
      if (there.state === 'absent') return lost;
      if (there.state !== 'dead') return false;
      // Nothing new is put into a token that has ended: who ended it may still be removing what lies there.
      work.check();
      const isFree = await removeToken(site, path, there.token);
      return (isFree && (await place(site, path, { token, data }, work))) || lost;
    }),
  );
}

/**
 * Fills a directory beside and renames it to its key, which fails if a directory with something in
 * it is there. Answers whether it took the place.
 */
export async function place(site: Site, path: SessionPath, { token, data }: Draft, work: Work): Promise<boolean> {
  const temporary = `${path.shard}/${temporaryName(site.clock())}`;
  const inside = `${temporary}/${token.name}`;
  await makeIn(site, path.shard, temporary);
  let isPlaced = false;
  try {
    await makeDirectory(inside);
    if (data) await writeNew(`${inside}/${data.name}`, data.bytes, site.fsync);
    if (site.fsync) for (const filled of [inside, temporary]) await syncDirectory(filled);
    work.check();
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
  try {
    await makeDirectory(shard);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  if (site.fsync) await syncDirectory(site.directory.path);
  await makeDirectory(directory);
}
