import type { Claim } from '../cookie/claim.ts';
import { publish } from '../events.ts';
import type { Timeouts } from '../expiry.ts';
import type { RecordChange } from '../record-change.ts';
import type { SessionState } from '../session/session-state.ts';
import { type DestroyOptions, type EndMarker, type SessionKey, type StoredSession, isEndMarker } from '../store.ts';
import { queueWrite } from './queue-write.ts';
import type { WriteOutcome } from './write-queue.ts';

/** Rotations that are followed one after the other within the life of an end marker. More are a loop. */
const MOST_STEPS = 16;

/** What the store holds under a claim's key. */
export type Found = StoredSession | EndMarker | undefined;

export function isStored(found: Found): found is StoredSession {
  return found !== undefined && !isEndMarker(found);
}

/** The session that another request has put in a session's place. Its token is on its way to the browser, not here. */
export function successorClaim({ store }: Pick<Claim, 'store'>, key: SessionKey): Claim {
  return {
    key,
    store,
    atHand: undefined,
    isSuccessor: true,
    cookieValue() {
      throw new Error('The token of a successor is known only to the request that made it.');
    },
  };
}

/** Reads a session: under its own key, or where it was rotated to. A successor of a login is never followed. */
export async function readFollowing(claim: Claim): Promise<{ claim: Claim; found: Found }> {
  let at = claim;
  for (let steps = 0; ; steps += 1) {
    const found = await at.store.read(at.key);
    if (isStored(found) || found?.successor?.by !== 'rotated' || steps === MOST_STEPS) return { claim: at, found };
    at = successorClaim(at, found.successor.key);
  }
}

/** Writes a change of a session: under its own key, or where it was rotated to meanwhile. */
export async function writeFollowing(
  state: SessionState,
  change: RecordChange,
  timeouts: Timeouts,
): Promise<WriteOutcome> {
  for (let steps = 0; ; steps += 1) {
    const { claim, stored } = state;
    const outcome = await queueWrite(claim.store, claim.key, stored, change, timeouts);
    // A watch may have moved the session on meanwhile: what was written is under the key that it had.
    if (!outcome.gone && state.claim !== claim) state.moveTo(claim, outcome.stored);
    if (!outcome.gone || claim.atHand !== undefined || steps === MOST_STEPS) return outcome;
    const moved = await readFollowing(claim);
    if (moved.claim === claim || !isStored(moved.found)) return outcome;
    state.moveTo(moved.claim, moved.found);
  }
}

/** A logout: ends the session, and what another request has put in its place. */
export async function endWithSuccessors(claim: Claim, options: DestroyOptions): Promise<void> {
  let at: Claim | undefined = claim;
  for (let steps = 0; at !== undefined && steps <= MOST_STEPS; steps += 1) {
    at = await endOne(at, options);
  }
}

/** @returns the claim of what another request had put in its place */
async function endOne(claim: Claim, options: DestroyOptions): Promise<Claim | undefined> {
  const found = await claim.store.destroy(claim.key, options);
  if (found === undefined) return undefined;
  if (isEndMarker(found)) return found.successor && successorClaim(claim, found.successor.key);
  publish('destroyed', () => ({ handle: claim.key, by: 'request' }));
  return undefined;
}
