import type { SessionRecord } from '@sess/core';
import { corrupt, errorCode, isMissing, tooNew } from './faults.ts';
import { namesIn, quietly, readWhole, unlink } from './files.ts';
import type { Work } from './gate.ts';
import { type EndToken, type Listing, type LiveToken, type Token, dataName, listing } from './names.ts';
import { type StoredRecord, decodeRecord } from './record-file.ts';
import type { SessionPath } from './session-path.ts';
import type { Site } from './site.ts';

/** What lies under a key, at one moment. */
export type StoredSession =
  | { state: 'absent' }
  | { state: 'live'; token: LiveToken; record: StoredRecord; data: readonly string[] }
  /** An end marker stands. */
  | { state: 'ended'; token: EndToken; data: readonly string[] }
  /** An expired session, an old marker, or what a destroy left: absent, and waits for the sweep. */
  | { state: 'dead'; token: Token; data: readonly string[] };

/** A directory is read in one call, and so at one moment, on Linux. Elsewhere a rename may hide a name. */
const looks = 5;

/** @throws SessError `STORE_CORRUPT`, `STORE_TOO_NEW`, and every fault: only a missing directory is absence */
export async function loadSession(site: Site, path: SessionPath, work: Work): Promise<StoredSession> {
  let missedToken: string | undefined;
  for (let look = 1; ;) {
    work.check();
    const names = await lookAt(path);
    if (names === undefined || isEmpty(names)) {
      await site.directory.verify();
      return { state: 'absent' };
    }
    if (names.isNewer) throw tooNew(path.key);
    const [token, second] = names.tokens;
    if (token === undefined || second !== undefined) {
      if (look++ < looks) continue;
      throw corrupt(path.key, token === undefined ? 'its token is missing' : 'it has two tokens');
    }
    const { data } = names;
    if (!isLive(token, site.clock()))
      return { state: token.kind === 'end' && isStanding(token, site.clock()) ? 'ended' : 'dead', token, data };

    const bytes = await readWhole(`${path.directory}/${dataName(token.dataId)}`, path.key);
    if (bytes !== undefined) return { state: 'live', token, data, record: decodeRecord(path.key, bytes) };
    // The token moved on meanwhile, and took the data file with it. It never comes back: no name does.
    if (missedToken === token.name) throw corrupt(path.key, 'its data file is missing');
    missedToken = token.name;
  }
}

/** What is in a session's directory; `undefined` when there is none. */
export async function lookAt(path: SessionPath): Promise<Listing | undefined> {
  try {
    return listing(await namesIn(path.directory));
  } catch (error) {
    if (isMissing(error)) return undefined;
    const code = errorCode(error);
    if (code === 'ENOTDIR' || code === 'ELOOP') throw corrupt(path.key, 'it is not a directory', error);
    throw error;
  }
}

/** Half removed: the token goes last, and then the directory. */
export function isEmpty(names: Listing): boolean {
  return names.tokens.length === 0 && names.data.length === 0 && !names.isNewer && !names.isForeign;
}

export function isLive(token: Token, now: number): token is LiveToken {
  return token.kind === 'live' && now < token.expiresAt;
}

function isStanding(token: EndToken, now: number): boolean {
  return now < token.until;
}

/** The record as others see it. */
export function asRecord({ token, record }: { token: LiveToken; record: StoredRecord }): SessionRecord {
  const { expiresAt, touchedAt } = token;
  return { ...record, expiresAt, touchedAt };
}

/**
 * Removes data files that were listed together with a token that is now replaced: whoever wrote them
 * has read that token or one before it, so none of them can be committed any more.
 */
export async function removeData(path: SessionPath, data: readonly string[], kept?: string): Promise<void> {
  for (const name of data) if (name !== kept) await quietly(unlink(`${path.directory}/${name}`));
}
