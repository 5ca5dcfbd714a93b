import { type SessionKey, type SessionRecord, isSessError } from '@sess/core';
import { corrupt, errorCode, isMissing, tooNew } from './faults.ts';
import { type FileMark, namesIfAny, namesIn, quietly, readWhole, removeIfEmpty, unlink } from './files.ts';
import type { Work } from './gate.ts';
import { type EndToken, type Listing, type LiveToken, type Token, dataName, listing, spareName } from './names.ts';
import { type StoredRecord, decodeRecord } from './record-file.ts';
import { type SessionPath, sessionPath } from './session-path.ts';
import type { Site } from './site.ts';

/** What lies under a key, at one moment. */
export type StoredSession =
  | { state: 'absent' }
  | { state: 'live'; token: LiveToken; record: StoredRecord; file: FileMark }
  /** An end marker stands. */
  | { state: 'ended'; token: EndToken }
  /** An expired session, an old marker, or what a destroy left: absent, and waits for the sweep. */
  | { state: 'dead'; token: Token };

/** A rename while a directory is listed may show both names, depending on the file system. */
const looks = 5;

/** @throws SessError `STORE_CORRUPT`, `STORE_TOO_NEW`, and every fault: only a missing directory is absence */
export async function loadSession(site: Site, path: SessionPath, work: Work): Promise<StoredSession> {
  let missedToken: string | undefined;
  for (let look = 1; ;) {
    work.check();
    const names = await lookClosely(site, path, work);
    if (names === undefined) {
      await site.directory.verify();
      return { state: 'absent' };
    }
    if (names.isNewer) throw tooNew(path.key);
    const [token, second] = names.tokens;
    if (token === undefined || second !== undefined) {
      if (look++ < looks) continue;
      throw corrupt(path.key, token === undefined ? 'its token is missing' : 'it has two tokens');
    }
    const now = site.clock();
    if (token.kind === 'end') return { state: now < token.until ? 'ended' : 'dead', token };
    if (now >= token.expiresAt) return { state: 'dead', token };
    const isLast = missedToken === token.name;
    const read = await readData(path, token, isLast);
    if (read !== undefined) return { state: 'live', token, ...read };
    // Another one changed the session meanwhile: its token has another name now, and this one never comes back.
    if (isLast) throw corrupt(path.key, 'its data file is missing');
    missedToken = token.name;
  }
}

/** `undefined`: it is not there, or is damaged; the latter only at the last look: it may have become spare meanwhile. */
async function readData(
  path: SessionPath,
  token: LiveToken,
  isLast: boolean,
): Promise<{ record: StoredRecord; file: FileMark } | undefined> {
  try {
    const read = await readWhole(dataPath(path, token, token.dataId), path.key);
    return read && { record: decodeRecord(path.key, token.dataId, read.bytes), file: read.mark };
  } catch (error) {
    if (isLast || !isSessError(error)) throw error;
    return undefined;
  }
}

/**
 * Whether the session lives and is the owner's. One that cannot be read may be, and so may one that has expired and was
 * not swept yet: where the clock is set back it lives again.
 */
export async function isOwnedBy(site: Site, owner: string, key: SessionKey, work: Work): Promise<boolean> {
  try {
    const there = await loadSession(site, sessionPath(site.directory.path, key), work);
    if (there.state === 'live') return there.record.owner === owner;
    return there.state === 'dead' && there.token.kind === 'live';
  } catch (error) {
    if (isSessError(error) && (error.code === 'STORE_CORRUPT' || error.code === 'STORE_TOO_NEW')) return true;
    throw error;
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
export async function lookClosely(site: Site, path: SessionPath, work: Work): Promise<Listing | undefined> {
  for (;;) {
    const names = await lookAt(site, path);
    if (names === undefined || !isEmpty(names)) return names;
    if (await removeIfEmpty(path.directory)) return undefined;
    work.check();
  }
}

/** A sweep removes the token, with all that is in it, and then the directory. */
export function isEmpty(names: Listing): boolean {
  return names.tokens.length === 0 && !names.isNewer && !names.isForeign;
}

export function tokenPath(path: SessionPath, token: Token): string {
  return `${path.directory}/${token.name}`;
}

export function dataPath(path: SessionPath, token: Token, id: string): string {
  return `${path.directory}/${token.name}/${dataName(id)}`;
}

export function sparePath(path: SessionPath, token: Token): string {
  return `${path.directory}/${token.name}/${spareName}`;
}

/** Of a session that has ended: whoever has only its older name can add nothing any more. */
export async function removeAllData(path: SessionPath, token: EndToken): Promise<void> {
  await quietly(dataIn(path, token).then((names) => removeData(path, token, names)));
}

/** The record as others see it. */
export function asRecord({ token, record }: { token: LiveToken; record: StoredRecord }): SessionRecord {
  const { expiresAt, touchedAt } = token;
  return { ...record, expiresAt, touchedAt };
}

/** The data files in a token: its own, the spare one, and those of writers that lost, died, or are under way. */
export function dataIn(path: SessionPath, token: Token): Promise<string[]> {
  return namesIfAny(tokenPath(path, token));
}

/**
 * Removes data files that were listed before the token got its present name. Whoever wrote them can
 * not commit them any more, having only the older name.
 *
 * @returns whether each was there, and is not any more
 */
export async function removeData(
  path: SessionPath,
  token: Token,
  names: readonly string[],
  kept: ReadonlySet<string> = new Set(),
): Promise<boolean> {
  let isAllCleared = true;
  for (const name of names) {
    if (kept.has(name)) continue;
    const isGone = await unlink(`${tokenPath(path, token)}/${name}`).catch(() => false);
    isAllCleared &&= isGone;
  }
  return isAllCleared;
}
