import { randomBytes, randomUUID } from 'node:crypto';
import {
  type IndexesOwners,
  type EndMarker,
  type ReplaceOutcome,
  type SessErrorCode,
  type SessionKey,
  type SessionRecord,
  type SessionStore,
  type StoredSession,
  isEndMarker,
  isSessError,
} from '@sess/core';
import { stringOf } from '@sess/core/internal';

export function newKey(): SessionKey {
  return randomBytes(32).toString('hex');
}

/** A prefix for one test: no test sees another's sessions, and nothing is flushed. */
export function newPrefix(): string {
  return `t-${randomUUID()}:`;
}

/** When a call is given up that begins now: core's bound. */
export function by(ms = 1000): number {
  return performance.now() + ms;
}

export function record(fields: SessionRecord['fields'] = {}, more: Partial<SessionRecord> = {}): SessionRecord {
  const now = Date.now();
  return { fields, createdAt: now, touchedAt: now, expiresAt: now + 600_000, writeIds: [], ...more };
}

/** A record with everything else as it was, touched now. `undefined` takes a field away. */
export function changed(
  before: SessionRecord,
  fields: Record<string, string | undefined> = {},
  more: Partial<SessionRecord> = {},
): SessionRecord {
  const now = Date.now();
  const merged = Object.entries({ ...before.fields, ...fields });
  const left = merged.filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...before, fields: Object.fromEntries(left), touchedAt: now, expiresAt: now + 600_000, ...more };
}

export function sessionOf(found: StoredSession | EndMarker | undefined): StoredSession {
  if (found === undefined || isEndMarker(found)) throw new Error(`not a session: ${JSON.stringify(found)}`);
  return found;
}

/** The record that is stored, with its texts as strings; or the end marker, or nothing. */
export async function stored(store: SessionStore, key: SessionKey): Promise<SessionRecord | EndMarker | undefined> {
  const found = await store.read(key, by());
  if (found === undefined || isEndMarker(found)) return found;
  const texts = Object.entries(found.record.fields).map(([name, text]) => [name, stringOf(text)]);
  return { ...found.record, fields: Object.fromEntries(texts) };
}

/** Reads and replaces, and begins again when others wrote in between: what core does with a change. */
export async function update(
  store: SessionStore,
  key: SessionKey,
  fields: Record<string, string | undefined> = {},
  more: Partial<SessionRecord> = {},
  until: number = by(),
): Promise<'replaced' | 'gone'> {
  const found = await store.read(key, until);
  if (found === undefined || isEndMarker(found)) return 'gone';
  for (let stored = found; ;) {
    const outcome: ReplaceOutcome = await store.replace(
      key,
      stored.version,
      changed(stored.record, fields, more),
      until,
    );
    if (outcome.verdict !== 'conflict') return outcome.verdict;
    stored = outcome.stored;
  }
}

/** The keys that the index shows. */
export async function keysOf(store: IndexesOwners, owner: string): Promise<SessionKey[]> {
  const keys = new Set<SessionKey>();
  for await (const page of store.keysByOwner(owner)) for (const key of page.keys) keys.add(key);
  return [...keys];
}

export async function forget(store: IndexesOwners, owner: string, keys: readonly SessionKey[]): Promise<void> {
  for await (const page of store.keysByOwner(owner)) await page.forget(page.keys.filter((key) => keys.includes(key)));
}

export interface Outcome<T> {
  value?: T;
  code?: SessErrorCode;
  error?: Error;
  tookMs: number;
}

/** What a call came to, and how long it took. An error that is not a `SessError` is one of the test's. */
export async function outcomeOf<T>(call: () => Promise<T>): Promise<Outcome<T>> {
  const begunAt = performance.now();
  try {
    const value = await call();
    return { value, tookMs: performance.now() - begunAt };
  } catch (error) {
    if (!isSessError(error)) throw error;
    return { code: error.code, error, tookMs: performance.now() - begunAt };
  }
}
