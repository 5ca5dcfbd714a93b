import type { SessionKey } from '@sess/core';
import type { FileMark } from './files.ts';
import type { LiveToken } from './names.ts';
import type { StoredRecord } from './record-file.ts';

/** A session, as it was when this process last read or wrote it. */
export interface KnownSession {
  token: LiveToken;
  record: StoredRecord;
  /** Its data file. */
  file: FileMark;
}

/** How long after a look or a write a file is taken to be what it was: as long as the parts of one request are apart. */
const freshMs = 100;

const places = 8192;
/** UTF-16 units of all texts of one session, and what else it takes. Larger ones are read again. */
export const largestKnown = 32_768;
/** What a session, and each of its fields, takes besides its texts. */
const unitsBeside = { session: 64, field: 32 };
/** Of all sessions together. */
const allUnits = 4 * 1024 * 1024;

interface Kept extends KnownSession {
  key: SessionKey;
  units: number;
  /** By `performance.now()`. */
  seenAt: number;
}

/**
 * What this process has read or written of sessions a moment ago. It is a guess about the store, and nothing more: what
 * a token's name stands for never changes, and a name never comes back. So a look that finds the data file under that
 * name, and untouched, has proved the guess for a read; a commit that renames the token from that name, for a write.
 * Every other answer needs a whole look.
 *
 * Each key has its place, and whoever comes to one that is taken pushes the other out. (A `Map` that things come and go
 * in leaves old tables behind, and the garbage collector keeps what was in them for long.)
 */
export class KnownSessions {
  readonly #kept: (Kept | undefined)[] = Array.from({ length: places }, () => undefined);
  #units = 0;

  /** A record that nobody else has: it must stay as it is. */
  add(key: SessionKey, { token, record, file }: KnownSession): void {
    this.forget(key);
    const units = unitsIn(record);
    if (units > largestKnown) return;
    if (this.#units + units > allUnits) {
      this.#kept.fill(undefined);
      this.#units = 0;
    }
    const place = placeOf(key);
    this.#units += units - (this.#kept[place]?.units ?? 0);
    this.#kept[place] = { key, token, record, file, units, seenAt: performance.now() };
  }

  find(key: SessionKey): KnownSession | undefined {
    const kept = this.#kept[placeOf(key)];
    return kept?.key === key ? kept : undefined;
  }

  /** It was looked at, and is what it was. */
  confirm(key: SessionKey, file: FileMark): void {
    const kept = this.#kept[placeOf(key)];
    if (kept?.key !== key) return;
    kept.file = file;
    kept.seenAt = performance.now();
  }

  /** Whether it was read, written or looked at a moment ago. */
  isFresh(key: SessionKey): boolean {
    const kept = this.#kept[placeOf(key)];
    return kept?.key === key && performance.now() - kept.seenAt < freshMs;
  }

  forget(key: SessionKey): void {
    const place = placeOf(key);
    const kept = this.#kept[place];
    if (kept?.key !== key) return;
    this.#units -= kept.units;
    this.#kept[place] = undefined;
  }
}

function unitsIn({ fields, owner = '' }: StoredRecord): number {
  let units = unitsBeside.session + owner.length;
  for (const name in fields) units += unitsBeside.field + name.length + (fields[name]?.length ?? 0);
  return units;
}

/** Keys are random hex digits. */
function placeOf(key: SessionKey): number {
  return Number.parseInt(key.slice(0, 4), 16) % places;
}
