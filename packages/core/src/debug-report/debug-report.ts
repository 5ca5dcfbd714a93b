import type { BackendChoice } from '../storage/backend.ts';
import type { CookieSettings } from '../cookie/cookie.ts';
import type { SessErrorCode } from '../errors.ts';
import type { Timeouts } from '../expiry.ts';
import type { Session } from '../session/session.ts';
import type { StoreDescription } from '../store-abilities.ts';

/** Whether the caller may see the report, and of which session. */
export interface DebugReportOptions {
  /**
   * The decision of your own authorisation, such as `session.role === 'admin'`. Anything but `true`
   * itself (a promise that nobody awaited, a user's name) is a refusal.
   */
  isAllowed: boolean;
  /** The request's session, to have it in the report. */
  session?: Session;
}

/**
 * What one worker knows about itself: to find out why two of them disagree, ask several times and
 * compare. It holds no secret, token or value of a session; the names of a session's keys are in it.
 */
export interface DebugReport {
  /** When it was made, in milliseconds since the epoch, by the clock of this worker. */
  at: number;
  /** The process that answered. */
  pid: number;
  /** The machine or container that it runs on. */
  hostname: string;
  /** Which worker of `node:cluster` or PM2, if the process is one. */
  worker?: string;
  /** Versions of Node.js and of the packages. */
  versions: { node: string; core?: string };
  /** What keeps the sessions, and why. */
  backend: BackendChoice;
  /** Where the sessions are: two workers that disagree here have different sessions. */
  storage?: StoreDescription;
  /** How long one read took, in milliseconds, or why it failed. Absent for cookie sessions. */
  store?: { latencyMs: number } | { error: SessErrorCode };
  /** How this worker sends the cookie. */
  cookie: CookieSettings & { httpOnly: true };
  /** When sessions end, and when a touch is written, in milliseconds. */
  timeouts: Timeouts;
  /** The first signs, all verify; see `secretFingerprint`. */
  secrets: { fingerprint: string }[];
  /** The session of the request, where one was given. */
  session?: SessionReport | { error: SessErrorCode };
}

/** A session without its values. */
export interface SessionReport {
  /** Absent for a session that is not stored yet. */
  handle?: string;
  /** There is no record of it in the store. */
  isNew: boolean;
  /** In milliseconds since the epoch, as the others. */
  createdAt: number;
  /** When it was last written or touched. */
  touchedAt: number;
  /** When it ends unless it is used before. */
  expiresAt: number;
  /** Whether its cookie outlives the browser. */
  persistent: boolean;
  /** The keys that are stored and the bytes (UTF-8) of their JSON texts, the largest first. */
  keys: { name: string; bytes: number }[];
}
