import type { Claim } from '../cookie/claim.ts';
import { HEADER_LENGTH, cookieValues } from '../cookie/cookie.ts';
import { withDeadline } from '../deadline.ts';
import type { Engine } from './engine.ts';
import { SessError, isSessError } from '../errors.ts';
import { publish } from '../events.ts';
import { Exchange } from './exchange.ts';
import { isPastAbsolute } from '../expiry.ts';
import { SessionState } from '../session/session-state.ts';
import type { FormerSession } from '../former/former-sessions.ts';
import { type StoredSession, isEndMarker } from '../store.ts';
import { takeOver } from './take-over.ts';
import { type Found, isStored, readFollowing } from './successors.ts';

/** Each is a read of the store. No app has had more configurations than that; more values are an attack. */
const MOST_EXAMINED = 4;

/**
 * Opens the session that a `Cookie` header stands for. Synchronous, and without any work on the
 * store, where the header names none of ours or holds the session itself. Never rejects: a fault of the store is kept for the
 * first look at the session, so a request that never looks is not failed by it.
 */
export function openExchange(engine: Engine, cookieHeader: string | undefined): Exchange | Promise<Exchange> {
  const values = cookieValues(cookieHeader, engine.cookie.name);
  const [only, another] = values;
  if (only === undefined) {
    const length = cookieHeader?.length ?? 0;
    if (length > HEADER_LENGTH) engine.noteLongHeader(length);
    return openFormer(engine, cookieHeader);
  }
  if (another === undefined) return openOnly(engine, cookieHeader, verified(engine, only));
  const claims = distinctClaims(engine, values);
  return claims.length > 1 ? openSeveral(engine, claims) : openOnly(engine, cookieHeader, claims[0]);
}

function openOnly(
  engine: Engine,
  cookieHeader: string | undefined,
  claim: Claim | undefined,
): Exchange | Promise<Exchange> {
  return claim === undefined ? openFormer(engine, cookieHeader) : openClaim(engine, claim);
}

/** The browser has no cookie of ours. One of another library may stand for a session that is to be taken over. */
function openFormer(engine: Engine, cookieHeader: string | undefined): Exchange | Promise<Exchange> {
  const findings = engine.formerly.map((library) => library.find(cookieHeader)).filter((found) => found !== undefined);
  if (findings.length > 0) return openTakenOver(engine, cookieHeader, findings);
  engine.noteUnknownSigner(cookieHeader);
  return new Exchange(engine, undefined, undefined);
}

async function openTakenOver(
  engine: Engine,
  cookieHeader: string | undefined,
  findings: readonly (FormerSession | Promise<FormerSession | undefined>)[],
): Promise<Exchange> {
  const started = performance.now();
  let claim: Claim | undefined;
  try {
    const former = await firstGenuine(findings);
    if (former === undefined) engine.noteUnknownSigner(cookieHeader);
    claim = former && engine.carrier.claimOf?.(former.seed);
    if (former === undefined || claim === undefined) return new Exchange(engine, undefined, undefined);
    const opened = await withDeadline(takeOver(engine, former, claim), engine.openMs, 'Taking the session over');
    const exchange = openedExchange(engine, opened, started);
    exchange.headers.noteFormer(former.cookies);
    // Asked for with a touch: if a login, a rotation or a logout comes in between, this answer must not undo its cookie.
    if (exchange.state.standing === 'stored') exchange.state.cookieWanted = exchange.state.touchWanted = true;
    return exchange;
  } catch (error) {
    return new Exchange(engine, claim, faultOf(error));
  }
}

async function firstGenuine(
  findings: readonly (FormerSession | Promise<FormerSession | undefined>)[],
): Promise<FormerSession | undefined> {
  for (const finding of findings) {
    const former = await finding;
    if (former !== undefined) return former;
  }
  return undefined;
}

function openClaim(engine: Engine, claim: Claim): Exchange | Promise<Exchange> {
  return claim.atHand === undefined
    ? readExchange(engine, claim)
    : openedExchange(engine, { claim, found: claim.atHand.found }, performance.now());
}

/** What the valid ones among several values stand for. Forged values beside them do not matter. */
function distinctClaims(engine: Engine, values: readonly string[]): Claim[] {
  const claims = new Map<string, Claim>();
  for (const value of new Set(values)) {
    const claim = verified(engine, value);
    // Two states of one session are ambiguous too, where the cookie holds it.
    if (claim !== undefined) claims.set(engine.carrier.holdsSession ? value : claim.key, claim);
  }
  return [...claims.values()];
}

