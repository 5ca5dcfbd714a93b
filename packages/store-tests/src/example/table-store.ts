import { randomUUID } from 'node:crypto';
import {
  type EndMarker,
  SessError,
  type SessionRecord,
  type SessionStore,
  type StoredSession,
  type SweepReport,
  type Sweeps,
  isEndMarker,
  isSuccession,
} from '@sess/core';

/** A row of the table: a session or an end marker. */
export interface Row {
  /** Made anew for each write, so that no two states have the same. */
  version: string;
  body: string;
  /** From this instant on the row counts for nothing, in milliseconds of the store's clock. */
  expiresAt: number;
}

/** One statement each. `now` is the store's clock; `timeoutMs` is for the client: what is left of the caller's time. */
export interface Table {
  get(key: string, timeoutMs: number): Promise<Row | undefined>;
  /** Writes the row if there is none, or only an expired one. */
  insert(key: string, row: Row, now: number, timeoutMs: number): Promise<boolean>;
  /** Puts the row in the place of the one with this version, unless that one has expired. */
  update(key: string, version: unknown, row: Row, now: number, timeoutMs: number): Promise<boolean>;
  /** Removes the row with this version. */
  remove(key: string, version: unknown, timeoutMs: number): Promise<boolean>;
  /** Removes the rows whose `expiresAt` is before this. Counts them, and the sessions that stay. */
  removeExpired(before: number): Promise<SweepReport>;
}

type Content = { v: 1; record: SessionRecord } | { v: 1; marker: EndMarker };

/** How long an expired row stays: a clock that was wrong can be set right. */
const graceMs = 3_600_000;

export function tableStore({ table, clock = Date.now }: { table: Table; clock?: () => number }): SessionStore & Sweeps {
  /** What stands under a key. An expired row is nothing, whatever it holds. */
  async function find(key: string, by: number): Promise<StoredSession | EndMarker | undefined> {
    const row = await call(key, by, (timeoutMs) => table.get(key, timeoutMs));
    if (row === undefined || clock() >= row.expiresAt) return undefined;
    const content = parse(row.body);
    return 'marker' in content ? content.marker : { record: content.record, version: row.version };
  }

  return {
    read: find,

    async create(key, record, by) {
      const row = rowOf(withTexts(record), record.expiresAt);
      if (await call(key, by, (timeoutMs) => table.insert(key, row, clock(), timeoutMs)))
        return { version: row.version };
      await find(key, by); // Throws where what is in the way is damaged.
      return undefined;
    },

    async replace(key, version, next, by) {
      const row = isSuccession(next)
        ? rowOf({ v: 1, marker: { ended: true, successor: next.successor } }, clock() + next.endMarkerMs)
        : rowOf(withTexts(next), next.expiresAt);
      const isReplaced = await call(key, by, (timeoutMs) => table.update(key, version, row, clock(), timeoutMs));
      if (isReplaced) return { verdict: 'replaced', version: row.version };
      const stored = await find(key, by);
      return stored === undefined || isEndMarker(stored) ? { verdict: 'gone' } : { verdict: 'conflict', stored };
    },

    /** Removes exactly what it has read, and reads again where somebody came between. */
    async destroy(key, { endMarkerMs = 0 }, by) {
      for (;;) {
        const found = await find(key, by);
        if (found && isEndMarker(found)) return found;
        const now = clock();
        const row = rowOf({ v: 1, marker: { ended: true } }, now + endMarkerMs);
        const isDone = await call(key, by, async (timeoutMs) => {
          if (endMarkerMs === 0) return found === undefined || table.remove(key, found.version, timeoutMs);
          if (found === undefined) return table.insert(key, row, now, timeoutMs);
          return table.update(key, found.version, row, now, timeoutMs);
        });
        if (isDone) return found?.record;
      }
    },

    sweep: () => reached(table.removeExpired(clock() - graceMs)),
  };
}

function rowOf(content: Content, expiresAt: number): Row {
  return { version: randomUUID(), body: JSON.stringify(content), expiresAt };
}

/** Core may hand over texts as bytes. `Object.fromEntries` makes a field `__proto__` one like any other. */
function withTexts(record: SessionRecord): Content {
  const texts = Object.entries(record.fields).map(([name, text]) => [name, Buffer.from(text).toString()]);
  return { v: 1, record: { ...record, fields: Object.fromEntries(texts) } };
}

/** Damage is thrown: taken for absence it would log people out, and be written over. */
function parse(body: string): Content {
  const content = parsed(body);
  if (isContent(content)) return content;
  const isNewer = typeof content === 'object' && content !== null && 'v' in content && Number(content.v) > 1;
  if (isNewer) throw new SessError('STORE_TOO_NEW', 'A newer version wrote this session. Update the app.');
  throw new SessError('STORE_CORRUPT', 'This row is not a session.');
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function isContent(content: unknown): content is Content {
  if (typeof content !== 'object' || content === null || !('v' in content) || content.v !== 1) return false;
  return 'marker' in content || ('record' in content && typeof content.record === 'object' && content.record !== null);
}

/** Begins nothing for what is no key, nor when the caller's time is over, and hands on what is left of it. */
async function call<T>(key: string, by: number, statement: (timeoutMs: number) => Promise<T>): Promise<T> {
  if (!/^[0-9a-f]{64}$/.test(key)) throw new TypeError('A session key is 64 lower case hex digits.');
  const timeoutMs = by - performance.now();
  if (timeoutMs <= 0) throw new SessError('STORE_TIMEOUT', 'The table did not answer in time.');
  return reached(statement(timeoutMs));
}

/** The outcome of what failed on the way is unknown, and that is what is said. */
async function reached<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new SessError('STORE_UNAVAILABLE', 'The table cannot be reached.', { cause });
  }
}
