import {
  SessError,
  type SessionChange,
  type SessionRecord,
  type SessionStore,
  type SweepReport,
  type Sweeps,
} from '@sess/core';

/** What a row holds: a text, and the instant from which on it counts for nothing, in milliseconds. */
export interface Body {
  text: string;
  expiresAt: number;
}

/** All that the store asks of a database: one conditional write, and one that removes what is old. */
export interface Table {
  get(key: string): Promise<string | undefined>;
  /** Writes `next` (`undefined`: removes the row) if the row still is `seen` (`undefined`: is not there). */
  swap(key: string, seen: string | undefined, next: Body | undefined): Promise<boolean>;
  /** Removes the rows whose `expiresAt` is before this. Counts them, and the sessions that stay. */
  removeExpired(before: number): Promise<SweepReport>;
}

type Row = { v: 1; record: SessionRecord } | { v: 1; endsAt: number };
/** What a verb makes of a row: its answer, and the row to write, if any. */
type Step<Answer> = { answer: Answer; next?: Row | 'none' };

/** How long an expired row stays: a clock that was wrong can be set right. */
const graceMs = 3_600_000;

export function tableStore({ table, clock = Date.now }: { table: Table; clock?: () => number }): SessionStore & Sweeps {
  /** Reads, decides and swaps, again and again until nobody came between. */
  async function step<Answer>(key: string, decide: (row: Row | undefined) => Step<Answer>): Promise<Answer> {
    if (!/^[0-9a-f]{64}$/.test(key)) throw new TypeError('A session key is 64 lower case hex digits.');
    for (let tries = 0; tries < 100; tries++) {
      const seen = await reached(table.get(key));
      const { answer, next } = decide(standing(seen));
      if (next === undefined) return answer;
      const body = next === 'none' ? undefined : { text: JSON.stringify(next), expiresAt: endOf(next) };
      if (await reached(table.swap(key, seen, body))) return answer;
    }
    throw new SessError('STORE_BUSY', 'Too many writers of one session. Try again.');
  }

  function standing(text: string | undefined): Row | undefined {
    const row = text === undefined ? undefined : parse(text);
    return row && clock() < endOf(row) ? row : undefined;
  }

  return {
    create: (key, record) => step(key, (row) => (row ? { answer: false } : { answer: true, next: { v: 1, record } })),
    read: (key) => step(key, (row) => ({ answer: row && ('record' in row ? row.record : 'ended') })),
    update: (key, change) =>
      step(key, (row) => {
        if (!row || !('record' in row)) return { answer: 'gone' };
        if (!holds(row.record, change)) return { answer: 'conflict' };
        return { answer: 'applied', next: { v: 1, record: changed(row.record, change) } };
      }),
    destroy: (key, { endMarkerMs = 0 } = {}) =>
      step(key, (row) => {
        const answer = row && 'record' in row ? row.record : undefined;
        if (endMarkerMs > 0) return { answer, next: { v: 1, endsAt: clock() + endMarkerMs } };
        return answer ? { answer, next: 'none' } : { answer };
      }),
    sweep: () => reached(table.removeExpired(clock() - graceMs)),
  };
}

const endOf = (row: Row): number => ('record' in row ? row.record.expiresAt : row.endsAt);

function holds({ fields }: SessionRecord, { expect = {} }: SessionChange): boolean {
  const names = new Map(Object.entries(fields)); // fields['constructor'] would find what every object has
  return Object.entries(expect).every(([name, text]) => names.get(name) === text);
}

function changed({ owner: oldOwner, ...record }: SessionRecord, change: SessionChange): SessionRecord {
  const fields = new Map(Object.entries(record.fields));
  for (const name of change.unset ?? []) fields.delete(name);
  for (const [name, text] of Object.entries(change.revise ?? {})) if (fields.has(name)) fields.set(name, text);
  for (const [name, text] of Object.entries(change.set ?? {})) fields.set(name, text);
  const owner = change.owner === undefined ? oldOwner : change.owner;
  return {
    ...record,
    fields: Object.fromEntries(fields),
    touchedAt: Math.max(record.touchedAt, change.touchedAt),
    expiresAt: change.settings ? change.expiresAt : Math.max(record.expiresAt, change.expiresAt),
    ...(change.settings && { settings: change.settings }),
    ...(typeof owner === 'string' && { owner }),
  };
}

/** Damage is thrown: taken for absence it would log people out, and be written over. */
function parse(text: string): Row {
  const row = parsed(text);
  if (isRow(row)) return row;
  const isNewer = typeof row === 'object' && row !== null && 'v' in row && typeof row.v === 'number' && row.v > 1;
  if (isNewer) throw new SessError('STORE_TOO_NEW', 'A newer version wrote this session. Update the app.');
  throw new SessError('STORE_CORRUPT', 'This row is not a session.');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRow(row: unknown): row is Row {
  if (typeof row !== 'object' || row === null || !('v' in row) || row.v !== 1) return false;
  return 'record' in row ? typeof row.record === 'object' && row.record !== null : 'endsAt' in row;
}

/** The outcome of what failed on the way is unknown, and that is what is said. */
async function reached<Answer>(work: Promise<Answer>): Promise<Answer> {
  try {
    return await work;
  } catch (cause) {
    throw new SessError('STORE_UNAVAILABLE', 'The table cannot be reached.', { cause });
  }
}
