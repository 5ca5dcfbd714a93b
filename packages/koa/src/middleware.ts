import {
  SessError,
  type Session,
  type SessionData,
  type SessionExchange,
  type Sessions,
  type SessionsOptions,
  createSessions,
} from '@sess/core';
import { type MiddlewareOptions, exposing, isSessions, silencerOf } from '@sess/core/internal';
import type { ExtendableContext, Next } from 'koa';

import { replaceSession } from './replace-session.ts';

declare module 'koa' {
  interface ExtendableContext {
    /**
     * The session of this request: properties are data, methods are controls. Assign an object to
     * replace the data, `null` to log out.
     */
    get session(): Session;
    set session(data: SessionData | null);
  }
}

/** A Koa middleware; its `sessions` list and revoke sessions. */
export interface SessionMiddleware {
  (ctx: ExtendableContext, next: Next): Promise<void>;
  /** What the middleware opens sessions by: for `list`, `revoke`, `ready` and `close`. */
  readonly sessions: Sessions;
}

/**
 * Gives every request a `ctx.session`, and holds each answer back until its session is stored.
 *
 * @param options what `createSessions` takes, or the sessions that it made. Without any, everything
 * comes from the environment.
 * @param placing the property of the context, where it is not to be `session`: for a second kind of sessions
 * @throws SessError `CONFIG_INVALID`, `SECRET_INVALID`, `STORE_PACKAGE_MISSING`, `FS_DIRECTORY`, `FS_UNSUPPORTED`
 */
export function session(options: SessionsOptions | Sessions = {}, placing: MiddlewareOptions = {}): SessionMiddleware {
  if ('middleware' in Object(options))
    throw new SessError('CONFIG_INVALID', 'session() takes no app: say session(options), without the app.');
  const sessions = isSessions(options) ? options : createSessions(options);
  const { isTaken, attachedTo, expose } = exposing({
    sessions,
    subject: 'ctx',
    options: placing,
    session: { get: (exchange) => exchange.session, set: replaceSession },
  });

  function attach(ctx: ExtendableContext): SessionExchange | Promise<SessionExchange> {
    // No handler hears of a failure after the answer was given. So the app does, as of all other errors.
    return sessions.attach(ctx.req, ctx.res, {
      onFailure: (error) => void ctx.app.emit('error', error, ctx),
      // `onerror` emits the error, and answers.
      errorHandler: () => (error) => ctx.onerror(error),
    });
  }

  async function middleware(ctx: ExtendableContext, next: Next): Promise<void> {
    if (!isTaken(ctx)) {
      const attached = attachedTo(ctx.req) ?? attach(ctx);
      const exchange = attached instanceof Promise ? await attached : attached;
      expose(ctx, exchange);
      quieten(ctx, silencerOf(exchange));
    }
    await next();
  }

  return Object.assign(middleware, { sessions });
}

/** Koa tells its listeners of an error before it answers: one that looks at the session must not throw the fault again. */
function quieten(ctx: ExtendableContext, silence: (() => void) | undefined): void {
  if (silence === undefined) return;
  const { onerror } = ctx;
  ctx.onerror = (error) => {
    // It is called without an error at the end of each answer.
    if (error !== null && error !== undefined) silence();
    onerror.call(ctx, error);
  };
}
