import { setCookie } from './cookie.ts';
import type { Engine } from '../exchange/engine.ts';
import { absoluteDeadline } from '../expiry.ts';
import type { SessionState } from '../session/session-state.ts';

/** Whether the session's cookie outlives the browser. */
export function isPersistent(engine: Engine, { settings }: SessionState): boolean {
  return settings?.persistent ?? engine.cookie.persistent;
}

/** The `Set-Cookie` value that gives the browser this session. It lasts as long as the session can. */
export function sessionCookie(engine: Engine, state: SessionState): string {
  const leftMs = absoluteDeadline(state.createdAt, engine.timeouts) - engine.clock();
  const maxAgeSeconds = isPersistent(engine, state) ? Math.max(1, Math.ceil(leftMs / 1000)) : undefined;
  return setCookie(engine.cookie, state.claim.cookieValue(), maxAgeSeconds);
}

/** The `Set-Cookie` value that takes the cookie from the browser. */
export function clearingCookie(engine: Engine): string {
  return setCookie(engine.cookie, '', 0);
}
