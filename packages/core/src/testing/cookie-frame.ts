import type { CookieFrame } from '../cookie/cookie-line.ts';
import { cookieSettings } from '../cookie/cookie.ts';

/** The cookie `sid` with defaults, at the time that a clock says. */
export function cookieFrame(clock: () => number): CookieFrame {
  const timeouts = { idleTimeoutMs: 3_600_000, absoluteTimeoutMs: 36_000_000, touchAfterMs: 60_000 };
  return { cookie: cookieSettings({ name: 'sid' }, false), timeouts, clock };
}
