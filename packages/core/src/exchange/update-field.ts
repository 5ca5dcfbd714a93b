import { SessError } from '../errors.ts';
import { publish } from '../events.ts';
import { replaceOld } from './replace-session.ts';
import type { SessionRequest } from './session-request.ts';
import type { FieldUpdate } from '../record-change.ts';
import { stringOf } from '../record-fields.ts';
import { decodeField, encodeField } from '../session/field-text.ts';
import { assertFits } from '../session/limits.ts';
import { assertDataKey } from '../session/reserved-keys.ts';
import type { SessionState } from '../session/session-state.ts';
import { askAgain } from './store-session.ts';
import { sessionGone } from './too-late-errors.ts';
import { writeFollowing } from './successors.ts';

/** `session.update(key, fn)`: read, change and write of one key as one step, whoever else changes it. */
export async function updateField(
  exchange: SessionRequest,
  state: SessionState,
  key: string,
  fn: (current: unknown) => unknown,
  before: Promise<unknown> | undefined,
): Promise<unknown> {
  assertDataKey(key);
  if (typeof fn !== 'function')
    throw new SessError(
      'CONFIG_INVALID',
      'session.update(key, fn) takes a function from the current value to the new one.',
    );
  // Also after the answer: an update does not need a commit, unless the session needs a cookie.
  exchange.mustStayOpen(state, key);
  if (before !== undefined) {
    await before;
    exchange.mustStayOpen(state, key);
  }
  if (state.standing === 'stored' && state.replaces !== undefined) {
    // A save() stored the new session, and failed to end the old one: until that is done nobody else writes to the new one.
    exchange.mustSendCookie(key);
    const { by } = state.replaces;
    if (!(await replaceOld(exchange, state, state.replaces))) throw sessionGone();
    if (by === 'rotated') askAgain(exchange, state);
  }
  const target = state.standing === 'new' ? rotatedFrom(state, key) : state;
  if (target === undefined) return updateLocally(state, key, fn);
  if (target.standing !== 'stored') throw sessionGone();
  if (state.fields.isChanged(key)) {
    throw new SessError(
      'UPDATE_PENDING',
      `session.update("${key}") while the key has a change that is not stored. Use update() for all changes of this key, or save() before it.`,
    );
  }
  return storeUpdate(exchange, state, target, key, fn);
}

/** The session is not stored: nobody else can change it. */
function updateLocally(state: SessionState, key: string, fn: (current: unknown) => unknown): unknown {
  const value = fn(state.fields.get(key));
  if (value !== undefined) encodeField(key, value);
  state.fields.set(key, value);
  return value;
}

/**
 * Until a rotation is carried out the store holds the session under its old key. There an update meets those of other
 * requests. Not where this request has changed the key: then it goes on with that.
 */
function rotatedFrom({ replaces, fields }: SessionState, key: string): SessionState | undefined {
  if (replaces?.by !== 'rotated' || fields.isChanged(key)) return undefined;
  const old = replaces.state;
  const isWhole = old.standing === 'stored' && old.replaces === undefined;
  return isWhole && fields.storesSame(key, old.fields) ? old : undefined;
}

/** @param target where the session is stored; `state` itself, but between `rotate()` and the commit */
async function storeUpdate(
  exchange: SessionRequest,
  state: SessionState,
  target: SessionState,
  key: string,
  fn: (current: unknown) => unknown,
): Promise<unknown> {
  state.fields.detach(key);

  const { engine } = exchange;
  const started = performance.now();
  let result: unknown;
  const update: FieldUpdate = {
    key,
    revise(text) {
      result = fn(text === undefined ? undefined : decodeField(key, text));
      if (result === undefined) return undefined;
      const next = encodeField(key, result);
      assertFits({ ...state.fields.texts(), [key]: next }, engine.limits);
      return next;
    },
  };
  const change = { at: engine.clock(), update };
  const outcome = await writeFollowing(target, change, engine.timeouts);
  if (outcome.gone) {
    // A replaced one stays as it was: what a logout of this request ends is found by it.
    if (target === state) state.standing = 'gone';
    publish('gone', () => ({ handle: target.key }));
    throw sessionGone();
  }
  const isLost = state.fields.isRevised(key);
  const { fields } = outcome.stored.record;
  const text = Object.hasOwn(fields, key) ? fields[key] : undefined;
  for (const { fields: known } of new Set([state, target]))
    known.rebase(key, text === undefined ? undefined : stringOf(text));
  target.adopt(outcome.stored);
  if (target !== state && target.settings !== undefined)
    state.settings = { ...target.settings, ...state.changedSettings };
  if (engine.carrier.holdsSession) exchange.headers.setCookie(state);
  publish('committed', () => ({
    handle: target.key,
    keys: [key],
    created: false,
    durationMs: performance.now() - started,
  }));
  if (isLost) {
    throw new SessError(
      'UPDATE_PENDING',
      `session.${key} was changed in place while session.update("${key}") ran. The update is stored, that change is not. Await the update first.`,
    );
  }
  return result;
}
