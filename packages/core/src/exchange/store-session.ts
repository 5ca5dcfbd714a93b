import { SessError, isSessError } from '../errors.ts';
import { publish } from '../events.ts';
import { endRivals } from './destroy-session.ts';
import { tellOfTouch } from './dropped-changes.ts';
import type { Exchange } from './exchange.ts';
import { type FieldChanges, type RecordChange, changedRecord } from '../record-change.ts';
import { assertChangeFits, assertFits } from '../session/limits.ts';
import { replaceOld } from './regenerate-session.ts';
import type { SessionState } from '../session/session-state.ts';
import { type SessionRecord, type StoredSession, isEndMarker } from '../store.ts';
import { refusedBefore } from './too-late-errors.ts';
import { newWriteId } from './write-id.ts';
import { writeFollowing } from './successors.ts';

export interface StoreMode {
  /** The app called `save()` and waits for the verdict; else it is the commit that every response makes. */
  explicit: boolean;
}

/**
 * Brings the store to what the request made of the session.
 * @param changes those of its fields, as of this moment
 * @throws SessError `SESSION_SEALED`, at once
 */
export function storeSession(
  exchange: Exchange,
  state: SessionState,
  mode: StoreMode,
  changes: FieldChanges | undefined,
): Promise<void> {
  if (mode.explicit && state.refusedChange !== undefined) throw refusedBefore(state.refusedChange);
  return isChangeAlone(state, changes)
    ? write(exchange, state, changes, mode)
    : storeInSteps(exchange, state, mode, changes);
}

/** Most of what is stored is a change of a session that stays what it is. */
function isChangeAlone(state: SessionState, changes: FieldChanges | undefined): boolean {
  const stays = state.standing === 'stored' && state.closing === undefined && state.replaces === undefined;
  return stays && (changes !== undefined || state.changedSettings !== undefined);
}

async function storeInSteps(
  exchange: Exchange,
  state: SessionState,
  mode: StoreMode,
  changes: FieldChanges | undefined,
): Promise<void> {
  if (state.closing !== undefined) exchange.mayChange(state, 'save()');
  if (state.standing === 'ended' || state.standing === 'gone') {
    if (changes !== undefined) drop(state, keysOf(changes), state.standing, mode);
    else if (mode.explicit && (state.changedSettings !== undefined || state.touchWanted)) throw sessionGone();
    return;
  }
  if (state.standing === 'new' && state.hasContent) await create(exchange, state);
  else if (state.standing === 'stored' && (changes !== undefined || state.changedSettings !== undefined))
    await write(exchange, state, changes, mode);
  else if (state.standing === 'stored' && state.replaces === undefined) await touch(exchange, state, mode);

  if (state.replaces === undefined || (await replaceOld(exchange, state, state.replaces))) return;
  state.replaces = undefined;
  drop(state, state.fields.keys(), 'gone', mode);
}

async function create(exchange: Exchange, state: SessionState): Promise<void> {
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
  state.fields.wrote({ set: texts, unset: [], revise: {} });
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
  const first = await tryToCreate(state, state.record(texts, writeId));
  if (first !== undefined) return first;
  const found = await state.claim.store.read(state.key);
  if (found !== undefined && !isEndMarker(found) && found.record.writeIds.includes(writeId)) return found;
  if (state.isCreateDoubtful) await state.claim.store.destroy(state.key);
  state.mintAgain();
  const second = await tryToCreate(state, state.record(texts, newWriteId()));
  if (second !== undefined) return second;
  throw new SessError('STORE_UNAVAILABLE', 'The session store says of every new key that it is taken.');
}

async function tryToCreate(state: SessionState, record: SessionRecord): Promise<StoredSession | undefined> {
  const created = await state.claim.store.create(state.key, record);
  return created && { record, version: created.version };
}

async function write(
  exchange: Exchange,
  state: SessionState,
  changes: FieldChanges | undefined,
  mode: StoreMode,
): Promise<void> {
  if (exchange.isCookieGone) return tooLate(exchange, state, changes, mode);
  const begun = beginWrite(exchange, state, changes);
  const restore = state.fields.beginWrite();
  try {
    const outcome = await writeFollowing(state, begun.change, exchange.engine.timeouts);
    if (!outcome.gone) return written(exchange, state, begun, outcome.stored);
  } catch (error) {
    restore();
    throw error;
  }
  drop(state, changes === undefined ? [] : keysOf(changes), 'gone', mode);
}

/**
 * A commit that only changes a cookie session: at once, since there is nothing to wait for.
 * @returns `false` for any other commit; nothing was done then
 */
