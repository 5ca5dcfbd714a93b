import { SessError } from '../errors.ts';
import { assertKnownOptions } from '../known-options.ts';
import { deviceLabel, nameDevice } from '../session/device-label.ts';
import { Fields } from '../session/fields.ts';
import type { RegenerateOptions } from '../session/session.ts';
import { type Replaced, SessionState } from '../session/session-state.ts';
import type { FieldText, Successor } from '../store.ts';
import type { Engine } from './engine.ts';
import { endedError, sessionGone } from './too-late-errors.ts';

/** The new session in memory. Nothing is stored: the store's part is `replaceOld`, at save or commit. */
export function regeneratedState(
  engine: Engine,
  old: SessionState,
  options: RegenerateOptions,
  by: Successor['by'],
): SessionState {
  assertKnownOptions('regenerate()', options, ['owner', 'label', 'keep']);
  const { owner, keep } = options;
  const label = deviceLabel(options.label);
  // `{ owner: undefined }` is refused too: a login without its user would be missed when all of theirs are ended.
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
  if (label !== undefined) nameDevice(fresh, label);
  // Not at a rotation: it does not show who the user is.
  fresh.endsRivals = owner !== undefined || keep === undefined;
  fresh.replaces = replacedBy(old, keep ?? [], owner !== undefined || old.closing === 'destroyed', by);
  old.closing ??= 'replaced';
  return fresh;
}

/**
 * Whether a rotation has anything to do: a session that has no token yet, or got its own just now, stays as it is.
 *
 * @throws SessError `SESSION_ENDED`, `SESSION_GONE`
 */
export function needsRotation(state: SessionState): boolean {
  if (state.closing !== undefined) throw endedError(state.closing, 'rotate()');
  if (state.standing === 'ended' || state.standing === 'gone') throw sessionGone();
  return state.standing === 'stored' && !state.claim.isSuccessor;
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
