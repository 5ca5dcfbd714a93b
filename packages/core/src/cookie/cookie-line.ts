import { setCookie } from './cookie.ts';
import type { Engine } from '../exchange/engine.ts';
import { absoluteDeadline } from '../expiry.ts';
import type { SessionSettings } from '../store.ts';

/** What all cookies of an app have in common. */
export type CookieFrame = Pick<Engine, 'cookie' | 'timeouts' | 'clock'>;

/** What a cookie says of its session besides its value. */
interface Lasting {
  createdAt: number;
  settings?: SessionSettings | undefined;
}

/** Whether the session's cookie outlives the browser. */
export function isPersistent({ cookie }: CookieFrame, { settings }: Pick<Lasting, 'settings'>): boolean {
  return settings?.persistent ?? cookie.persistent;
}

/**
 * The `Set-Cookie` value that gives the browser a session. It lasts as long as the session can.
 * @throws SessError `COOKIE_TOO_LARGE`
 */
export function sessionCookie(frame: CookieFrame, session: Lasting, value: string): string {
  const leftMs = absoluteDeadline(session.createdAt, frame.timeouts) - frame.clock();
  const maxAgeSeconds = isPersistent(frame, session) ? Math.max(1, Math.ceil(leftMs / 1000)) : undefined;
  return setCookie(frame.cookie, value, maxAgeSeconds);
}

/** The `Set-Cookie` value that takes the cookie from the browser. */
export function clearingCookie({ cookie }: CookieFrame): string {
  return setCookie(cookie, '', 0);
}
