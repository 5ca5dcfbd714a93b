import { afterCommit, isMissing } from './faults.ts';
import { quietly, renameIfThere, syncDirectory, unlink, writeNew, writeOver } from './files.ts';
import type { Work } from './gate.ts';
import { type LiveToken, type Token, dataName, spareName } from './names.ts';
import type { SessionPath } from './session-path.ts';
import type { Site } from './site.ts';
import { dataIn, dataPath, removeData, sparePath, tokenPath } from './stored-session.ts';

/**
 * The one rename that changes a session: from the exact token that was read to the one that is to be.
 * It is the comparison and the write in one call of the system. Of two that read the same token one
 * finds it gone: its answer is `false`, and nothing of it is stored.
 */
export async function commit(site: Site, path: SessionPath, from: Token, to: Token): Promise<boolean> {
  if (!(await renameIfThere(tokenPath(path, from), tokenPath(path, to)))) return false;
  if (site.fsync) await confirmed(path.directory);
  return true;
}

/** What is forgotten here a thorough sweep finds. */
const mostContended = 1000;

export interface DataCommit {
  from: LiveToken;
  to: LiveToken;
  bytes: Uint8Array;
  /** Asked last before the rename; `false` means lost. */
  isStill(this: void): boolean;
  /** Whether the file of the record before is kept, for the next one to go into. */
  isSpareAfter: boolean;
}

/**
 * A commit with a new record, which is written into the token first: when that has moved on, this
 * fails already. After a fault of the rename itself the file stays, since it may have taken place.
 */
export async function commitData(
  site: Site,
  path: SessionPath,
  { from, to, bytes, isStill, isSpareAfter }: DataCommit,
  work: Work,
): Promise<boolean> {
  const file = dataPath(path, from, to.dataId);
  let isAllCleared = false;
  try {
    if (!(await writeData(site, path, from, file, bytes))) return false;
    const own = dataName(from.dataId);
    const old = site.contended.has(path.key) ? await dataIn(path, from) : [own];
    if (work.isGivenUp()) await quietly(unlink(file));
    work.check();
    if (!isStill() || !(await commit(site, path, from, to))) return false;
    const kept = new Set([dataName(to.dataId), spareName]);
    if (isSpareAfter) kept.add(own);
    const isSpare = !isSpareAfter || (await makeSpare(path, to, own));
    isAllCleared = (await removeData(path, to, old, kept)) && isSpare;
    return true;
  } finally {
    if (isAllCleared) site.contended.delete(path.key);
    else noteLeftovers(site, path);
  }
}

/**
 * A file lies where it went with the token, under a name that is not known here, or others have moved the token before
 * this one had cleared up: the next one to commit lists, and removes what is too much.
 */
function noteLeftovers({ contended }: Site, { key }: SessionPath): void {
  if (contended.size >= mostContended) contended.clear();
  contended.add(key);
}

/**
 * Into the spare file, where there is one. To make a file and remove another for each write is what a file system is
 * slowest at: ext4 does not give the number of a removed file to a new one for five seconds, and looks at all that
 * were removed meanwhile, one by one, each time it makes one. At a few thousand writes a second that is most of the
 * work. Only a file that was committed becomes spare, so nobody writes into it any more; who still reads it finds
 * another id in it, or a sum that is wrong, and that the token has moved on.
 */
async function writeData(
  site: Site,
  path: SessionPath,
  from: LiveToken,
  file: string,
  bytes: Uint8Array,
): Promise<boolean> {
  try {
    const isFilled = (await renameIfThere(sparePath(path, from), file)) && (await writeOver(file, bytes, site.fsync));
    if (!isFilled) await writeNew(file, bytes, site.fsync);
    if (site.fsync) await syncDirectory(tokenPath(path, from));
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Behind the commit: what fails now changes nothing of the answer. */
async function makeSpare(path: SessionPath, token: LiveToken, own: string): Promise<boolean> {
  try {
    return await renameIfThere(`${tokenPath(path, token)}/${own}`, sparePath(path, token));
  } catch {
    return false;
  }
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
