import { type CookieSettings, setCookie } from './cookie.ts';
import type { Clock } from '../clock.ts';
import { type Timeouts, absoluteDeadline } from '../expiry.ts';
import type { SessionSettings } from '../store.ts';

/** What all cookies of an app have in common. */
export interface CookieFrame {
  readonly cookie: CookieSettings;
  readonly timeouts: Timeouts;
  readonly clock: Clock;
}

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

/**
 * Clears what an earlier configuration may have left: the cookie of this host alone if there is a `domain` now, and the
 * cookie of the path `/` if there is another path now. Nobody knows of other domains or paths from before.
 */
export function clearingOtherScopes({ cookie }: CookieFrame): string[] {
  const { domain, ...hostOnly } = cookie;
  const scopes: CookieSettings[] = [];
  if (domain !== undefined) scopes.push(hostOnly);
  if (cookie.path !== '/') scopes.push(...[cookie, ...scopes].map((scope) => ({ ...scope, path: '/' })));
  return scopes.map((scope) => setCookie(scope, '', 0));
}

/** The `Set-Cookie` value that takes the cookie from the browser. */
export function clearingCookie({ cookie }: CookieFrame): string {
  return setCookie(cookie, '', 0);
}
