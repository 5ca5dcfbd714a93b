import { SessError } from '../errors.ts';
import type { Session } from '../session/session.ts';
import { hostOf } from '../session/session-object.ts';
import type { SessionState } from '../session/session-state.ts';
import type { SessionKey } from '../store.ts';

/**
 * The sessions that are to replace stored ones, by the handle that the app was given: an app that regenerates and then
 * revokes all but `session.handle` names a session that is not stored yet, and the stored one has another handle.
 *
 * Held weakly: they go with their request.
 */
export class PendingReplacements {
  readonly #states = new Map<SessionKey, WeakRef<SessionState>>();
  readonly #gone = new FinalizationRegistry<SessionKey>((key) => this.#states.delete(key));

  /** Called when the app asks for the handle of a session that is to replace another one. */
  note(state: SessionState): void {
    if (this.#states.has(state.key)) return;
    this.#states.set(state.key, new WeakRef(state));
    this.#gone.register(state, state.key);
  }

  find(handle: SessionKey): SessionState | undefined {
    return this.#states.get(handle)?.deref();
  }
}

/**
 * What a revocation of all leaves alone: the session, and what it replaces. Asked again for each key that is about to be
 * ended: the request may store its session meanwhile, or get another token for it.
 */
export function sparedBy(
  replacements: PendingReplacements,
  except: Session | string | undefined,
): () => readonly SessionKey[] {
  if (except === undefined) return () => [];
  const state = typeof except === 'string' ? replacements.find(except) : stateOf(except);
  return () => (typeof except === 'string' ? [except, ...keysCarriedBy(state)] : keysCarriedBy(state));
}

function keysCarriedBy(state: SessionState | undefined): SessionKey[] {
  const keys: SessionKey[] = [];
  for (let carried = state; carried !== undefined; carried = carried.replaces?.state)
    if (carried.knownKey !== undefined) keys.push(carried.knownKey);
  return keys;
}

/** The request's session now: an object from before a regenerate means the same visitor. */
function stateOf(session: Session): SessionState {
  try {
    return hostOf(session).state;
  } catch (error) {
    throw new SessError('CONFIG_INVALID', 'revokeAll({ except }) takes a session, or its handle.', { cause: error });
  }
}
