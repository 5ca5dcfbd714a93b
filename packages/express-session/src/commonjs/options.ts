import type { IncomingMessage } from 'node:http';

import {
  type Clock,
  SessError,
  type SessionStore,
  type SessionsOptions,
  memoryStore,
  selectBackend,
  systemClock,
} from '@sess/core';
import { connectSid } from '@sess/core/formerly';
import { type Environment, processEnvironment, variable } from '@sess/core/internal';

import { CallbackStore } from './callback-store.ts';
import { Cookie, type CookieOptions, textOfCookie } from './cookie.ts';
import { isSecure } from './is-secure.ts';
import type { LiveOptions } from './live-session.ts';
import type { Store } from './store.ts';

/** The options of express-session, and those of `createSessions()` that it does not have. */
export interface SessionOptions extends Omit<SessionsOptions, 'cookie' | 'secret' | 'store'> {
  /** Signs the cookies; of several the first signs, all verify. @default SECRET_KEY, else `req.secret` */
  secret?: string | Buffer | readonly (string | Buffer)[] | undefined;
  /** A store of @sess, or one of express-session. @default chosen from the environment; in tests this process's memory */
  store?: SessionStore | Store | undefined;
  /** The cookie's attributes, or what gives them for a request. */
  cookie?: CookieOptions | ((request: IncomingMessage) => CookieOptions) | undefined;
  /** The cookie's name. @default 'connect.sid' */
  name?: string | undefined;
  /** The same, as it was called before. */
  key?: string | undefined;
  /** Whether `X-Forwarded-Proto` is believed. @default what Express says */
  proxy?: boolean | undefined;
  /** Send the cookie with each answer, so that its end moves. @default false */
  rolling?: boolean | undefined;
  /** Accepted, without effect: only what has changed is ever written. */
  resave?: boolean | undefined;
  /** Store a session without data, too. Visitors who never log in fill the store with it. @default true, as in express-session */
  saveUninitialized?: boolean | undefined;
  /** What `req.session = null` does: `destroy`, or nothing. @default 'keep' */
  unset?: 'destroy' | 'keep' | undefined;
}

/** What the options come to. */
export interface Settings {
  readonly core: SessionsOptions;
  readonly live: LiveOptions;
  /** `false`: it comes with the requests, as `req.secret`. */
  readonly isSecretKnown: boolean;
  /** The store of express-session, where one was given. */
  readonly callbackStore: Store | undefined;
  /** The path below which requests have a session. */
  readonly pathFor: (request: IncomingMessage) => string;
}

const DAY_MS = 86_400_000;

/**
 * express-session has no absolute timeout. Browsers keep no cookie for longer than 400 days (RFC 6265bis, section 5.5).
 */
const ABSOLUTE_TIMEOUT_MS = 400 * DAY_MS;

