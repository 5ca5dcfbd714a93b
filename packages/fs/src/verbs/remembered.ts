import type { SessionKey } from '@sess/core';
import { statusOf } from '../disk/files.ts';
import type { LiveSession } from './live-session.ts';
import { type SessionPath, dataPath } from '../layout/paths.ts';

/** Sessions in each of two generations, and bytes of the largest one: some 8 MB at most. */
const mostSessions = 2048;
const largest = 2048;

/**
 * Sessions that this process has read or written lately. What the name of a stamp stands for never changes, and a name
 * never comes back: so one look that finds the data file under that name, and untouched, says what five calls of the file
 * system would. Of two generations the older one goes when the younger one is full.
 */
export class Remembered {
  #young = new Map<SessionKey, LiveSession>();
  #old = new Map<SessionKey, LiveSession>();

  add(key: SessionKey, session: LiveSession): void {
    if (session.bytes.length <= largest) this.#keep(key, session);
    else this.forget(key);
  }

  forget(key: SessionKey): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  /** The session, if it is still as it is remembered. It may have expired. */
  async find(path: SessionPath): Promise<LiveSession | undefined> {
    const known = this.#young.get(path.key) ?? this.#old.get(path.key);
    if (known === undefined) return undefined;
    const changedAt = await untouchedSince(path, known);
    if (changedAt === undefined) this.forget(path.key);
    else this.#keep(path.key, { ...known, changedAt });
    return changedAt === undefined ? undefined : known;
  }

  #keep(key: SessionKey, known: LiveSession): void {
    this.#young.set(key, known);
    if (this.#young.size < mostSessions) return;
    this.#old = this.#young;
    this.#young = new Map();
  }
}

/** When the data file was changed last; `undefined` where it is not what it was, or cannot be looked at. */
async function untouchedSince(
  path: SessionPath,
  { stamp, bytes, changedAt }: LiveSession,
): Promise<number | undefined> {
  try {
    const stats = await statusOf(dataPath(path, stamp, stamp.dataId));
    const isSame = stats.isFile() && stats.size === bytes.length && (changedAt ?? stats.ctimeMs) === stats.ctimeMs;
    return isSame ? stats.ctimeMs : undefined;
  } catch {
    return undefined;
  }
}
