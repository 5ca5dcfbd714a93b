import { isSessionKey } from '../cookie/token.ts';
import { replacementId } from '../replacement-id.ts';
import { type EndMarker, type SessionKey, type SessionRecord, type StoredSession, isEndMarker } from '../store.ts';
import { isFaultOfOne } from './fault-of-one.ts';
import type { GuardedStore } from './guarded-store.ts';

/** Rotations that are followed one after the other within the life of an end marker. More are a loop. */
const MOST_STEPS = 16;

/** Where the end marker says that the session was rotated to. */
export function rotatedTo(found: StoredSession | SessionRecord | EndMarker | undefined): SessionKey | undefined {
  const successor = found !== undefined && isEndMarker(found) ? found.successor : undefined;
  return successor?.by === 'rotated' ? successor.key : undefined;
}

/**
 * Whether a record, which was read a moment ago, is one of these sessions after a rotation by another request. Also before
 * that rotation has ended the old key: whoever ended the new one then would end the session as soon as it did.
 *
 * @param sessions the keys by which the caller knows the sessions
 */
export async function isRotationOf(
  store: Pick<GuardedStore, 'read'>,
  sessions: readonly SessionKey[],
  key: SessionKey,
  record: SessionRecord,
): Promise<boolean> {
  for (const session of sessions) {
    for (const earlier of await keysSince(store, session))
      if (earlier === key || record.writeIds.includes(replacementId(earlier))) return true;
  }
  return false;
}

/** The keys that a session has had from this one on, as far as end markers tell. */
async function keysSince(store: Pick<GuardedStore, 'read'>, key: SessionKey): Promise<SessionKey[]> {
  const keys: SessionKey[] = [];
  let next: SessionKey | undefined = isSessionKey(key) ? key : undefined;
  while (next !== undefined && keys.length < MOST_STEPS) {
    keys.push(next);
    try {
      next = rotatedTo(await store.read(next));
    } catch (error) {
      if (!isFaultOfOne(error)) throw error;
      // Nobody rotates a session that cannot be read.
      return keys;
    }
  }
  return keys;
}
