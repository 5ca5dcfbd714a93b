import type { Engine } from './engine.ts';
import { SessError } from '../errors.ts';
import { assertKnownOptions } from '../known-options.ts';
import { publish } from '../events.ts';
import type { Exchange } from './exchange.ts';
import { Fields } from '../session/fields.ts';
import type { RegenerateOptions } from '../session/session.ts';
import { type Replaced, SessionState } from '../session/session-state.ts';
import type { SessionRecord } from '../store.ts';

/** The new session in memory. Nothing is stored: the store's part is {@link replaceOld}, at save or commit. */
export function regeneratedState(engine: Engine, old: SessionState, options: RegenerateOptions): SessionState {
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
    const kept: Record<string, string> = Object.create(null);
    for (const [key, text] of Object.entries(texts))
      if (keep === true || keep?.includes(key) === true) kept[key] = text;
    fresh.fields = new Fields(kept);
    // A rotation, as opposed to a login or a logout, goes on with the same session under another token.
    if (keep === true) {
      fresh.owner = old.owner;
      fresh.settings = old.settings;
    }
    if (owner === undefined && old.standing !== 'ended') fresh.createdAt = old.createdAt;
  }
  if (owner !== undefined) fresh.owner = owner;
  // Not for a rotation: it is no sign of who the user is.
  fresh.endsRivals = owner !== undefined || keep === undefined;
  fresh.replaces = replacedBy(old, keep ?? [], owner !== undefined || old.closing === 'destroyed');
  old.closing ??= 'replaced';
  return fresh;
}

/** Which record the new session has to destroy: the old one's, or the one that the old one was to replace. */
function replacedBy(old: SessionState, keep: true | readonly string[], survives: boolean): Replaced | undefined {
  const isDestroyed = old.closing === 'destroyed' && old.standing === 'gone' && old.replaces === undefined;
  if (old.standing === 'ended' || isDestroyed) return undefined;
  if (old.standing !== 'new') return { state: old, keep: old.closing === 'destroyed' ? [] : keep, survives };
  if (old.replaces === undefined) return undefined;
  const before = old.replaces.keep;
  return {
    state: old.replaces.state,
    keep: before === true ? keep : before.filter((key) => keep === true || keep.includes(key)),
    // A login that is rotated at once is still one.
    survives: survives || (old.replaces.survives && keep === true),
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
    const last = await previous.claim.store.destroy(previous.key, { endMarkerMs: engine.endMarkerMs });
    if (last === undefined && state.standing === 'stored' && !replaced.survives) {
      await state.claim.store.destroy(state.key);
      return false;
    }
    previous.standing = 'gone';
    replaced.last = last;
    // The browser has to know it whatever comes. Without data and owner there is no record: what is left is the cookie.
    if (state.standing === 'stored') exchange.headers.setCookie(state);
    else exchange.headers.clearCookie();
    publish('regenerated', () => ({ handle: state.key, previousHandle: previous.key }));
  }
  if (replaced.last !== undefined && state.standing === 'stored') await foldIn(engine, state, replaced, replaced.last);
  state.replaces = undefined;
  return true;
}

/** Others may have changed kept keys since this request read them. */
async function foldIn(
  engine: Engine,
  state: SessionState,
  { state: previous, keep }: Replaced,
  last: SessionRecord,
): Promise<void> {
  const set: Record<string, string> = Object.create(null);
  const unset: string[] = [];
  for (const key of new Set([...Object.keys(last.fields), ...previous.fields.storedKeys()])) {
    if (keep !== true && !keep.includes(key)) continue;
    const text = Object.hasOwn(last.fields, key) ? last.fields[key] : undefined;
    const before = previous.fields.storedText(key);
    // What this request made of the key wins, as the later write.
    const isChangedHere = state.fields.storedText(key) !== before;
    if (text === before || isChangedHere) continue;
    if (text === undefined) unset.push(key);
    else set[key] = text;
  }
  if (Object.keys(set).length === 0 && unset.length === 0) return;
  const times = state.timesAt(engine.clock(), engine.timeouts);
  await state.claim.store.update(state.key, { set, unset, ...times });
  // What a session that is replaced itself was read as tells the next one what has changed.
  if (state.closing !== undefined) return;
  for (const key of unset) state.fields.rebase(key, undefined);
  for (const [key, text] of Object.entries(set)) state.fields.rebase(key, text);
}