/** @throws SessError `CONFIG_INVALID` for what is not offered, with the reason; a `TypeError` where express-session has one */
export function settingsOf(options: SessionOptions): Settings {
  const { secret, store, cookie, name, key, proxy, rolling, resave: _, saveUninitialized, unset, ...rest } = options;
  refuse(options);
  const { env = processEnvironment(), clock = systemClock } = rest;
  const fixed: CookieOptions = typeof cookie === 'function' ? {} : (cookie ?? {});
  const maxAge = new Cookie(fixed, clock).originalMaxAge;
  const isAskedSecure = (request: IncomingMessage): boolean => isSecure(request, proxy);
  const cookieFor = (request: IncomingMessage): Cookie =>
    cookieOf(typeof cookie === 'function' ? cookie(request) : fixed, isAskedSecure(request), clock);
  const idleTimeoutMs = maxAge === null ? (rest.idleTimeoutMs ?? DAY_MS) : Math.max(1, maxAge);
  const shape = { cookie: () => cookieOf(fixed, false, clock), idleTimeoutMs, clock };
  const callbackStore = store !== undefined && 'get' in store ? store : undefined;
  const adapted = callbackStore && new CallbackStore(callbackStore, shape);
  return {
    callbackStore,
    isSecretKnown: secret !== undefined || variable(env, 'SECRET_KEY') !== undefined,
    pathFor: (request) => cookieFor(request).path,
    live: {
      cookie: cookieFor,
      cookieText: adapted && textOfCookie(shape.cookie()),
      isSecure: isAskedSecure,
      rolling: rolling === true,
      saveUninitialized: saveUninitialized ?? true,
      unsetDestroys: unset === 'destroy',
      touchesAlways: typeof callbackStore?.touch === 'function',
      onSave: (id) => adapted?.noteSave(id),
    },
    core: {
      ...rest,
      ...secretOption(secret),
      ...(adapted === undefined ? storeOption(store, env) : { store: adapted }),
      ...(callbackStore !== undefined && formerlyOption(callbackStore, fixed, options)),
      idleTimeoutMs,
      absoluteTimeoutMs: rest.absoluteTimeoutMs ?? Math.max(ABSOLUTE_TIMEOUT_MS, idleTimeoutMs),
      cookie: {
        name: name ?? key ?? 'connect.sid',
        path: fixed.path ?? '/',
        secure: fixed.secure === true,
        persistent: maxAge !== null,
        ...(fixed.domain !== undefined && { domain: fixed.domain }),
      },
    },
  };
}

function refuse({ secret, unset, cookie, ...options }: SessionOptions): void {
  if ('genid' in options && options.genid !== undefined)
    throw new SessError(
      'CONFIG_INVALID',
      'Option genid must be left out: a session is named by 256 random bits, which the store does not know (it has their hash).',
    );
  if (
    typeof cookie === 'object' &&
    cookie !== null &&
    'httpOnly' in cookie &&
    !cookie.httpOnly &&
    cookie.httpOnly !== undefined
  )
    throw new SessError(
      'CONFIG_INVALID',
      'Option cookie.httpOnly cannot be false: no script needs to read the session cookie.',
    );
  if (unset !== undefined && unset !== 'destroy' && unset !== 'keep')
    throw new TypeError('unset option must be "destroy" or "keep"');
  if (Array.isArray(secret) && secret.length === 0)
    throw new TypeError('secret option array must contain one or more strings');
}

/** Whoever logged in under express-session stays logged in: its sessions are in the same store. */
function formerlyOption(
  store: Store,
  { path, domain }: CookieOptions,
  { secret, name, key, formerly }: SessionOptions,
): Pick<SessionsOptions, 'formerly'> {
  const secrets = [secret ?? []].flat().filter((one) => typeof one === 'string');
  if (formerly !== undefined || secrets.length === 0) return {};
  const place = { ...(path !== undefined && { path }), ...(domain !== undefined && { domain }) };
  return { formerly: connectSid({ secret: secrets, store, name: name ?? key ?? 'connect.sid', ...place }) };
}

/** A cookie as the options have it, for a request that came over https, or did not. */
function cookieOf(options: CookieOptions, isSecure: boolean, clock: Clock): Cookie {
  const cookie = new Cookie(options, clock);
  if (cookie.secure === 'auto') cookie.secure = isSecure;
  if (cookie.sameSite === 'auto') cookie.sameSite = isSecure ? 'none' : 'lax';
  return cookie;
}

function secretOption(secret: SessionOptions['secret']): Pick<SessionsOptions, 'secret'> {
  if (secret === undefined) return {};
  const secrets = [secret].flat().map((one) => (typeof one === 'string' ? one : one.toString('base64')));
  return { secret: secrets };
}

function storeOption(store: SessionOptions['store'], env: Environment): Pick<SessionsOptions, 'store'> {
  if (store !== undefined && !('get' in store)) return { store };
  // A cookie is too small for what apps of express-session keep. Their tests run in one process, so its memory will do.
  return selectBackend({ env }).name === 'cookie' ? { store: memoryStore() } : {};
}
