import type { Engine } from './engine.ts';
import { publish } from '../events.ts';
import type { SessionState } from '../session/session-state.ts';
import { sealed } from './too-late-errors.ts';

/**
 * A change behind the end of the answer.
 * @returns `false`
 * @throws SessError outside production `SESSION_SEALED`
 */
export function refuseSealed({ production }: Engine, state: SessionState, what: string): false {
  publish('dropped', () => ({ handle: state.knownKey, keys: [what], reason: 'sealed' }));
  if (production) return false;
  throw sealed(what);
}

/** What was changed, and not saved, when the client went away. */
export function dropAbandoned(state: SessionState | undefined, handle: string | undefined): void {
  const keys = state?.closing === undefined ? state?.fields.changedKeys() : undefined;
  if (keys === undefined || keys.length === 0) return;
  publish('dropped', () => ({ handle, keys, reason: 'abandoned' }));
}
