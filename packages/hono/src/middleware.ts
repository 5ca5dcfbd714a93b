import {
  SessError,
  type Session,
  type Sessions,
  type SessionsOptions,
  createSessions,
  failureResponse,
  isSessError,
} from '@sess/core';
import { isOfCors, isSessions, sessionAround } from '@sess/core/internal';
import type { Context, MiddlewareHandler } from 'hono';
import { textOf } from './text-of.ts';

declare module 'hono' {
  interface ContextVariableMap {
    /** The session of this request: properties are data, methods are controls. */
    session: Session;
  }
}

/** A Hono middleware; its `sessions` list and revoke sessions. */
export interface SessionMiddleware extends MiddlewareHandler {
  /** What the middleware opens sessions by: for `list`, `revoke`, `ready` and `close`. */
  readonly sessions: Sessions;
}

/**
 * Gives every request a session, `c.get('session')` or `c.var.session`, and answers when it is stored.
 *
 * @param options what `createSessions` takes, or the sessions that it made. Without any, everything
 * comes from the environment.
 * @throws SessError `CONFIG_INVALID`, `SECRET_INVALID`, `STORE_PACKAGE_MISSING`, `FS_DIRECTORY`, `FS_UNSUPPORTED`
 */
export function session(options: SessionsOptions | Sessions = {}): SessionMiddleware {
  const sessions = isSessions(options) ? options : createSessions(options);

  const middleware: MiddlewareHandler = async (c, next) => {
    // Mounted twice: the outer one handles this request.
    if (c.get('session') !== undefined) {
      if (sessionsOf.get(c) === sessions) return next();
      throw new SessError(
        'CONFIG_INVALID',
        "Two kinds of sessions are on this route: c.get('session') can be of one only.",
      );
    }
    sessionsOf.set(c, sessions);
    const current = sessionAround();
    const around = current && openedAround(c, current);
    if (current !== undefined && around?.sessions === sessions) {
      around.contexts.push(c);
      c.set('session', current);
      await next();
      const hidden = hiddenError(c);
      if (hidden !== undefined) replaceAnswer(c, failureResponse(hidden));
      return;
    }
    const opened: Opened = { sessions, contexts: [c], isOver: false };
    const answer = async (): Promise<Response> => {
      await next();
      // Hono's own sentence would not come: to ask for `c.res` makes an answer.
      if (!c.finalized) throw new Error('There is no answer. Did the handler forget to return it?');
      const hidden = hiddenError(c);
      if (hidden !== undefined) throw hidden;
      return c.res;
    };
    const onSession = (begun: OpenedSession): void => {
      begun[openedBy] = opened;
      for (const context of opened.contexts) context.set('session', begun);
    };
    try {
      replaceAnswer(c, await sessions.handle(c.req.raw, answer, { onSession, textOf, isSent }));
    } catch (error) {
      refuseUpgrade(c);
      dropHeaders(c);
      throw error;
    } finally {
      opened.isOver = true;
    }
  };

  return Object.assign(middleware, { sessions });
}

/** What opened the session of a request. */
const sessionsOf = new WeakMap<Context, Sessions>();

/** A request's sessions, and its contexts: an app that is mounted in another one has its own. */
interface Opened {
  readonly sessions: Sessions;
  readonly contexts: Context[];
  /** It was answered: what the app asks of itself from then on is a request of its own. */
  isOver: boolean;
}

/** Not in a `WeakMap`, where the contexts would stay until a full garbage collection. */
const openedBy: unique symbol = Symbol('opened by');

type OpenedSession = Session & { [openedBy]?: Opened };

/** What the app around this one has opened for the same request, where this one is mounted in it by `app.mount()`. */
function openedAround({ env, req }: Context, current: OpenedSession): Opened | undefined {
  const opened = current[openedBy];
  const outer = opened?.contexts[0];
  // A request that the app makes of itself, by `app.request()`, is another one.
  const isSame =
    opened?.isOver === false &&
    typeof env === 'object' &&
    env === outer?.env &&
    req.header('cookie') === outer?.req.header('cookie');
  return isSame ? opened : undefined;
}

/** `RESPONSE_ALREADY_SENT` of `@hono/node-server`: the handler has written to Node's own response. */
const isSent = (answer: Response): boolean => answer.headers.has('x-hono-already-sent');

/** Hono makes a 500 of every error, unless the app has a handler that does better. */
function hiddenError({ error, res }: Context): SessError | undefined {
  return isSessError(error) && error.status !== 500 && res.status === 500 ? error : undefined;
}

/**
 * `upgradeWebSocket()` has left a mark in the environment before the session is stored, and servers for Node.js open the
 * connection by that mark whatever the answer is. Without it the client gets the answer.
 */
function refuseUpgrade({ env, req }: Context): void {
  if (req.header('upgrade') === undefined || typeof env !== 'object') return;
  for (const mark of Object.getOwnPropertySymbols(env))
    if (mark.description === 'CONNECTION_SYMBOL_KEY') Reflect.deleteProperty(env, mark);
}

/** Or Hono would merge the headers of the app's answer into its error page, a redirect's `Location` too. */
function dropHeaders(c: Context): void {
  for (const name of [...c.res.headers.keys()]) if (!isOfCors(name)) c.header(name, undefined);
}

/** Hono merges the headers of the answer that is set into a new one, so that is unset first. */
function replaceAnswer(c: Context, answer: Response): void {
  const before = c.res;
  if (answer === before) return;
  if (answer.status >= 400) refuseUpgrade(c);
  // Those that `cors()` has set before the session was read: the 503 of the library has none.
  for (const [name, value] of before.headers)
    if (isOfCors(name) && !answer.headers.has(name)) answer.headers.set(name, value);
  c.res = undefined;
  c.res = answer;
}
