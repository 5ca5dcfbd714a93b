import type { IncomingMessage, ServerResponse } from 'node:http';

import { SessError, type SessionExchange, type Sessions, createSessions } from '@sess/core';
import { type Exposing, exposing } from '@sess/core/internal';

import { CoreStore } from './core-store.ts';
import { LiveSession } from './live-session.ts';
import { type SessionOptions, settingsOf } from './options.ts';
import type { SessionRequest } from './session.ts';
import { Store } from './store.ts';

/** An Express middleware; its `sessions` list and revoke sessions. */
export interface SessionMiddleware {
  (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): void;
  /** @throws SessError `CONFIG_INVALID` where the secret comes with the requests, as `req.secret` */
  readonly sessions: Sessions;
}

/**
 * Gives every request a `req.session`, as express-session does, and holds each answer back until its session is stored.
 *
 * @throws SessError `CONFIG_INVALID`, `SECRET_INVALID`, `STORE_PACKAGE_MISSING`, `FS_DIRECTORY`, `FS_UNSUPPORTED`
 */
export function session(options: SessionOptions = {}): SessionMiddleware {
  const settings = settingsOf(options);
  const known = settings.isSecretKnown ? make() : undefined;
  /** Where the secret comes with the requests: a cookie of one is not for those that have another. */
  const bySecret = new Map<string, Made>();

  function madeFor(request: IncomingMessage): Made | undefined {
    if (known !== undefined) return known;
    const secret: unknown = Reflect.get(request, 'secret');
    if (typeof secret !== 'string') return undefined;
    const made = bySecret.get(secret) ?? make(secret);
    bySecret.set(secret, made);
    return made;
  }

  function make(secret?: string): Made {
    const sessions = createSessions(secret === undefined ? settings.core : { ...settings.core, secret });
    const store = settings.callbackStore ?? new CoreStore(sessions);
    const exposed = exposing({
      sessions,
      subject: 'req',
      options: {},
      session: {
        get: (exchange: LiveExchange) => exchange[liveSession]?.session,
        set: (exchange: LiveExchange, value) => void Object.assign(exchange[liveSession] ?? {}, { session: value }),
      },
      aliases: {
        sessionID: {
          get: (exchange) => exchange.session.handle,
          set: (exchange: LiveExchange, value) => void Object.assign(exchange[liveSession] ?? {}, { id: value }),
        },
        sessionStore: { get: () => store },
      },
    });
    return { sessions, exposed };
  }

  function middleware(
    request: IncomingMessage & SessionRequest,
    response: ServerResponse,
    next: (error?: unknown) => void,
  ): void {
    if (request.session || !isBelow(request, settings.pathFor(request))) return next();
    const made = madeFor(request);
    if (made === undefined) return next(new Error('secret option required for sessions'));
    const { sessions, exposed } = made;
    let live: LiveSession | undefined;
    const begin = (exchange: LiveExchange): void => {
      live = new LiveSession(request, exchange, settings.live);
      exchange[liveSession] = live;
      exposed.expose(request, exchange);
      next();
    };
    try {
      if (exposed.isTaken(request)) {
        // It was ended by whoever came before.
        if (request.sessionStore instanceof Store && request.session === undefined)
          request.sessionStore.generate(request);
        return next();
      }
      const attached = sessions.attach(request, response, {
        errorHandler,
        cookieHeader: cookieHeaderOf(request, sessions.cookieName),
        beforeCommit: () => live?.beforeCommit(),
        cookieAttributes: () => live?.cookieAttributes(),
        // Code of callbacks looks where nothing catches: there an error would end the process.
        throwsAtOpen: true,
      });
      if (attached instanceof Promise) attached.then(begin, next);
      else begin(attached);
    } catch (error) {
      next(error);
    }
  }

  return Object.defineProperty(middleware, 'sessions', {
    get(): Sessions {
      if (known !== undefined) return known.sessions;
      throw new SessError('CONFIG_INVALID', 'There is no secret: say session({ secret }), or set SECRET_KEY.');
    },
  }) as SessionMiddleware;
}

/** The sessions of one secret, and how they are shown. */
interface Made {
  readonly sessions: Sessions;
  readonly exposed: Exposing;
}

/** Where an exchange keeps what the app sees of it: in a `WeakMap` that would stay until a full garbage collection. */
const liveSession: unique symbol = Symbol('live session');

type LiveExchange = SessionExchange & { [liveSession]?: LiveSession };

/** What Express itself calls when an answer fails after its handler. */
function errorHandler(request: IncomingMessage): ((error: unknown) => void) | undefined {
  const next: unknown = Reflect.get(request, 'next');
  return typeof next === 'function' ? (error) => next(error) : undefined;
}

/** Compares the beginnings of texts, as express-session does: an app's sessions stay below the same paths. */
function isBelow(request: IncomingMessage, path: string): boolean {
  const url = String(Reflect.get(request, 'originalUrl') ?? request.url);
  // A client that takes us for a proxy sends the whole address.
  const [own = ''] = url.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, '').split('?', 1);
  return (own || '/').startsWith(path);
}

/** Without the header the cookie is taken from what cookie-parser has made of it, as express-session does. */
function cookieHeaderOf(request: IncomingMessage, name: string): string | undefined {
  const { cookie = '' } = request.headers;
  if (cookie.includes(`${name}=`)) return cookie;
  const parsed: unknown = Reflect.get(Object(Reflect.get(request, 'cookies')), name);
  return typeof parsed === 'string' ? `${name}=${parsed}` : cookie;
}
