import { isPersistent } from '../cookie/cookie-line.ts';
import type { SessionRequest } from './session-request.ts';
import type { SessionState } from '../session/session-state.ts';
import type { SessionSettings } from '../store.ts';

/**
 * Changes what one session has of its own: its idle timeout, whether its cookie outlives the browser.
 * @throws SessError as {@link SessionRequest.mayChange}, and `HEADERS_SENT` where the cookie would have to change
 */
export function changeSettings(exchange: SessionRequest, state: SessionState, settings: SessionSettings): void {
  if (!exchange.mayChange(state, 'cookie')) return;
  const { engine } = exchange;
  if (settings.persistent !== undefined && settings.persistent !== isPersistent(engine, state)) {
    exchange.mustSendCookie('persistent');
    state.persistenceChanged = true;
  }
  state.settings = { ...state.settings, ...settings };
  state.changedSettings = { ...state.changedSettings, ...settings };
  state.expiresAt = state.timesAt(engine.clock(), engine.timeouts).expiresAt;
}
