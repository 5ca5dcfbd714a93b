import type { Claim } from '../cookie/claim.ts';
import { cookieValues } from '../cookie/cookie.ts';
import { withDeadline } from '../deadline.ts';
import type { Engine } from './engine.ts';
import { SessError, isSessError } from '../errors.ts';
import { publish } from '../events.ts';
import { Exchange } from './exchange.ts';
import { isPastAbsolute } from '../expiry.ts';
import { SessionState } from '../session/session-state.ts';
import type { SessionRecord } from '../store.ts';

/**
 * Opens the session that a `Cookie` header stands for. Synchronous, and without any work on the
 * store, where the header names none of ours or holds the session itself. Never rejects: a fault of the store is kept for the
 * first look at the session, so a request that never looks is not failed by it.
 */
export function openExchange(engine: Engine, cookieHeader: string | undefined): Exchange | Promise<Exchange> {
  const values = cookieValues(cookieHeader, engine.cookie.name);
  const claim = values.length === 0 ? undefined : soleClaim(engine, values);
  if (claim === undefined) return new Exchange(engine, undefined, undefined);
  return claim.atHand === undefined
    ? readExchange(engine, claim)
    : openedExchange(engine, claim, claim.atHand.record, performance.now());
}

/**
 * The one session that the cookies stand for. Forged values beside it do not matter; several valid
 * ones do: somebody tossed a cookie, and whose session this is can not be known.
 */
function soleClaim(engine: Engine, values: readonly string[]): Claim | undefined {
  const [only, another] = values;
  if (only !== undefined && another === undefined) return verified(engine, only);
  const claims = new Map<string, Claim>();
  for (const value of new Set(values)) {
    const claim = verified(engine, value);
    // Two states of one session are ambiguous too, where the cookie holds it.
    if (claim !== undefined) claims.set(engine.carrier.holdsSession ? value : claim.key, claim);
  }
  if (claims.size > 1) publish('ambiguousCookie', () => ({ handles: [...claims.values()].map(({ key }) => key) }));
  const [claim] = claims.values();
  return claims.size === 1 ? claim : undefined;
}

function verified(engine: Engine, value: string): Claim | undefined {
  const claim = engine.carrier.verify(value);
  if (claim === undefined) publish('badSignature', () => ({ cookie: engine.cookie.name }));
  return claim;
}

async function readExchange(engine: Engine, claim: Claim): Promise<Exchange> {
  const started = performance.now();
  try {
    const reading = claim.store.read(claim.key);
    const isBounded = engine.carrier.boundMs <= engine.openMs;
    const record = await (isBounded ? reading : withDeadline(reading, engine.openMs, 'Opening the session'));
    return openedExchange(engine, claim, record, started);
  } catch (error) {
    const fault = isSessError(error)
      ? error
      : new SessError('STORE_UNAVAILABLE', 'The session could not be opened.', { cause: error });
    return new Exchange(engine, claim, fault);
  }
}

/** @param record what the store said of the claim's key */
function openedExchange(
  engine: Engine,
  claim: Claim,
  record: SessionRecord | 'ended' | undefined,
  started: number,
): Exchange {
  const now = engine.clock();
  const found = record !== undefined && record !== 'ended' && !isPastAbsolute(now, record.createdAt, engine.timeouts);
  const outcome = found ? 'found' : record === 'ended' ? 'ended' : 'absent';
  publish('opened', () => ({ handle: claim.key, outcome, durationMs: performance.now() - started }));
  if (found) return new Exchange(engine, claim, new SessionState(engine.carrier, 'stored', record, claim));
  if (record === 'ended')
    return new Exchange(engine, claim, SessionState.empty(engine.carrier, 'ended', now, engine.timeouts, claim));
  publish('unknownCookie', () => ({ handle: claim.key }));
  // The next session gets a token of our making: one that the client brought is never adopted (CVE-2024-38513).
  return new Exchange(engine, claim, undefined);
}
