import type { Engine } from './engine.ts';
import { SessError } from '../errors.ts';
import { assertKnownOptions } from '../known-options.ts';
import { publish } from '../events.ts';
import type { Exchange } from './exchange.ts';
import { Fields } from '../session/fields.ts';
import type { RegenerateOptions } from '../session/session.ts';
import { type Replaced, SessionState } from '../session/session-state.ts';
import type { FieldChanges } from '../record-change.ts';
import { stringOf } from '../record-fields.ts';
import {
  type EndMarker,
  type FieldText,
  type SessionRecord,
  type SessionSettings,
  type Successor,
  isEndMarker,
} from '../store.ts';
import { endReplaced, isStored, readFollowing, successorClaim, writeFollowing } from './successors.ts';

/** The new session in memory. Nothing is stored: the store's part is {@link replaceOld}, at save or commit. */
export function regeneratedState(
  engine: Engine,
  old: SessionState,
  options: RegenerateOptions,
  by: Successor['by'],
): SessionState {
  assertKnownOptions('regenerate()', options, ['owner', 'keep']);
  const { owner, keep } = options;
  // Also `undefined`, where it is named: a login without its user would be missed when all of theirs are ended.
  if ('owner' in options && (typeof owner !== 'string' || owner === '')) {
    throw new SessError(
      'CONFIG_INVALID',
      'regenerate({ owner }) takes a text that is not empty: the id of the user who logged in, a number as String(id). Leave it out where nobody logs in.',
    );
  }
  // Of a text, `includes` would find parts of names.
  if (keep !== undefined && keep !== true && !Array.isArray(keep))
    throw new SessError('CONFIG_INVALID', 'regenerate({ keep }) takes true for all data, or a list of keys.');
  const fresh = SessionState.empty(engine.carrier, 'new', engine.clock(), engine.timeouts);
  if (old.closing === undefined) {
    const texts = old.fields.texts();
    const kept: Record<string, FieldText> = Object.create(null);
    for (const [key, text] of Object.entries(texts))
      if (keep === true || keep?.includes(key) === true) kept[key] = text;
    fresh.fields = new Fields(kept);
    // With all its data a session goes on as the same one, under another token.
    if (keep === true) {
      fresh.owner = old.owner;
      fresh.settings = old.settings;
    }
    if (owner === undefined && old.standing !== 'ended') fresh.createdAt = old.createdAt;
  }
  if (owner !== undefined) fresh.owner = owner;
  // Not for a rotation: it is no sign of who the user is.
  fresh.endsRivals = owner !== undefined || keep === undefined;
  fresh.replaces = replacedBy(old, keep ?? [], owner !== undefined || old.closing === 'destroyed', by);
  old.closing ??= 'replaced';
  return fresh;
}

/** Which record the new session has to destroy: the old one's, or the one that the old one was to replace. */
function replacedBy(
  old: SessionState,
  keep: true | readonly string[],
  survives: boolean,
  by: Successor['by'],
): Replaced | undefined {
  const isDestroyed = old.closing === 'destroyed' && old.standing === 'gone' && old.replaces === undefined;
  if (old.standing === 'ended' || isDestroyed) return undefined;
  if (old.standing !== 'new') return { state: old, keep: old.closing === 'destroyed' ? [] : keep, survives, by };
  if (old.replaces === undefined) return undefined;
  const before = old.replaces.keep;
  return {
    state: old.replaces.state,
    keep: before === true ? keep : before.filter((key) => keep === true || keep.includes(key)),
    // A login that is rotated at once is still one.
    survives: survives || (old.replaces.survives && keep === true),
    by: old.replaces.by === 'rotated' ? by : old.replaces.by,
  };
}

/**
 * Destroys the record that this session replaces, and takes over what parallel requests changed in
 * it until that moment. Runs last before the headers leave, when the new record is stored.
 *
 * @returns `false` when the old session had already ended elsewhere, and the new one with it: a
 * rotation must not outlive a logout. A login stays, and so does what follows this request's own logout.
 */
