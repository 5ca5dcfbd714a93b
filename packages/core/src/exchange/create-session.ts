import { SessError } from '../errors.ts';
import { publish } from '../events.ts';
import { assertFits } from '../session/limits.ts';
import { replacementId } from '../replacement-id.ts';
import type { SessionState } from '../session/session-state.ts';
import { type SessionRecord, type StoredSession, isEndMarker } from '../store.ts';
import { endRivals } from './destroy-session.ts';
import type { SessionRequest } from './session-request.ts';
import { newWriteId } from './write-id.ts';

/**
 * Stores a new session, and has the answer send its cookie.
 *
 * @throws SessError `HEADERS_SENT`, `SESSION_TOO_LARGE`, and what the store throws
 */
export async function createSession(exchange: SessionRequest, state: SessionState): Promise<void> {
  const { engine } = exchange;
  exchange.mustSendCookie('save()');
  if (state.endsRivals && exchange.rivals !== undefined) await endRivals(exchange);
  const started = performance.now();
  const texts = state.fields.texts();
  assertFits(texts, engine.limits);
  const restore = state.fields.beginWrite();
  const { changedSettings } = state;
  try {
    state.renewed(state.timesAt(engine.clock(), engine.timeouts));
    state.stored = await createRecord(state, texts);
  } catch (error) {
    restore();
    state.isCreateDoubtful = true;
    throw error;
  }
  state.isCreateDoubtful = false;
  state.standing = 'stored';
  // What the app has set meanwhile is stored with the rest of what it changed meanwhile.
  if (changedSettings === state.changedSettings) state.changedSettings = undefined;
  state.persistenceChanged = false;
  const unset = state.fields.storedKeys().filter((key) => !Object.hasOwn(texts, key));
  state.fields.wrote({ set: texts, unset, revise: {} });
  if (state.replaces === undefined) exchange.headers.setCookie(state);
  publish('committed', () => ({
    handle: state.key,
    keys: Object.keys(texts),
    created: true,
    durationMs: performance.now() - started,
  }));
}

/**
 * A key of 256 random bits that is taken was taken by this very create, whose command the store sent twice; or by an
 * earlier try, of which nobody knew whether it was stored and which nobody would ever end; or by a planted end marker.
 */
async function createRecord(state: SessionState, texts: SessionRecord['fields']): Promise<StoredSession> {
  const writeId = newWriteId();
  const first = await tryToCreate(state, state.record(texts, [writeId, ...rotationIds(state)]));
  if (first !== undefined) return first;
  const found = await state.claim.store.read(state.key);
  if (found !== undefined && !isEndMarker(found) && found.record.writeIds.includes(writeId)) return found;
  if (state.isCreateDoubtful) await state.claim.store.destroy(state.key);
  state.mintAgain();
  const second = await tryToCreate(state, state.record(texts, [newWriteId(), ...rotationIds(state)]));
  if (second !== undefined) return second;
  throw new SessError('STORE_UNAVAILABLE', 'The session store says of every new key that it is taken.');
}

/** The names by which a rotation that is under way is known. */
function rotationIds({ replaces }: SessionState): string[] {
  if (replaces?.by !== 'rotated') return [];
  return [replacementId(replaces.state.key), ...rotationIds(replaces.state)];
}

async function tryToCreate(state: SessionState, record: SessionRecord): Promise<StoredSession | undefined> {
  const created = await state.claim.store.create(state.key, record);
  return created && { record, version: created.version };
}
