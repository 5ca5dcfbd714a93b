import type { IncomingMessage, ServerResponse } from 'node:http';

import type { CookieAttributes } from '../cookie/cookie.ts';
import { type SessError, isSessError } from '../errors.ts';
import type { CommittedAnswer } from './committed-answer.ts';
import type { Engine } from './engine.ts';
import type { Exchange } from './exchange.ts';
import { openExchange } from './open-exchange.ts';
import { holdResponse } from '../response/hold-response.ts';
import { isGone } from '../response/node-response.ts';
import { isHoldable } from '../response/response-kind.ts';
import type { Explanation } from '../response/response-work.ts';
import { toldOfFailure } from './told-of-failure.ts';

/** Answers an error in the app's place. */
export type ErrorHandler = (error: SessError) => void;

/** How `sessions.attach()` works beside a framework. */
export interface AttachOptions {
  /**
   * Told of a commit that failed after the app had given its answer: the client got the error in its place. Without it,
   * what is not a fault of the store is logged.
   */
  onFailure?: (error: Error) => void;
  /**
   * The framework's own error handler, if it has one for this request at this moment: without one the library answers.
   * Asked when the commit has found a mistake in the app's data, such as `NOT_SERIALIZABLE`, and nothing of the app's
   * answer has left. It is called in a turn of its own, and has to answer; what it throws is the app's.
   */
  errorHandler?: (request: IncomingMessage) => ErrorHandler | undefined;
  /** The `Cookie` header, where the framework has it from elsewhere. @default that of the request */
  cookieHeader?: string | undefined;
  /**
   * Called before each commit: an adapter with a session object of its own writes here what was changed in it. A `SessError`
   * that this throws is a commit that failed.
   */
  beforeCommit?: () => void;
  /**
   * The attributes of this answer's session cookie, asked for when its head is made, in place of those of the `cookie`
   * option. `undefined`: the answer carries none.
   */
  cookieAttributes?: () => CookieAttributes | undefined;
  /**
   * Throws a fault at open, or rejects with it, instead of at the first look: for apps that look where nothing catches.
   * @default false
   */
  throwsAtOpen?: boolean;
}

/** Opens a request's session, and holds its response back until the session is stored. */
export function attachExchange(
  engine: Engine,
  request: IncomingMessage,
  response: ServerResponse | undefined,
  options: AttachOptions,
): Exchange | Promise<Exchange> {
  const opened = openExchange(engine, options.cookieHeader ?? request.headers.cookie);
  return opened instanceof Promise
    ? opened.then((exchange) => hold(exchange, request, response, options))
    : hold(opened, request, response, options);
}

function hold(
  exchange: Exchange,
  request: IncomingMessage,
  response: ServerResponse | undefined,
  { onFailure, errorHandler, beforeCommit, cookieAttributes, throwsAtOpen }: AttachOptions,
): Exchange {
  if (!isHoldable(request, response)) {
    exchange.engine.noteUnheld(request, response);
    // No headers that we know of will leave, and no end will come: what needs a cookie is refused.
    exchange.headers.leave();
    // A look from a callback of somebody else's would end the process. Here the handshake can still be refused.
    if (exchange.fault !== undefined) throw exchange.surface(exchange.fault);
    return exchange;
  }
  exchange.headers.answer(request, cookieAttributes);
  const told = (answer: CommittedAnswer) =>
    toldOfFailure(
      exchange,
      () => nameOf(request),
      onFailure,
      () => {
        try {
          beforeCommit?.();
          return exchange.commit(answer);
        } catch (error) {
          if (errorHandler === undefined) throw error;
          // As a rejection, so that the app's calls are held: only an answer that has ended can be handed over.
          return Promise.reject(error);
        }
      },
    );
  let isFailed = false;
  holdResponse(response, {
    commit(status, isEnded) {
      isFailed = status >= 500;
      return told({ isFailed, isEnded });
    },
    commitLate(isHeld) {
      const late = told({ isFailed, isSecond: isHeld });
      return late instanceof Promise ? late.then(() => {}) : undefined;
    },
    headersLeft: () => exchange.headers.leave(),
    failureCookie: () => exchange.headers.failureCookie(),
    handOver: errorHandler && ((error) => handOver(exchange, errorHandler(request), error)),
    explain: (error) => explain(exchange.engine, request, error),
    seal: (byFault) => exchange.seal(byFault),
    abandon: () => exchange.abandon(),
    over: () => void (exchange.isAnswered = true),
  });
  // The client left while the session was read, which no event will tell any more.
  if (isGone(response)) exchange.isAnswered = true;
  // A listener may hear of it before the response has closed (on-finished of a reset, `aborted`).
  if (exchange.fault !== undefined) exchange.isClientGone = () => isGone(response);
  if (throwsAtOpen === true && exchange.fault !== undefined) throw exchange.surface(exchange.fault);
  return exchange;
}

/** @returns whether there is an error handler, which will answer */
function handOver(exchange: Exchange, handler: ErrorHandler | undefined, error: SessError): boolean {
  if (handler === undefined) return false;
  exchange.headers.areHandedOver = true;
  // The error page is shown to whoever develops the app.
  if (!exchange.engine.production) Object.assign(error, { expose: true });
  process.nextTick(handler, error);
  return true;
}

/** A mistake of the app is explained where developers see it first, in the browser. Faults of the store are not. */
function explain({ production }: Engine, request: IncomingMessage, error: unknown): Explanation | undefined {
  if (production || !isSessError(error) || error.status === 503) return undefined;
  const isPage = request.headers.accept?.includes('text/html') === true;
  const text = `${error.message} The session of ${nameOf(request)} was not stored.`;
  return { text, isPage };
}

/** The route, for the log: what follows a `?` may be a secret. Express leaves the whole path in `originalUrl`. */
function nameOf(request: IncomingMessage): string {
  const url: unknown = Reflect.get(request, 'originalUrl') ?? request.url;
  return `${request.method} ${String(url).split('?', 1)[0]}`;
}
