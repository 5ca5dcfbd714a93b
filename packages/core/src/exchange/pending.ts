import { destroySession } from './destroy-session.ts';
import type { Engine } from './engine.ts';
import type { SessionRequest } from './session-request.ts';
import type { FieldChanges } from '../record-change.ts';
import type { SessionState } from '../session/session-state.ts';
import { storeSession } from './store-session.ts';

/** What the end of a request has to store. */
export interface Pending {
  /** Of the session's fields, as of this moment. */
  changes: FieldChanges | undefined;
  /** Only a touch: a request that only read its session must not fail because of it. */
  isTouch?: true;
}

/** What there is to do at the end of a request, if anything. */
export function pendingOf(engine: Engine, state: SessionState): Pending | undefined {
  if (state.closing === 'destroyed') {
    const isThere = state.standing === 'stored' || state.standing === 'ended' || state.replaces !== undefined;
    return isThere ? { changes: undefined } : undefined;
  }
  const changes = state.fields.changes();
  if (changes !== undefined || state.replaces !== undefined) return { changes };
  if (state.standing === 'new') return state.hasContent ? { changes } : undefined;
  if (state.standing !== 'stored') return undefined;
  if (state.changedSettings !== undefined) return { changes };
  return state.wantsTouch(engine.clock(), engine.timeouts) ? { changes, isTouch: true } : undefined;
}

export function storePending(exchange: SessionRequest, state: SessionState, { changes }: Pending): Promise<void> {
  if (state.closing === 'destroyed') return destroySession(exchange, state);
  return storeSession(exchange, state, { explicit: false }, changes);
}