/**
 * Several valid values: an earlier configuration left one (another domain or path), or somebody planted one. If only one
 * of their sessions lives, it counts. If several live, nobody knows whose session this is, so none counts.
 */
function openSeveral(engine: Engine, claims: readonly Claim[]): Exchange | Promise<Exchange> {
  const [first] = claims;
  if (claims.length > MOST_EXAMINED) return ambiguousExchange(engine, claims);
  const started = performance.now();
  const atHand = claims.map((claim) => ({ claim, found: claim.atHand?.found }));
  if (engine.carrier.holdsSession) return onlyLiving(engine, atHand, started);
  const reading = claims.map((claim) => readBounded(engine, claim));
  return Promise.all(reading).then(
    (read) => onlyLiving(engine, read, started),
    (error: unknown) => new Exchange(engine, first, faultOf(error)),
  );
}

interface Examined {
  claim: Claim;
  found: Found;
}

function onlyLiving(engine: Engine, examined: readonly Examined[], started: number): Exchange {
  const living = examined.filter(({ found }) => isLiving(engine, found));
  if (living.length > 1)
    return ambiguousExchange(
      engine,
      living.map(({ claim }) => claim),
    );
  const chosen = living[0] ?? examined.find(({ found }) => found !== undefined && isEndMarker(found)) ?? examined[0];
  for (const { claim, found } of examined)
    if (found === undefined && claim !== chosen?.claim) publish('unknownCookie', () => ({ handle: claim.key }));
  if (chosen === undefined) return new Exchange(engine, undefined, undefined);
  const exchange = openedExchange(engine, chosen, started);
  exchange.headers.noteSeveral();
  return exchange;
}

function ambiguousExchange(engine: Engine, claims: readonly Claim[]): Exchange {
  publish('ambiguousCookie', () => ({ handles: claims.map(({ key }) => key) }));
  const exchange = new Exchange(engine, undefined, undefined);
  exchange.headers.noteSeveral();
  exchange.rivals = claims;
  return exchange;
}

function verified(engine: Engine, value: string): Claim | undefined {
  const claim = engine.carrier.verify(value);
  if (claim === undefined) publish('badSignature', () => ({ cookie: engine.cookie.name }));
  return claim;
}

async function readExchange(engine: Engine, claim: Claim): Promise<Exchange> {
  const started = performance.now();
  try {
    const examined = await readBounded(engine, claim);
    return openedExchange(engine, examined, started);
  } catch (error) {
    return new Exchange(engine, claim, faultOf(error));
  }
}

function readBounded(engine: Engine, claim: Claim): Promise<Examined> {
  const reading = readFollowing(claim);
  const isBounded = engine.carrier.boundMs <= engine.openMs;
  return isBounded ? reading : withDeadline(reading, engine.openMs, 'Opening the session');
}

function faultOf(error: unknown): SessError {
  return isSessError(error)
    ? error
    : new SessError('STORE_UNAVAILABLE', 'The session could not be opened.', { cause: error });
}

function isLiving({ clock, timeouts }: Engine, found: Found): found is StoredSession {
  return isStored(found) && !isPastAbsolute(clock(), found.record.createdAt, timeouts);
}

function openedExchange(engine: Engine, { claim, found }: Examined, started: number): Exchange {
  const isEnded = found !== undefined && isEndMarker(found);
  const isFound = isLiving(engine, found);
  const outcome = isFound ? 'found' : isEnded ? 'ended' : 'absent';
  publish('opened', () => ({ handle: claim.key, outcome, durationMs: performance.now() - started }));
  if (isFound)
    return new Exchange(engine, claim, new SessionState(engine.carrier, 'stored', found.record, claim, found));
  if (isEnded) {
    const ended = SessionState.empty(engine.carrier, 'ended', engine.clock(), engine.timeouts, claim);
    return new Exchange(engine, claim, ended);
  }
  publish('unknownCookie', () => ({ handle: claim.key }));
  // The next session gets a token of our making: one that the client brought is never adopted (CVE-2024-38513).
  return new Exchange(engine, claim, undefined);
}
