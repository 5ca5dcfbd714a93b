import { publish } from '../events.ts';
import { createSession } from './create-session.ts';
import { type FieldChanges, type RecordChange, changedRecord } from '../record-change.ts';
import { assertChangeFits } from '../session/limits.ts';
import { replaceOld } from './replace-session.ts';
import type { SessionState } from '../session/session-state.ts';
import type { StoredSession } from '../store.ts';
import type { SessionRequest } from './session-request.ts';
import { writeFollowing } from './successors.ts';
import { refusedBefore, sessionGone } from './too-late-errors.ts';
import { touchSession } from './touch-session.ts';

export interface StoreMode {
  /** The app called `save()` and waits for the verdict; else it is the commit that every response makes. */
  explicit: boolean;
}

/**
 * Stores what the request changed in the session.
 * @param changes those of its fields, as of this moment
 * @throws SessError `SESSION_SEALED`, at once
 */
export function storeSession(
  exchange: SessionRequest,
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
  exchange: SessionRequest,
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
  if (state.standing === 'new' && state.hasContent) await createSession(exchange, state);
  else if (state.standing === 'stored' && (changes !== undefined || state.changedSettings !== undefined))
    await write(exchange, state, changes, mode);
  else if (state.standing === 'stored' && state.replaces === undefined)
    await touchSession(exchange, state, mode.explicit);

  const { replaces } = state;
  if (replaces === undefined) return;
  if (await replaceOld(exchange, state, replaces)) {
    // Requests with the old cookie find this session from now on, and may end it.
    if (mode.explicit && replaces.by === 'rotated') askAgain(exchange, state);
    return;
  }
  state.replaces = undefined;
  drop(state, state.fields.keys(), 'gone', mode);
}

/** Until the answer leaves another request may end the session: the commit asks the store before it sends the cookie. */
export function askAgain(exchange: SessionRequest, state: SessionState): void {
  if (exchange.headers.haveLeft) return;
  state.cookieWanted = true;
  state.isToBeAsked = true;
}

async function write(
  exchange: SessionRequest,
  state: SessionState,
  changes: FieldChanges | undefined,
  mode: StoreMode,
): Promise<void> {
  if (exchange.headers.hasSessionLeft) return tooLate(exchange, state, changes, mode);
  const begun = beginWrite(exchange, state, changes);
  const restore = state.fields.beginWrite();
  try {
    const outcome = await writeFollowing(state, begun.change, exchange.engine.timeouts);
    if (!outcome.gone) {
      written(exchange, state, begun, outcome.stored);
      if (mode.explicit && state.cookieWanted) askAgain(exchange, state);
      return;
    }
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
export function writeAtOnce(exchange: SessionRequest, state: SessionState, changes: FieldChanges | undefined): boolean {
  const atHand = isChangeAlone(state, changes) ? state.claim.atHand : undefined;
  if (atHand === undefined || exchange.headers.hasSessionLeft) return false;
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

/** So late an assignment has thrown already. An object that was changed in place is noticed only here. */
function tooLate(
  exchange: SessionRequest,
  state: SessionState,
  changes: FieldChanges | undefined,
  mode: StoreMode,
): void {
  if (mode.explicit) exchange.mustSendCookie('save()');
  publish('dropped', () => ({
    handle: state.key,
    keys: changes === undefined ? [] : keysOf(changes),
    reason: 'sealed',
  }));
}

/** A write, as it was when it began. */
interface BegunWrite {
  readonly startedMs: number;
  readonly change: RecordChange;
}

/** @throws SessError `SESSION_TOO_LARGE` */
function beginWrite({ engine }: SessionRequest, state: SessionState, changes: FieldChanges | undefined): BegunWrite {
  const startedMs = performance.now();
  if (changes !== undefined) assertChangeFits(state.fields, changes, engine.limits);
  return { startedMs, change: { at: engine.clock(), fields: changes, settings: state.changedSettings } };
}

/** The store has taken the change. */
function written(
  exchange: SessionRequest,
  state: SessionState,
  { startedMs, change: { fields: changes, settings } }: BegunWrite,
  stored: StoredSession,
): void {
  if (changes !== undefined) state.fields.wrote(changes);
  if (settings === state.changedSettings) state.changedSettings = undefined;
  state.adopt(stored);
  if (state.persistenceChanged) state.cookieWanted = true;
  if (state.cookieWanted || exchange.engine.carrier.holdsSession) exchange.headers.setCookie(state);
  state.persistenceChanged = false;
  state.touchWanted = state.isToBeAsked = false;
  publish('committed', () => ({
    handle: state.key,
    keys: changes === undefined ? [] : keysOf(changes),
    created: false,
    durationMs: performance.now() - startedMs,
  }));
}

function drop(state: SessionState, keys: readonly string[], reason: 'ended' | 'gone', mode: StoreMode): void {
  if (reason === 'gone' && state.standing !== 'gone') {
    state.standing = 'gone';
    publish('gone', () => ({ handle: state.key }));
  }
  if (mode.explicit) throw sessionGone();
  publish('dropped', () => ({ handle: state.key, keys, reason }));
}

function keysOf(changes: FieldChanges): string[] {
  return [...Object.keys(changes.set), ...Object.keys(changes.revise), ...changes.unset];
}
