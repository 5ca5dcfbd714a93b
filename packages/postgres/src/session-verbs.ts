import { hash, randomBytes } from 'node:crypto';
import {
  type EndMarker,
  type SessionKey,
  type SessionRecord,
  type SessionStore,
  type StoredSession,
  type Succession,
  isEndMarker,
  isSessError,
  isSuccession,
} from '@sess/core';
import type { Answer, Database } from './database.ts';
import { endTeller } from './end-teller.ts';
import { answerLost, inDoubt } from './postgres-errors.ts';
import { decodeRow, encodeMarker, encodeRecord } from './session-record.ts';
import type { Statement, Statements } from './statements.ts';

/** What a write puts into a row: version (none in an end marker), time left, owner, body. */
type Row = [version: string | null, leftMs: number, owner: Buffer | null, body: string];

type Found = StoredSession | EndMarker | undefined;

export function sessionVerbs(database: Database, sql: Statements): SessionStore {
  const tellEnd = endTeller(database, sql);

  async function find(key: SessionKey, by: number): Promise<Found> {
    return foundIn(key, await database.run(sql.read, [bytesOf(key)], by));
  }

  /**
   * Writes a row, in the place of a version or where none is. If it does not write, `found` is what stands there just
   * afterwards. If its first copy was carried out, that counts as written.
   */
  async function write(statement: Statement, key: SessionKey, row: Row, by: number, version: readonly unknown[] = []) {
    const { rowCount, rows, isDoubtful } = await database.run(statement, [bytesOf(key), ...row, ...version], by);
    if (rows[0]?.['is_watched'] === true) tellEnd(key);
    if (rowCount === 1) return { isWritten: true, found: undefined, isDoubtful };
    try {
      const found = await find(key, by);
      return { isWritten: isOwn(found, row), found, isDoubtful };
    } catch (error) {
      throw isDoubtful && isSessError(error) ? inDoubt(error) : error;
    }
  }

  return {
    read: find,

    async create(key, record, by) {
      const row = rowOf(record);
      return (await write(sql.create, key, row, by)).isWritten ? { version: row[0] } : undefined;
    },

    async replace(key, version, next, by) {
      const [statement, row] = isSuccession(next) ? [sql.end, markerOf(next)] : [sql.replace, rowOf(next)];
      const { isWritten, found, isDoubtful } = await write(statement, key, row, by, [version]);
      if (isWritten) return { verdict: 'replaced', version: row[0] };
      // The end marker of a succession has no name: it may be this one's.
      if (isDoubtful && isSuccession(next) && isEndMarker(found)) throw answerLost();
      if (found === undefined || isEndMarker(found)) return { verdict: 'gone' };
      return { verdict: 'conflict', stored: found, ...(isDoubtful && { isDoubtful }) };
    },

    /** Looks first: what is torn has to stay. Removes exactly what it has seen, and tries again if someone was faster. */
    async destroy(key, { endMarkerMs = 0 }, by) {
      const marker = markerOf({ endMarkerMs });
      let found = await find(key, by);
      for (;;) {
        if (isEndMarker(found)) return found;
        if (found === undefined && endMarkerMs === 0) return undefined;
        const written =
          found === undefined
            ? await write(sql.create, key, marker, by)
            : await write(sql.end, key, marker, by, [found.version]);
        if (written.isWritten) return found?.record;
        if (found !== undefined && written.isDoubtful) throw answerLost();
        ({ found } = written);
      }
    },
  };
}

/** @throws `STORE_CORRUPT` or `STORE_TOO_NEW` */
function foundIn(key: SessionKey, { rows: [row] }: Answer): Found {
  return row === undefined || row['body'] === null ? undefined : decodeRow(key, row['version'], row['body']);
}

/** Whether this very row stands, written by a copy of the same statement that was sent before. */
function isOwn(found: Found, [version]: Row): boolean {
  return found !== undefined && !isEndMarker(found) && found.version === version;
}

/** Counted from a random number: a random one for each write costs 5 to 24 us more. */
let lastVersion = randomBytes(8).readBigInt64LE();

/** A version that no other state has, of this session or of a later one under its key. */
function newVersion(): string {
  lastVersion = BigInt.asIntN(64, lastVersion + 1n);
  return lastVersion.toString();
}

function rowOf(record: SessionRecord): Row {
  const { touchedAt, expiresAt, owner } = record;
  return [
    newVersion(),
    leftOf(expiresAt - touchedAt),
    owner === undefined ? null : ownerOf(owner),
    encodeRecord(record),
  ];
}

/**
 * A marker for 0 ms is an expired row without data. Its deadline is long past, so that it is not a marker either for a
 * transaction that began before it was written: `now()` stays at the beginning of a transaction.
 */
function markerOf({ successor, endMarkerMs }: Omit<Succession, 'successor'> & Partial<Succession>): Row {
  return [null, endMarkerMs > 0 ? leftOf(endMarkerMs) : -longestMs, null, encodeMarker(successor)];
}

/** Some 3,000 years, which the type `timestamptz` has room for, both ways. */
const longestMs = 1e14;

function leftOf(ms: number): number {
  return Math.max(0, Math.min(ms, longestMs));
}

/** By its hash, an owner's name may have any length and any characters. */
export function ownerOf(owner: string): Buffer {
  return hash('sha256', JSON.stringify(owner), 'buffer');
}

function bytesOf(key: SessionKey): Buffer {
  if (typeof key !== 'string' || !/^[0-9a-f]{64}$/.test(key))
    throw new TypeError('A session key is 64 lower case hex digits.');
  return Buffer.from(key, 'hex');
}
