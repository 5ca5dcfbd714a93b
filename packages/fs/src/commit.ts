import { afterCommit, isMissing } from './faults.ts';
import { quietly, rename, syncDirectory, unlink, writeNew } from './files.ts';
import type { Work } from './gate.ts';
import { type LiveToken, type Token, dataName } from './names.ts';
import type { SessionPath } from './session-path.ts';
import type { Site } from './site.ts';
import { dataIn, dataPath, removeData, tokenPath } from './stored-session.ts';

/**
 * The one rename that changes a session: from the exact token that was read to the one that is to be.
 * It is the comparison and the write in one call of the system. Of two that read the same token one
 * finds it gone: its answer is `false`, and nothing of it is stored.
 */
export async function commit(site: Site, path: SessionPath, from: Token, to: Token): Promise<boolean> {
  try {
    await rename(tokenPath(path, from), tokenPath(path, to));
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
  if (site.fsync) await confirmed(path.directory);
  return true;
}

/** What is forgotten here a thorough sweep finds. */
const mostContended = 1000;

/**
 * A commit with a new data file, which is written into the token first: when that has moved on, this
 * fails already. After a fault of the rename itself the file stays, since it may have taken place.
 *
 * @param isStill asked last before the rename; `false` means lost
 */
export async function commitData(
  site: Site,
  path: SessionPath,
  work: Work,
  from: Token,
  to: LiveToken,
  bytes: Uint8Array,
  isStill: () => boolean = () => true,
): Promise<boolean> {
  const file = dataPath(path, from, to.dataId);
  try {
    await writeNew(file, bytes, site.fsync);
    if (site.fsync) await syncDirectory(tokenPath(path, from));
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
  const hasOne = from.kind === 'live' && !site.contended.has(path.key);
  const old = hasOne ? [dataName(from.dataId)] : await dataIn(path, from);
  if (work.isGivenUp()) await quietly(unlink(file));
  work.check();
  if (!isStill() || !(await commit(site, path, from, to))) {
    // The file went with the token to a name that is not known here: the next one to commit lists, and removes it.
    if (site.contended.size >= mostContended) site.contended.clear();
    site.contended.add(path.key);
    return false;
  }
  site.contended.delete(path.key);
  await removeData(path, to, old, dataName(to.dataId));
  return true;
}

/** Waits until the disk has the names in a directory. */
export async function confirmed(directory: string): Promise<void> {
  try {
    await syncDirectory(directory);
  } catch (error) {
    throw afterCommit(error);
  }
}

/** An attempt at a commit that another one came before. */
export const lost: unique symbol = Symbol('lost');

/**
 * Repeats an attempt until it is not lost. From the first loss on contenders take turns, as far as
 * that can be had: it spares them work, and decides nothing.
 */
export async function untilNotLost<T>(
  site: Site,
  path: SessionPath,
  work: Work,
  attempt: () => Promise<T | typeof lost>,
): Promise<T> {
  let release: (() => void) | undefined;
  try {
    for (;;) {
      const outcome = await attempt();
      if (outcome !== lost) return outcome;
      work.check();
      release ??= await site.turns.take(path.key, work.pause);
    }
  } finally {
    release?.();
  }
}
