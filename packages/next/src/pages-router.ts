import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { SessError, type Session, type SessionExchange, type Sessions, failureResponse, isSessError } from '@sess/core';

import { type NextSessionsOptions, lazySessions } from './shared-sessions.ts';

/** The helpers of an app with Pages Router. */
export interface PagesSessions {
  /**
   * Makes an API route or `getServerSideProps` of a function of the session. The response is held back until what was
   * changed is stored. When the store fails, the answer is 503.
   * @throws SessError `UNSUPPORTED` in `getStaticProps`, which has no request
   */
  withSession<Args extends PagesArguments, Result>(
    fn: (session: Session, ...args: Args) => Result | Promise<Result>,
  ): (...args: Args) => Promise<Awaited<Result>>;

  /** For listing and revoking sessions; `sessions.ready()` tries the storage. */
  readonly sessions: Sessions;
}

/** What Next.js calls an API route with, or `getServerSideProps`. */
export type PagesArguments =
  | [request: IncomingMessage, response: ServerResponse]
  | [context: { req: IncomingMessage; res: ServerResponse }];

/**
 * Makes the helpers of an app. Nothing is read, checked or connected before the first request.
 *
 * @param options what `createSessions` takes, what it made, or a function that returns either. Without any, everything
 * comes from the environment.
 */
export function createPagesSessions(options: NextSessionsOptions = {}): PagesSessions {
  const sessions = lazySessions(options);
  /** Where a request keeps its session: in a `WeakMap` both would stay until a full garbage collection. */
  const attachedHere: unique symbol = Symbol('attached session');
  type AttachedRequest = IncomingMessage & { [attachedHere]?: SessionExchange | Promise<SessionExchange> };

  function withSession<Args extends PagesArguments, Result>(
    fn: (session: Session, ...args: Args) => Result | Promise<Result>,
  ): (...args: Args) => Promise<Awaited<Result>>;
  function withSession(fn: (session: Session, ...args: PagesArguments) => unknown) {
    return async (...args: PagesArguments): Promise<unknown> => {
      const [request, response]: [AttachedRequest, ServerResponse] = requestIn(args);
      const attached = request[attachedHere] ?? sessions.attach(request, response);
      // Before it is awaited: another one may be called for the same request meanwhile. Not listed, for whoever prints it.
      Object.defineProperty(request, attachedHere, { value: attached });
      const exchange = await attached;
      try {
        return await fn(exchange.session, ...args);
      } catch (error) {
        // What the app has to mend is for its log, and for the overlay of `next dev`.
        if (!isSessError(error) || error.status === 500 || response.headersSent) throw error;
        await send(response, failureResponse(error));
        // Next.js wants to be given something, and sees that the answer was.
        return args.length === 2 ? undefined : { props: {} };
      }
    };
  }

  return { withSession, sessions };
}

/** JavaScript lets `withSession()` be used for `getStaticProps`, or for a `getInitialProps` that the browser calls. */
function requestIn(args: PagesArguments): [IncomingMessage, ServerResponse] {
  if (args.length === 2) return args;
  const { req, res }: Partial<(typeof args)[0]> = args[0];
  if (req !== undefined && res !== undefined) return [req, itself(res)];
  throw new SessError(
    'UNSUPPORTED',
    'withSession() was called without a request, where all visitors would share one answer. Use getServerSideProps in place of getStaticProps or getInitialProps.',
  );
}

/**
 * `next dev` hands `getServerSideProps` a proxy, which complains of each look at the response once that has resolved: that is
 * when the session is stored. The methods of an emitter answer the emitter itself.
 */
function itself(response: ServerResponse): ServerResponse {
  // A test of the app may have handed in less.
  return response instanceof EventEmitter ? response.setMaxListeners(response.getMaxListeners()) : response;
}

/** Without the headers that are set: what they say of another answer, such as its ETag, is not true of this one. */
async function send(response: ServerResponse, answer: Response): Promise<void> {
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.statusCode = answer.status;
  for (const [name, value] of answer.headers) response.setHeader(name, value);
  response.end(await answer.text());
}
