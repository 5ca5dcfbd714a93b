import type { IncomingMessage } from 'node:http';

import type { Carrier } from '../cookie/claim.ts';
import type { CookieFrame } from '../cookie/cookie-line.ts';
import type { PendingReplacements } from './pending-replacements.ts';
import type { SessError } from '../errors.ts';
import type { WorkInHand } from '../work-in-hand.ts';
import type { FormerSessions } from '../former/former-sessions.ts';
import type { Limits } from '../session/limits.ts';

/** Everything that the life of a session depends on, decided once at the start. */
export interface Engine extends CookieFrame {
  readonly carrier: Carrier;
  /** The other libraries whose sessions are taken over. */
  readonly formerly: readonly FormerSessions[];
  /** Told of a header of which they take nobody over. */
  readonly noteUnknownSigner: (cookieHeader: string | undefined) => void;
  readonly limits: Limits;
  readonly endMarkerMs: number;
  /** Bound of the session work at open, in milliseconds. */
  readonly openMs: number;
  /** Bound of the session work at commit, in milliseconds. */
  readonly commitMs: number;
  /** What all requests are about to store: `close()` waits for it. */
  readonly workInHand: WorkInHand;
  /** The sessions that requests under way are to replace. */
  readonly replacements: PendingReplacements;
  /** Logs an error that no error handler of the app may see, and the method and path of the request that had it. */
  readonly logError: (error: SessError, request?: string) => void;
  /** In production a change that comes too late is only an event. Elsewhere it is an error, so that it is mended. */
  readonly production: boolean;
  /** Told how long a `Cookie` header is that is too long to be searched. */
  readonly noteLongHeader: (length: number) => void;
  /** Told of a response that is left alone. */
  readonly noteUnheld: (request: IncomingMessage, response: unknown) => void;
  /** Looks at the connection over which the cookie is sent; absent where browsers take it over each. */
  readonly noteCookie?: ((request: IncomingMessage) => void) | undefined;
}
