import type { IncomingMessage, ServerResponse } from 'node:http';

import {
  type AttachOptions,
  type Session,
  SessError,
  type SessionExchange,
  type Sessions,
  type SessionsOptions,
  createSessions,
} from '@sess/core';
import { type MiddlewareOptions, exposing, isSessions } from '@sess/core/internal';

declare global {
  namespace Express {
    interface Request {
      /** The session of this request: properties are data, methods are controls. */
      session: Session;
      /** The session's handle, under the name that other middleware looks for. */
      readonly sessionID: string;
    }
  }
}

/** An Express middleware; its `sessions` list and revoke sessions. */
export interface SessionMiddleware {
  (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): void;
  /** What the middleware opens sessions by: for `list`, `revoke`, `ready` and `close`. */
  readonly sessions: Sessions;
}

/**
 * Gives every request a `req.session`, and holds each answer back until its session is stored.
 *
 * @param options what `createSessions` takes, or the sessions that it made. Without any, everything
 * comes from the environment.
 * @param placing the property of the request, where it is not to be `session`: for a second kind of sessions
 * @throws SessError `CONFIG_INVALID`, `SECRET_INVALID`, `STORE_PACKAGE_MISSING`, `FS_DIRECTORY`, `FS_UNSUPPORTED`
 */
export function session(options: SessionsOptions | Sessions = {}, placing: MiddlewareOptions = {}): SessionMiddleware {
  const sessions = isSessions(options) ? options : createSessions(options);
  const { isTaken, expose } = exposing({
    sessions,
    subject: 'req',
    options: placing,
    session: { get: (exchange) => exchange.session, set: replaceSession },
    aliases: { sessionID: { get: (exchange) => exchange.session.handle } },
  });

  function middleware(request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): void {
    let isDone: boolean;
    try {
      isDone = isTaken(request);
    } catch (error) {
      // Not thrown: engine.io, for one, catches nothing that a middleware throws.
      return next(error);
    }
    if (isDone) return next();
    const attached = sessions.attach(request, response, express);
    if (attached instanceof Promise) {
      attached.then((exchange) => {
        expose(request, exchange);
        next();
      }, next);
    } else {
      expose(request, attached);
      next();
    }
  }

  return Object.assign(middleware, { sessions });
}

/**
 * Express itself calls `req.next` when an answer fails after its handler, in `res.render()` for one. It is missing where
 * Express is done with the request, and in other frameworks that take this middleware.
 */
const express: AttachOptions = {
  errorHandler(request) {
    const next: unknown = Reflect.get(request, 'next');
    return typeof next === 'function' ? (error) => next(error) : undefined;
  },
};

/** `req.session = null` logs out, as it does elsewhere. The response waits for it, and fails with it. */
function replaceSession(exchange: SessionExchange, value: unknown): void {
  if (value === exchange.session) return;
  if (value !== null && value !== undefined) {
    throw new SessError(
      'UNSUPPORTED',
      'req.session cannot be replaced. Assign its keys: Object.assign(req.session, data).',
    );
  }
  // Not caught: a promise that is caught counts as awaited, and the response would not fail with it.
  void exchange.session.destroy();
}
