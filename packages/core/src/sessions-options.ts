import type { Clock } from './clock.ts';
import type { CookieOptions } from './cookie/cookie.ts';
import type { CookieSessions } from './cookie/cookie-sessions.ts';
import { isCookieSessions } from './storage/backend.ts';
import type { Environment } from './environment.ts';
import { SessError } from './errors.ts';
import type { FormerSessions } from './former/former-sessions.ts';
import type { Timeouts } from './expiry.ts';
import { LONGEST_LIFETIME_MS } from './expiry.ts';
import { nearestOption, refuseRequest } from './known-options.ts';
import type { Limits } from './session/limits.ts';
import type { Logger } from './logger.ts';
import type { SessionStore } from './store.ts';

/** All have defaults: `createSessions()` runs with none. */
export interface SessionsOptions {
  /** Where sessions are kept. @default chosen from the environment, see `selectBackend` */
  store?: SessionStore | CookieSessions;
  /** Signs the cookies; of several the first signs, all verify. @default SECRET_KEY, then SECRET_KEY_FALLBACKS */
  secret?: string | readonly string[];
  /** How the cookie is sent: name, path, domain, SameSite and more. */
  cookie?: CookieOptions;
  /**
   * The library that kept the sessions before, whose users stay logged in: `connectSid({ secret, store })` and others of
   * `@sess/core/formerly`. Several: the first whose cookie is genuine counts. Without effect where a test runner chooses
   * cookie sessions.
   */
  formerly?: FormerSessions | readonly FormerSessions[];
  /** A session that nobody used for this long has ended, in milliseconds. @default 24 hours */
  idleTimeoutMs?: number;
  /** A session this old has ended, in milliseconds. @default 30 days */
  absoluteTimeoutMs?: number;
  /** A touch is written when the last one is older than this, in milliseconds. @default 1/24 of the idle timeout */
  touchAfterMs?: number;
  /** How long the store remembers that a session was ended by its own browser. @default 60 seconds */
  endMarkerMs?: number;
  /**
   * How often a watched session is looked at, in milliseconds: see `sessions.watch()`. Never less often than twice in
   * `endMarkerMs`. @default 5 seconds
   */
  watchEveryMs?: number;
  /** How large one session may be. @default 1 MiB and 1,000 keys */
  limits?: Partial<Limits>;
  /** How long session work may take, in milliseconds. @default 1000, 2000, 2000 */
  timeouts?: {
    /** One operation of the store. */
    operationMs?: number;
    /** All that opens a session. */
    openMs?: number;
    /** All that stores it. */
    commitMs?: number;
  };
  /** What keys in Redis begin with, when the environment chooses Redis. @default 'session:' */
  prefix?: string;
  /** Where files are kept, when files are chosen. @default SESSION_DIR, else a directory below the system's temporary one */
  directory?: string;
  /** Where log lines go; `false` for nowhere. @default standard output and error */
  logger?: Logger | false;
  /** The time, in milliseconds since the epoch. For tests. */
  clock?: Clock;
  /** The environment variables. @default process.env, read when `createSessions` is called */
  env?: Environment;
}

const known: Record<keyof SessionsOptions, true> = {
  store: true,
  secret: true,
  cookie: true,
  formerly: true,
  idleTimeoutMs: true,
  absoluteTimeoutMs: true,
  touchAfterMs: true,
  endMarkerMs: true,
  watchEveryMs: true,
  limits: true,
  timeouts: true,
  prefix: true,
  directory: true,
  logger: true,
  clock: true,
  env: true,
};

/** Names that users of other libraries will try, and what to do instead. */
const elsewhere: Readonly<Record<string, string>> = {
  resave: 'only changed keys are ever written',
  saveUninitialized: 'a session without data makes no record',
  rolling: 'touches are written by themselves, see touchAfterMs',
  name: 'say cookie: { name }',
  key: 'say cookie: { name }',
  maxAge: 'say idleTimeoutMs or absoluteTimeoutMs',
  genid: 'tokens are always 256 random bits',
  proxy: 'Secure does not depend on the proxy: say cookie: { secure: true }',
  unset: 'call session.destroy()',
  ttl: 'say idleTimeoutMs',
  secrets: 'say secret: [first, ...older]',
  renew: 'touches are written by themselves, see touchAfterMs',
  signed: 'cookies are always signed',
  autoCommit: 'changes are stored before the answer leaves',
  externalKey: 'the token travels in the cookie alone',
  ContextStore: 'say store',
  encode: 'to encrypt a cookie session, say store: cookieSessions({ encrypt: true })',
  decode: 'to encrypt a cookie session, say store: cookieSessions({ encrypt: true })',
  valid: 'look at the session in a middleware of yours, and call session.destroy()',
  beforeSave: 'change the session in a middleware of yours, after its await next()',
};

/** @throws SessError `CONFIG_INVALID`, naming the option */
export function checkOptions(options: SessionsOptions): void {
  if (typeof options !== 'object' || options === null)
    throw new SessError('CONFIG_INVALID', 'The options must be an object.');
  refuseRequest(options);
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(known, name)) continue;
    const hint = Object.hasOwn(elsewhere, name) ? ` (${elsewhere[name]})` : '';
    throw new SessError(
      'CONFIG_INVALID',
      `Option ${name} is unknown${hint}.${nearestOption(name, Object.keys(known))} Known are: ${Object.keys(known).join(', ')}.`,
    );
  }
  checkFormerly(options);
  checkTypes(options);
  checkNumbers(options);
}