export function writeAtOnce(exchange: Exchange, state: SessionState, changes: FieldChanges | undefined): boolean {
  const atHand = isChangeAlone(state, changes) ? state.claim.atHand : undefined;
  if (atHand === undefined || exchange.isCookieGone) return false;
  const begun = beginWrite(exchange, state, changes);
  const restore = state.fields.beginWrite();
  const { record: before } = atHand;
  try {
    if (before !== undefined) {
      const record = changedRecord(before, begun.change, exchange.engine.timeouts);
      atHand.replaceAtOnce(record);
      written(exchange, state, begun, { record, version: record });
      return true;
    }
  } catch (error) {
    restore();
    throw error;
  }
  drop(state, changes === undefined ? [] : keysOf(changes), 'gone', { explicit: false });
  return true;
}

/** What was assigned so late has thrown; an object that was changed in place is found out only here. */
function tooLate(exchange: Exchange, state: SessionState, changes: FieldChanges | undefined, mode: StoreMode): void {
  if (mode.explicit) exchange.mustSendCookie('save()');
  publish('dropped', () => ({
    handle: state.key,
    keys: changes === undefined ? [] : keysOf(changes),
    reason: 'sealed',
  }));
}

/** A write as it is when it begins. */
interface BegunWrite {
  readonly startedMs: number;
  readonly change: RecordChange;
}

/** @throws SessError `SESSION_TOO_LARGE` */
function beginWrite({ engine }: Exchange, state: SessionState, changes: FieldChanges | undefined): BegunWrite {
  const startedMs = performance.now();
  if (changes !== undefined) assertChangeFits(state.fields, changes, engine.limits);
  return { startedMs, change: { at: engine.clock(), fields: changes, settings: state.changedSettings } };
}

/** The store has taken the change. */
function written(
  exchange: Exchange,
  state: SessionState,
  { startedMs, change: { fields: changes, settings } }: BegunWrite,
  stored: StoredSession,
): void {
  if (changes !== undefined) state.fields.wrote(changes);
  if (settings === state.changedSettings) state.changedSettings = undefined;
  state.adopt(stored);
  if (state.persistenceChanged || exchange.engine.carrier.holdsSession) exchange.headers.setCookie(state);
  state.persistenceChanged = false;
  state.touchWanted = false;
  publish('committed', () => ({
    handle: state.key,
    keys: changes === undefined ? [] : keysOf(changes),
    created: false,
    durationMs: performance.now() - startedMs,
  }));
}

/**
 * A request whose only problem is a touch has no problem, unless the app asked for it by `touch()` and `save()`.
 * Of a store's fault an event has told; what is wrong with the session itself is told here.
 */
async function touch(exchange: Exchange, state: SessionState, mode: StoreMode): Promise<void> {
  const { engine } = exchange;
  const due = mode.explicit ? state.touchWanted : state.wantsTouch(engine.clock(), engine.timeouts);
  if (!due || exchange.isCookieGone) return;
  state.isTouchTried = true;
  state.touchWanted = false;
  const started = performance.now();
  try {
    const outcome = await writeFollowing(state, { at: engine.clock() }, engine.timeouts);
    if (outcome.gone) {
      state.standing = 'gone';
      publish('gone', () => ({ handle: state.key }));
      if (mode.explicit) throw sessionGone();
      return;
    }
    state.adopt(outcome.stored);
  } catch (error) {
    if (mode.explicit) throw error;
    if (isSessError(error) && error.status !== 503) tellOfTouch(engine, state.key, error, started);
    return;
  }
  if (engine.carrier.holdsSession) exchange.headers.setCookie(state);
  publish('touched', () => ({ handle: state.key, durationMs: performance.now() - started }));
}

function drop(state: SessionState, keys: readonly string[], reason: 'ended' | 'gone', mode: StoreMode): void {
  if (reason === 'gone' && state.standing !== 'gone') {
    state.standing = 'gone';
    publish('gone', () => ({ handle: state.key }));
  }
  if (mode.explicit) throw sessionGone();
  publish('dropped', () => ({ handle: state.key, keys, reason }));
}

export function sessionGone(): SessError {
  return new SessError(
    'SESSION_GONE',
    'The session ended meanwhile (a logout, a new login, or it expired). Nothing was stored; ask the user to log in again.',
  );
}

function keysOf(changes: FieldChanges): string[] {
  return [...Object.keys(changes.set), ...Object.keys(changes.revise), ...changes.unset];
}
