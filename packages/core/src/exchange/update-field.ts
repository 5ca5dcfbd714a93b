import { SessError } from '../errors.ts';
import { publish } from '../events.ts';
import type { SessionRequest } from './session-request.ts';
import type { FieldUpdate } from '../record-change.ts';
import { stringOf } from '../record-fields.ts';
import { decodeField, encodeField } from '../session/field-text.ts';
import { assertFits } from '../session/limits.ts';
import { assertDataKey } from '../session/reserved-keys.ts';
import type { SessionState } from '../session/session-state.ts';
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
  if (state.standing === 'new') {
    const value = fn(state.fields.get(key));
    if (value !== undefined) encodeField(key, value);
    state.fields.set(key, value);
    return value;
  }
  if (state.standing !== 'stored') throw sessionGone();
  if (state.fields.isChanged(key)) {
    throw new SessError(
      'UPDATE_PENDING',
      `session.update("${key}") while the key has a change that is not stored. Use update() for all changes of this key, or save() before it.`,
    );
  }
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
  const outcome = await writeFollowing(state, change, engine.timeouts);
  if (outcome.gone) {
    state.standing = 'gone';
    publish('gone', () => ({ handle: state.key }));
    throw sessionGone();
  }
  const isLost = state.fields.isRevised(key);
  const { fields } = outcome.stored.record;
  const text = Object.hasOwn(fields, key) ? fields[key] : undefined;
  state.fields.rebase(key, text === undefined ? undefined : stringOf(text));
  state.adopt(outcome.stored);
  if (engine.carrier.holdsSession) exchange.headers.setCookie(state);
  publish('committed', () => ({
    handle: state.key,
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
