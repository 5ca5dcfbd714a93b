import { systemClock } from '../clock.ts';
import { type FieldChanges, changedRecord, namedRecord } from '../record-change.ts';
import { type SessionKey, type SessionRecord, type SessionStore, isEndMarker } from '../store.ts';

const timeouts = { idleTimeoutMs: 0, absoluteTimeoutMs: Number.MAX_SAFE_INTEGER, touchAfterMs: Infinity };

/** Far enough, where a test does not look at deadlines. */
export const soon = (): number => performance.now() + 5_000;

let writes = 0;

/** A session as tests plant it. */
export function plantedRecord(fields: Record<string, string>, more: Partial<SessionRecord> = {}): SessionRecord {
  const now = systemClock();
  return { fields, createdAt: now, touchedAt: now, expiresAt: now + 60_000, writeIds: [], ...more };
}

/** What another process does to a stored session meanwhile: fields written and removed, in one swap. */
export async function writeElsewhere(
  store: SessionStore,
  key: SessionKey,
  { set = {}, unset = [] }: Partial<FieldChanges>,
): Promise<'replaced' | 'conflict' | 'gone'> {
  const found = await store.read(key, soon());
  if (found === undefined || isEndMarker(found)) return 'gone';
  const changed = changedRecord(
    found.record,
    { at: found.record.touchedAt, fields: { set, unset, revise: {} } },
    timeouts,
  );
  writes += 1;
  const { verdict } = await store.replace(
    key,
    found.version,
    namedRecord(changed, found.record, `else-${writes}`),
    soon(),
  );
  return verdict;
}

/** The record of a session that is stored. */
export async function recordOf(store: SessionStore, key: SessionKey): Promise<SessionRecord | undefined> {
  const found = await store.read(key, soon());
  return found === undefined || isEndMarker(found) ? undefined : found.record;
}
