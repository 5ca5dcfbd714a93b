import type { Claim } from '../cookie/claim.ts';
import { keyOf } from '../cookie/token.ts';
import { SessError, isSessError } from '../errors.ts';
import { LONGEST_LIFETIME_MS, deadlineAt } from '../expiry.ts';
import type { FormerData, FormerSession } from '../former/former-sessions.ts';
import { setField } from '../record-fields.ts';
import type { FieldText, SessionRecord, SessionSettings } from '../store.ts';
import type { Engine } from './engine.ts';
import { type Found, isStored, readFollowing } from './successors.ts';
import { newWriteId } from './write-id.ts';

/** At least so long an old record counts that an old worker may have saved again. */
const OLD_RECORDS_LAST_MS = 30 * 86_400_000;

/** Browsers keep no cookie for longer (RFC 6265bis, section 5.5). */
const LONGEST_COOKIE_MS = 400 * 86_400_000;

/** How far other libraries let clocks differ. */
const SKEW_MS = 60_000;

interface Opened {
  readonly claim: Claim;
  readonly found: Found;
}

/**
 * Opens the session that a cookie of another library stands for. The first request makes a session of ours of it, under a
 * token that follows from the cookie, so that parallel requests, other workers and retries find the same one.
 *
 * A session is open only once a *taken marker* stands, an end marker under a key of its own. It is written after the old
 * record was removed, and says that the old cookie has nothing to give any more: else the old cookie would undo a logout
 * once the end marker of our session is gone, by a record that could not be removed or that an old worker saved again.
 *
 * @param claim of the token that follows from the cookie
 */
export async function takeOver(engine: Engine, former: FormerSession, claim: Claim): Promise<Opened> {
  const takenKey = keyOf(`taken over: ${former.seed}`);
  const [known, taken] = await Promise.all([readFollowing(claim), claim.store.read(takenKey)]);
  // Another request may have taken it over between the two reads.
  if (taken !== undefined) return known.found === undefined ? readFollowing(claim) : known;
  const opened = known.found === undefined ? await makeSession(engine, former, claim) : known;
  if (!isStored(opened.found)) return opened;
  if (former.remove !== undefined) await askOld(engine, 'remove a session', former.remove);
  const lasts = lastsMs(former, opened.found.record, engine.clock());
  await claim.store.destroy(takenKey, { endMarkerMs: lasts });
  return opened;
}

/** How long from now on the old cookie could still lead somewhere. */
function lastsMs({ lastsUntil, remove }: FormerSession, { settings }: SessionRecord, now: number): number {
  if (lastsUntil !== undefined) return Math.max(0, lastsUntil - now) + SKEW_MS;
  if (remove === undefined) return LONGEST_COOKIE_MS;
  return Math.min(Math.max(OLD_RECORDS_LAST_MS, settings?.idleTimeoutMs ?? 0), LONGEST_COOKIE_MS);
}

async function makeSession(engine: Engine, former: FormerSession, claim: Claim): Promise<Opened> {
  const began = performance.now();
  const old = await askOld(engine, 'read a session', former.read);
  // Another request may have taken it over since this one looked.
  if (old === undefined) return readFollowing(claim);
  const now = engine.clock();
  if (old.expiresAt !== undefined && old.expiresAt <= now) return { claim, found: undefined };
  // The session may have been taken over and logged out since this request looked, and its end marker be gone.
  if (performance.now() - began > engine.openMs)
    throw new SessError('STORE_TIMEOUT', 'The old session store took too long. The session stays where it is.');
  const record = recordOf(engine, old, now);
  const created = await claim.store.create(claim.key, record);
  // Another request was first: its session is the one.
  return created === undefined ? readFollowing(claim) : { claim, found: { record, version: created.version } };
}

/** A fault of the old store is a fault like one of ours: the browser keeps its cookie, and comes again. */
async function askOld<T>({ logError }: Engine, what: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const fault = isSessError(error)
      ? error
      : new SessError('STORE_UNAVAILABLE', `The old session store failed to ${what}, so it is not taken over.`, {
          cause: error,
        });
    logError(fault);
    throw fault;
  }
}

function recordOf({ timeouts }: Engine, old: FormerData, now: number): SessionRecord {
  const { data, owner, expiresAt = Infinity } = old;
  const settings = settingsOf(old.settings);
  const times = { createdAt: now, touchedAt: now };
  return {
    fields: textsOf(data),
    ...times,
    expiresAt: Math.min(expiresAt, deadlineAt(now, { ...times, settings }, timeouts)),
    ...(owner !== undefined && { owner }),
    ...(settings !== undefined && { settings }),
    writeIds: [newWriteId()],
  };
}

/** "For ever" was said there by numbers that are too large for a date. */
function settingsOf(settings: SessionSettings | undefined): SessionSettings | undefined {
  const idleTimeoutMs = settings?.idleTimeoutMs;
  return idleTimeoutMs === undefined
    ? settings
    : { ...settings, idleTimeoutMs: Math.min(idleTimeoutMs, LONGEST_LIFETIME_MS) };
}

function textsOf(data: FormerData['data']): Record<string, FieldText> {
  const texts: Record<string, FieldText> = {};
  for (const [key, value] of Object.entries(data)) {
    // `undefined`, functions and symbols are not JSON: the old library never stored them either.
    const text: unknown = JSON.stringify(value);
    if (typeof text === 'string') setField(texts, key, text);
  }
  return texts;
}
