import type { SessionKey } from '@sess/core';
import type { LiveToken } from './names.ts';
import type { StoredRecord } from './record-file.ts';

/** A session, as it was read. */
export interface ReadSession {
  token: LiveToken;
  record: StoredRecord;
}

const most = 128;
/** UTF-16 units of all texts. Larger sessions are read again. */
const largest = 32_768;

interface Kept extends ReadSession {
  key: SessionKey;
}

/**
 * What was read of sessions a moment ago, since most that is written was read in the same request: that write need not
 * read again. It is a guess about the store, and nothing more. A token's name never comes back, and what it stands for
 * never changes, so a commit that renames the token from that name has proved the guess; every other answer needs a look.
 *
 * Each key has its place, and whoever comes to one that is taken pushes the other out. (A `Map` that things come and go
 * in leaves old tables behind, and the garbage collector keeps what was in them for long.)
 */
export class RecentReads {
  readonly #places: (Kept | undefined)[] = Array.from({ length: most }, () => undefined);

  add(key: SessionKey, { token, record }: ReadSession): void {
    let size = 0;
    for (const name in record.fields) size += record.fields[name]?.length ?? 0;
    // A copy: the record itself is the reader's, to do with as it likes.
    const kept = { key, token, record: { ...record, fields: { ...record.fields } } };
    this.#places[placeOf(key)] = size > largest ? undefined : kept;
  }

  /** For one write. */
  take(key: SessionKey): ReadSession | undefined {
    const place = placeOf(key);
    const kept = this.#places[place];
    if (kept?.key !== key) return undefined;
    this.#places[place] = undefined;
    return kept;
  }
}

/** Keys are random hex digits. */
function placeOf(key: SessionKey): number {
  return Number.parseInt(key.slice(0, 4), 16) % most;
}
