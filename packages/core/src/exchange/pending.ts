import { destroySession } from './destroy-session.ts';
import type { Engine } from './engine.ts';
import type { Exchange } from './exchange.ts';
import { isTouchDue } from '../expiry.ts';
import type { FieldChanges } from '../session/fields.ts';
import type { SessionState } from '../session/session-state.ts';
import { storeSession } from './store-session.ts';

/** What the end of a request has to store. */
export interface Pending {
  /** Of the session's fields, as of this moment. */
  changes: FieldChanges | undefined;
}

/** What there is to do at the end of a request, if anything. */
export function pendingOf(engine: Engine, state: SessionState): Pending | undefined {
  if (state.closing === 'destroyed') {
    const isThere = state.standing === 'stored' || state.standing === 'ended' || state.replaces !== undefined;
    return isThere ? { changes: undefined } : undefined;
  }
  const changes = state.fields.changes();
  return changes !== undefined || state.replaces !== undefined || needsRecordOrTouch(engine, state)
    ? { changes }
    : undefined;
}

function needsRecordOrTouch(engine: Engine, state: SessionState): boolean {
  if (state.standing === 'new') return state.hasContent;
  return (
    state.standing === 'stored' &&
    (state.settingsChanged || state.touchWanted || isTouchDue(engine.clock(), state, engine.timeouts))
  );
}

export function storePending(exchange: Exchange, state: SessionState, { changes }: Pending): Promise<void> {
  if (state.closing === 'destroyed') return destroySession(exchange, state);
  return storeSession(exchange, state, { explicit: false }, changes);
}
