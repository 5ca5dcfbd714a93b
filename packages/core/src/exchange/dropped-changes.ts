import type { Engine } from './engine.ts';
import type { SessError } from '../errors.ts';
import { publish } from '../events.ts';
import type { SessionState } from '../session/session-state.ts';
import { sealed } from './too-late-errors.ts';

/**
 * A change after the end of the answer. `save()` rejects for it, until `reload()` begins anew.
 * @returns `false`
 * @throws SessError `SESSION_SEALED`, unless it is to be quiet
 */
export function refuseSealed(isQuiet: boolean, state: SessionState, what: string): false {
  state.refusedChange = what;
  publish('dropped', () => ({ handle: state.knownKey, keys: [what], reason: 'sealed' }));
  if (isQuiet) return false;
  throw sealed(what);
}

/** Publishes what was changed, and not saved, when the client went away. */
export function dropAbandoned(state: SessionState | undefined, handle: string | undefined): void {
  const keys = state?.closing === undefined ? state?.fields.changedKeys() : undefined;
  if (keys === undefined || keys.length === 0) return;
  publish('dropped', () => ({ handle, keys, reason: 'abandoned' }));
}

/**
 * A touch failed because of the session itself, so no fault of the store was published. A cookie that no longer fits (with
 * a longer `domain`, say) ends its session while it is in use.
 */
export function tellOfTouch({ logError }: Engine, handle: string, error: SessError, startedMs: number): void {
  const { code } = error;
  publish('storeError', () => ({
    operation: 'touch',
    code,
    handle,
    error,
    durationMs: performance.now() - startedMs,
  }));
  logError(error);
}
