import type { BoundedStore } from '../bounded-store.ts';
import { SessError } from '../errors.ts';
import { stringOf } from '../record-fields.ts';
import { type SessionKey, type SessionRecord, type StoredSession, isEndMarker } from '../store.ts';

/** Long enough for a store to change only what is beside it. */
const longText = JSON.stringify('x'.repeat(4_096));

/**
 * Does with a store what an app's sessions will: a login, a read, a change and a logout. A store may be allowed to do some
 * of them only.
 *
 * @param key of the session that is made. Repeated after a late answer it is the same, so that none stays behind.
 * @param owner the session's, as a login has one. It leaves an entry in the index of owners, for some hours in Redis: so the
 *   many starts of an app do without.
 * @param whileStored runs while the session is there
 * @throws SessError what the store throws; `STORE_CORRUPT` where it does not give back what it was given
 */
export async function tryStore(
  store: BoundedStore,
  key: SessionKey,
  now: number,
  { owner, whileStored = async () => {} }: { owner?: string; whileStored?: () => Promise<void> } = {},
): Promise<void> {
  // The key is taken where an earlier try was carried out after all.
  await store.create(key, {
    fields: { probe: '1', long: longText },
    createdAt: now,
    touchedAt: now,
    expiresAt: now + 60_000,
    ...(owner !== undefined && { owner }),
    writeIds: [],
  });
  const { record, version } = stored(await store.read(key));
  await whileStored();
  // It does not matter what becomes of it: an earlier try may be carried out late.
  await store.replace(key, version, { ...record, fields: { ...record.fields, probe: '2' } });
  await store.destroy(key);
}

function stored(found: Awaited<ReturnType<BoundedStore['read']>>): StoredSession {
  if (found !== undefined && !isEndMarker(found) && isTried(found.record)) return found;
  throw new SessError('STORE_CORRUPT', 'A session that was just stored could not be read back.');
}

function isTried({ fields: { probe, long } }: SessionRecord): boolean {
  return probe !== undefined && /^[12]$/.test(stringOf(probe)) && long !== undefined && stringOf(long) === longText;
}
