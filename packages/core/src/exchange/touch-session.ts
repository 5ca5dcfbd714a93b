import { isSessError } from '../errors.ts';
import { publish } from '../events.ts';
import type { SessionState } from '../session/session-state.ts';
import { tellOfTouch } from './dropped-changes.ts';
import type { SessionRequest } from './session-request.ts';
import { writeFollowing } from './successors.ts';
import { sessionGone } from './too-late-errors.ts';

/**
 * A touch that fails does not fail the request, unless the app asked for it by `touch()` and `save()`. A fault of the
 * store has already been published; what is wrong with the session itself is told here.
 */
export async function touchSession(exchange: SessionRequest, state: SessionState, isExplicit: boolean): Promise<void> {
  const { engine } = exchange;
  const due = isExplicit ? state.touchWanted : state.wantsTouch(engine.clock(), engine.timeouts);
  if (!due || exchange.headers.hasSessionLeft) return;
  state.isTouchTried = true;
  // What an explicit save has asked is asked again by the commit: the cookie must not come after that of another request.
  state.touchWanted = false;
  state.isToBeAsked = isExplicit && state.cookieWanted && !exchange.headers.haveLeft;
  const started = performance.now();
  try {
    const outcome = await writeFollowing(state, { at: engine.clock() }, engine.timeouts);
    if (outcome.gone) {
      state.standing = 'gone';
      publish('gone', () => ({ handle: state.key }));
      if (isExplicit) throw sessionGone();
      return;
    }
    state.adopt(outcome.stored);
  } catch (error) {
    if (isExplicit) throw error;
    if (isSessError(error) && error.status !== 503) tellOfTouch(engine, state.key, error, started);
    return;
  }
  if (engine.carrier.holdsSession || state.cookieWanted) exchange.headers.setCookie(state);
  publish('touched', () => ({ handle: state.key, durationMs: performance.now() - started }));
}