function checkFormerly({ formerly, store }: SessionsOptions): void {
  const libraries = [formerly ?? []].flat();
  for (const library of libraries)
    if (typeof library?.find !== 'function')
      invalid(
        'formerly',
        "must come from '@sess/core/formerly': connectSid(), koaSession(), cookieSession(), ironSession()",
      );
  if (libraries.length > 0 && store !== undefined && isCookieSessions(store))
    invalid('formerly', 'needs a store: in cookieSessions() nobody could note that a session was taken over');
}

const HOUR_MS = 3_600_000;

/** @throws SessError `CONFIG_INVALID` for timeouts that do not go together */
export function timeoutsOf(options: SessionsOptions): Timeouts {
  const { idleTimeoutMs = 24 * HOUR_MS } = options;
  const { absoluteTimeoutMs = Math.max(30 * 24 * HOUR_MS, idleTimeoutMs), touchAfterMs = idleTimeoutMs / 24 } = options;
  if (absoluteTimeoutMs < idleTimeoutMs) invalid('absoluteTimeoutMs', 'must not be shorter than idleTimeoutMs');
  // Else a session in constant use would end for want of a touch.
  if (touchAfterMs >= idleTimeoutMs) invalid('touchAfterMs', 'must be shorter than idleTimeoutMs');
  return { idleTimeoutMs, absoluteTimeoutMs, touchAfterMs };
}

/** How often a watched session is looked at. One that was rotated is found by its end marker, so that must still stand. */
export function watchEveryMsOf({ watchEveryMs = 5_000, endMarkerMs = 60_000 }: SessionsOptions): number {
  return endMarkerMs === 0 ? watchEveryMs : Math.min(watchEveryMs, endMarkerMs / 2);
}

/** The options that have options of their own, and the names of these. */
const groups = {
  limits: ['sessionBytes', 'sessionKeys'],
  timeouts: ['operationMs', 'openMs', 'commitMs'],
} as const satisfies Partial<Record<keyof SessionsOptions, readonly string[]>>;

function checkTypes({ cookie, prefix, directory, logger, clock, env, ...options }: SessionsOptions): void {
  for (const [name, value] of Object.entries({ cookie, env, limits: options.limits, timeouts: options.timeouts })) {
    if (value !== undefined && (typeof value !== 'object' || value === null)) invalid(name, 'must be an object');
  }
  for (const [name, members] of Object.entries(groups)) {
    const known: readonly string[] = members;
    for (const member of Object.keys(Reflect.get(options, name) ?? {}))
      if (!known.includes(member))
        invalid(`${name}.${member}`, `is unknown.${nearestOption(member, known)} Known are: ${known.join(', ')}`);
  }
  for (const [name, value] of Object.entries({ prefix, directory })) {
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      invalid(name, 'must be a text that is not empty');
  }
  if (clock !== undefined && typeof clock !== 'function') invalid('clock', 'must be a function');
  if (logger === undefined || logger === false) return;
  const methods: unknown[] = [logger?.info, logger?.warn, logger?.error];
  if (!methods.every((method) => typeof method === 'function'))
    invalid('logger', 'must have the methods info, warn and error, or be false');
}

/** What Node's timers can count; above it they fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

function checkNumbers({ timeouts, limits, endMarkerMs, ...options }: SessionsOptions): void {
  const { idleTimeoutMs, absoluteTimeoutMs, touchAfterMs, watchEveryMs } = options;
  const timers = [
    ...Object.entries(timeouts ?? {}).map(([name, value]) => [`timeouts.${name}`, value] as const),
    ['watchEveryMs', watchEveryMs] as const,
  ];
  const sizes = Object.entries(limits ?? {}).map(([name, value]) => [`limits.${name}`, value] as const);
  const durations = Object.entries({ idleTimeoutMs, absoluteTimeoutMs, touchAfterMs });
  for (const [name, value] of [...durations, ...timers, ...sizes]) {
    if (value !== undefined && !(Number.isFinite(value) && value > 0))
      invalid(name, 'must be a positive number, and finite');
  }
  for (const [name, value] of timers) atMost(name, value, LONGEST_TIMER_MS);
  if (endMarkerMs !== undefined && !(Number.isFinite(endMarkerMs) && endMarkerMs >= 0))
    invalid('endMarkerMs', 'must be a number of milliseconds, or 0 for no end markers');
  for (const [name, value] of [...durations, ['endMarkerMs', endMarkerMs] as const])
    atMost(name, value, LONGEST_LIFETIME_MS);
}

function atMost(name: string, value: number | undefined, most: number): void {
  if (value !== undefined && value > most) invalid(name, `must be at most ${most} milliseconds`);
}

function invalid(name: string, sentence: string): never {
  throw new SessError('CONFIG_INVALID', `Option ${name} ${sentence}.`);
}