export async function replaceOld(exchange: Exchange, state: SessionState, replaced: Replaced): Promise<boolean> {
  const { engine } = exchange;
  const previous = replaced.state;
  // A regenerate before this one came as far as to store its session: what that was to replace is there still.
  if (previous.replaces !== undefined) await replaceOld(exchange, previous, previous.replaces);
  if (replaced.last === undefined) {
    const left = await endPrevious(engine, state, replaced);
    if (left === undefined && state.standing === 'stored' && !replaced.survives) {
      await state.claim.store.destroy(state.key);
      return false;
    }
    previous.standing = 'gone';
    if (left !== undefined && isEndMarker(left) && left.successor?.key !== state.key)
      return joinRotation(engine, state, previous, left);
    if (left !== undefined && !isEndMarker(left)) replaced.last = left;
    // The browser has to know it whatever comes. Without data and owner there is no record: what is left is the cookie.
    if (state.standing === 'stored') exchange.headers.setCookie(state);
    else exchange.headers.clearCookie();
    publish('regenerated', () => ({ handle: state.key, previousHandle: previous.key }));
  }
  if (replaced.last !== undefined && state.standing === 'stored') await foldIn(engine, state, replaced, replaced.last);
  state.replaces = undefined;
  return true;
}

function endPrevious(
  { endMarkerMs }: Engine,
  state: SessionState,
  { state: previous, by }: Replaced,
): Promise<SessionRecord | EndMarker | undefined> {
  const options = state.standing === 'stored' ? { endMarkerMs, successor: { key: state.key, by } } : { endMarkerMs };
  return endReplaced(previous.claim, options, by === 'rotated');
}

/**
 * Another request has rotated the session first. Its token is the next one, so this request's own is given up, and what
 * the request changed goes to the one session.
 *
 * @returns `false` when that session has ended too
 */
async function joinRotation(
  engine: Engine,
  state: SessionState,
  previous: SessionState,
  { successor }: EndMarker,
): Promise<boolean> {
  state.replaces = undefined;
  await state.claim.store.destroy(state.key);
  if (successor === undefined) return false;
  const { claim, found } = await readFollowing(successorClaim(previous.claim, successor.key));
  if (!isStored(found)) return false;
  state.moveTo(claim, found);
  const fields = changesBetween(previous.fields, state.fields, [
    ...previous.fields.storedKeys(),
    ...state.fields.storedKeys(),
  ]);
  if (fields === undefined) return true;
  const outcome = await writeFollowing(state, { at: engine.clock(), fields }, engine.timeouts);
  if (outcome.gone) return false;
  state.adopt(outcome.stored);
  return true;
}

/** Others may have changed kept keys, and settings, since this request read them. */
async function foldIn(
  engine: Engine,
  state: SessionState,
  { state: previous, keep }: Replaced,
  last: SessionRecord,
): Promise<void> {
  const names = [...Object.keys(last.fields), ...previous.fields.storedKeys()].filter(
    // What this request made of the key wins, as the later write.
    (key) => (keep === true || keep.includes(key)) && state.fields.storedText(key) === previous.fields.storedText(key),
  );
  const fields = changesBetween(previous.fields, new Fields(last.fields), names);
  const settings = keep === true ? newSettings(previous.stored?.record.settings, last.settings) : undefined;
  if (fields === undefined && settings === undefined) return;
  const outcome = await writeFollowing(state, { at: engine.clock(), fields, settings }, engine.timeouts);
  // What a session that is replaced itself was read as tells the next one what has changed.
  if (state.closing !== undefined || outcome.gone) return;
  state.adopt(outcome.stored);
  for (const key of fields?.unset ?? []) state.fields.rebase(key, undefined);
  for (const [key, text] of Object.entries(fields?.set ?? {})) state.fields.rebase(key, stringOf(text));
}

/** How the stored texts of these keys differ, or `undefined` where they do not. */
function changesBetween(before: Fields, after: Fields, keys: readonly string[]): FieldChanges | undefined {
  const set: Record<string, FieldText> = Object.create(null);
  const unset: string[] = [];
  for (const key of new Set(keys)) {
    const text = after.storedText(key);
    if (text === before.storedText(key)) continue;
    if (text === undefined) unset.push(key);
    else set[key] = text;
  }
  return Object.keys(set).length === 0 && unset.length === 0 ? undefined : { set, unset, revise: {} };
}

function newSettings(
  before: SessionSettings | undefined,
  after: SessionSettings | undefined,
): SessionSettings | undefined {
  const changed: SessionSettings = {};
  if (after?.idleTimeoutMs !== undefined && after.idleTimeoutMs !== before?.idleTimeoutMs)
    changed.idleTimeoutMs = after.idleTimeoutMs;
  if (after?.persistent !== undefined && after.persistent !== before?.persistent) changed.persistent = after.persistent;
  return Object.keys(changed).length === 0 ? undefined : changed;
}
