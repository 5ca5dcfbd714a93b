import type { Claim } from '../cookie/claim.ts';
import { SessError } from '../errors.ts';
import { publish } from '../events.ts';
import type { Timeouts } from '../expiry.ts';
import type { FieldChanges } from '../record-change.ts';
import { Fields } from '../session/fields.ts';
import type { Replaced, SessionState } from '../session/session-state.ts';
import { type FieldText, type SessionSettings, type StoredSession, isEndMarker } from '../store.ts';
import type { Engine } from './engine.ts';
import type { SessionRequest } from './session-request.ts';
import { isStored, successorClaim, writeFollowing } from './successors.ts';

/**
 * Ends the record that this session replaces, when the new one holds all that is kept of it. Runs last before the headers
 * leave. Until the old record ends nobody knows of the new one, so the two are one session at every moment.
 *
 * @returns `false` when the old session had already ended elsewhere, and the new one with it: a
 * rotation must not outlive a logout. A login stays, and so does what follows this request's own logout, or has nothing of
 * the old session.
 */
export async function replaceOld(exchange: SessionRequest, state: SessionState, replaced: Replaced): Promise<boolean> {
  const { engine } = exchange;
  const previous = replaced.state;
  // An earlier regenerate stored its session, but did not end the one that it was to replace.
  if (previous.replaces !== undefined) await replaceOld(exchange, previous, previous.replaces);
  const end =
    state.standing === 'stored' ? await succeed(engine, state, replaced) : await endPrevious(engine, previous.claim);
  // Leaves an end marker: a request with the old cookie must get no new session while the answer is on its way.
  if (end === 'gone') await endPrevious(engine, previous.claim);
  // From here on the answer does not carry its cookie, if an earlier save() made that due.
  previous.standing = 'gone';
  if (end === 'gone' && !replaced.survives && goesOn(state, previous)) {
    await state.claim.store.destroy(state.key);
    return false;
  }
  // An object: until all is stored there this request still has a replacement to carry out, and its next try goes on.
  const isAlive = typeof end !== 'object' || (await joinRotation(engine, state, replaced, end));
  state.replaces = undefined;
  if (typeof end === 'object') return isAlive;
  // From here on the browser must learn of it. Without data and owner there is no record, so the cookie is cleared.
  if (state.standing === 'stored') exchange.headers.setCookie(state);
  else exchange.headers.clearCookie();
  publish('regenerated', () => ({ handle: state.key, previousHandle: previous.key }));
  return true;
}

/**
 * Whether a session is the old one under another token: an app that rotates by hand carries its keys over. A login that
 * names no owner (passport's) has others than the visitor had: it counts, also where a double click has sent it twice.
 */
function goesOn({ owner, fields }: SessionState, { fields: before }: SessionState): boolean {
  // `cookie` is what express-session's sessions have: attributes, and no data.
  const old = new Set([...before.keys(), ...before.storedKeys()].filter((key) => key !== 'cookie'));
  return owner !== undefined || fields.keys().some((key) => old.has(key));
}

/** Ends the old session as a logout does: nothing comes in its place. */
async function endPrevious(engine: Engine, { store, key }: Claim): Promise<'ended'> {
  const found = await store.destroy(key, { endMarkerMs: engine.endMarkerMs });
  const next =
    found !== undefined && isEndMarker(found) && found.successor?.by === 'rotated' ? found.successor : undefined;
  return next === undefined ? 'ended' : endPrevious(engine, successorClaim({ store }, next.key));
}

/** The session that another rotation has put in the old one's place. */
interface Joined {
  readonly claim: Claim;
  readonly stored: StoredSession;
}

/** A replacement that keeps losing against other writers gives up after this long, about when its caller does. */
const GIVE_UP_AFTER_MS = 2_000;

/**
 * Puts the new session in the place of the old one, as that is now: what others have changed is taken over before.
 *
 * @returns `'gone'` where the old one had ended; the session that another rotation has put in its place, if this is one
 * too, since one session has one next token
 */
