import type { IncomingMessage, ServerResponse } from 'node:http';

import { SessError, type SessionExchange, type Sessions, createSessions } from '@sess/core';
import { exposing } from '@sess/core/internal';

import { CoreStore } from './core-store.ts';
import { LiveSession } from './live-session.ts';
import { type SessionOptions, settingsOf } from './options.ts';
import type { SessionRequest } from './session.ts';

/** An Express middleware; its `sessions` list and revoke sessions. */
export interface SessionMiddleware {
  (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): void;
  /** @throws SessError `CONFIG_INVALID` where the secret is still to come, by `req.secret` */
  readonly sessions: Sessions;
}

/**
 * Gives every request a `req.session`, as express-session does, and holds each answer back until its session is stored.
 *
 * @throws SessError `CONFIG_INVALID`, `SECRET_INVALID`, `STORE_PACKAGE_MISSING`, `FS_DIRECTORY`, `FS_UNSUPPORTED`
 */
export function session(options: SessionOptions = {}): SessionMiddleware {
  const settings = settingsOf(options);
  let made = settings.isSecretKnown ? make() : undefined;

  function make(secret?: string) {
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
    const secret: unknown = Reflect.get(request, 'secret');
    if (made === undefined && typeof secret === 'string') made = make(secret);
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
      if (exposed.isTaken(request)) return next();
      const attached = sessions.attach(request, response, {
        errorHandler,
        cookieHeader: cookieHeaderOf(request, sessions.cookieName),
        beforeCommit: () => live?.beforeCommit(),
        cookieAttributes: () => live?.cookieAttributes(),
      });
      if (attached instanceof Promise) attached.then(begin, next);
      else begin(attached);
    } catch (error) {
      next(error);
    }
  }

  return Object.defineProperty(middleware, 'sessions', {
    get(): Sessions {
      if (made !== undefined) return made.sessions;
      throw new SessError('CONFIG_INVALID', 'There is no secret yet: session({ secret }), or SECRET_KEY.');
    },
  }) as SessionMiddleware;
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
  return (url.split('?', 1)[0] || '/').startsWith(path);
}

/** Without the header the cookie is taken from what cookie-parser has made of it, as express-session does. */
function cookieHeaderOf(request: IncomingMessage, name: string): string | undefined {
  const { cookie = '' } = request.headers;
  if (cookie.includes(`${name}=`)) return cookie;
  const parsed: unknown = Reflect.get(Object(Reflect.get(request, 'cookies')), name);
  return typeof parsed === 'string' ? `${name}=${parsed}` : cookie;
}