async function succeed(
  { endMarkerMs, clock, timeouts }: Engine,
  state: SessionState,
  replaced: Replaced,
): Promise<'ended' | 'gone' | Joined> {
  const previous = replaced.state;
  // An earlier try has joined another rotation, and could not store all.
  if (replaced.by === 'rotated' && state.claim.isSuccessor && state.stored !== undefined)
    return { claim: state.claim, stored: state.stored };
  noteOwnChanges(state, replaced);
  let { claim } = previous;
  let stored = claim.isSuccessor ? undefined : (replaced.taken ?? previous.stored);
  for (const started = performance.now(); performance.now() - started < GIVE_UP_AFTER_MS;) {
    if (stored !== undefined) {
      await takeOver(state, replaced, stored, { at: clock(), timeouts });
      const successor = { key: state.key, by: replaced.by };
      const outcome = await claim.store.replace(claim.key, stored.version, { successor, endMarkerMs });
      if (outcome.verdict === 'replaced') return 'ended';
      stored = outcome.verdict === 'conflict' ? outcome.stored : undefined;
      if (stored !== undefined) continue;
    }
    const marker = await claim.store.read(claim.key);
    // An update of this request has followed another rotation already.
    if (isStored(marker) && claim.isSuccessor && replaced.by === 'rotated') return { claim, stored: marker };
    if (isStored(marker)) stored = marker;
    else if (marker?.successor?.key === state.key) return 'ended';
    else if (marker?.successor?.by !== 'rotated') return 'gone';
    else {
      claim = successorClaim(claim, marker.successor.key);
      const next = await claim.store.read(claim.key);
      if (isStored(next) && replaced.by === 'rotated') return { claim, stored: next };
      stored = isStored(next) ? next : undefined;
    }
  }
  throw new SessError('SESSION_CONFLICT', 'The session was changed again and again while it was replaced; try again.');
}

/** What the request has changed, before the first try and since the one before this. */
function noteOwnChanges(state: SessionState, replaced: Replaced): void {
  const { state: previous, taken, own } = replaced;
  const known = taken === undefined ? previous.fields : new Fields(taken.record.fields);
  const settings = newSettings((taken ?? previous.stored)?.record.settings, state.settings);
  replaced.own = {
    keys: new Set([...(own?.keys ?? []), ...changedKeys(known, state.fields)]),
    settings: settings === undefined ? own?.settings : { ...own?.settings, ...settings },
  };
}

/** Others may have changed kept keys, and settings, since this request read them, or took them over last. */
async function takeOver(
  state: SessionState,
  replaced: Replaced,
  now: StoredSession,
  { at, timeouts }: { at: number; timeouts: Timeouts },
): Promise<void> {
  const { state: previous, keep, own, taken } = replaced;
  if (taken === now || (keep !== true && keep.length === 0)) return;
  // Not with what the old session's last write found in the store: the request has not read what others had written.
  const old = taken === undefined ? previous.fields : new Fields(taken.record.fields);
  const last = new Fields(now.record.fields);
  const isKept = (key: string): boolean => keep === true || keep.includes(key);
  // A key that this request changed stays as it is: this is the later write.
  const keys = [...changedKeys(old, last)].filter((key) => isKept(key) && own?.keys.has(key) !== true);
  const fields = changesTo(last, keys);
  const before = taken ?? previous.stored;
  const others = keep === true ? newSettings(before?.record.settings, now.record.settings) : undefined;
  if (fields === undefined && others === undefined) {
    replaced.taken = now;
    return;
  }
  const settings = others && { ...others, ...own?.settings };
  const outcome = await writeFollowing(state, { at, fields, settings }, timeouts);
  // If this session was replaced in turn, it keeps what was read: the next one compares with that.
  if (state.closing !== undefined || outcome.gone) return;
  replaced.taken = now;
  state.adopt(outcome.stored);
  for (const key of keys) state.fields.rebase(key, last.storedText(key));
}

/**
 * Another request has rotated the session first. Its token is the next one, so this request's own is given up, and what
 * the request changed goes to the one session.
 *
 * @returns `false` when that session has ended too
 */
async function joinRotation(
  { clock, timeouts }: Engine,
  state: SessionState,
  { own }: Replaced,
  { claim, stored }: Joined,
): Promise<boolean> {
  if (state.key !== claim.key) {
    await state.claim.store.destroy(state.key);
    state.moveTo(claim, stored);
  }
  const fields = changesTo(state.fields, [...(own?.keys ?? [])]);
  const settings = own?.settings;
  if (fields === undefined && settings === undefined) return true;
  const outcome = await writeFollowing(state, { at: clock(), fields, settings }, timeouts);
  if (outcome.gone) return false;
  state.adopt(outcome.stored);
  return true;
}

/** The keys whose stored texts differ. */
function changedKeys(before: Fields, after: Fields): Set<string> {
  const keys = new Set([...before.storedKeys(), ...after.storedKeys()]);
  for (const key of keys) if (after.storesSame(key, before)) keys.delete(key);
  return keys;
}

/** The change that makes these keys what they are there. */
function changesTo(fields: Fields, keys: readonly string[]): FieldChanges | undefined {
  if (keys.length === 0) return undefined;
  const set: Record<string, FieldText> = Object.create(null);
  const unset: string[] = [];
  for (const key of keys) {
    const text = fields.storedText(key);
    if (text === undefined) unset.push(key);
    else set[key] = text;
  }
  return { set, unset, revise: {} };
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
