import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Engine } from './engine.ts';
import { isSessError, scrub } from '../errors.ts';
import { publish } from '../events.ts';
import type { Exchange } from './exchange.ts';
import { openExchange } from './open-exchange.ts';
import { holdResponse } from '../response/hold-response.ts';
import { isHoldable } from '../response/response-kind.ts';
import type { Explanation } from '../response/response-work.ts';

/** Told of a commit that failed after the app had given its answer: the client got the error in its place. */
export type FailureListener = (error: Error) => void;

/** Opens a request's session, and holds its response back until the session is stored. */
export function attachExchange(
  engine: Engine,
  request: IncomingMessage,
  response: ServerResponse | undefined,
  onFailure?: FailureListener,
): Exchange | Promise<Exchange> {
  const opened = openExchange(engine, request.headers.cookie);
  return opened instanceof Promise
    ? opened.then((exchange) => hold(exchange, request, response, onFailure))
    : hold(opened, request, response, onFailure);
}

function hold(
  exchange: Exchange,
  request: IncomingMessage,
  response: ServerResponse | undefined,
  onFailure: FailureListener | undefined,
): Exchange {
  if (!isHoldable(request, response)) {
    // No headers that we know of will leave, and no end will come: what needs a cookie is refused.
    exchange.headers.leave();
    return exchange;
  }
  exchange.headers.request = request;
  holdResponse(response, {
    commit: (status, isEnded) =>
      told(exchange, request, onFailure, () => exchange.commit({ isFailed: status >= 500, isEnded })),
    commitLate: (isHeld) => {
      const late = told(exchange, request, onFailure, () => exchange.commit({ isSecond: isHeld }));
      return late instanceof Promise ? late.then(() => {}) : undefined;
    },
    headersLeft: () => exchange.headers.leave(),
    failureCookie: () => exchange.headers.failureCookie(),
    explain: (error) => explain(exchange.engine, request, error),
    seal: () => exchange.seal(),
    abandon: () => exchange.abandon(),
    over: () => void (exchange.isAnswered = true),
  });
  return exchange;
}

/** When the commit fails the app has given its answer, and no error handler of the app's would be told. */
function told<T>(
  exchange: Exchange,
  request: IncomingMessage,
  onFailure: FailureListener | undefined,
  commit: () => T | Promise<T>,
) {
  const tell = (reason: unknown): void => {
    const error = reason instanceof Error ? reason : scrub(reason);
    publish('commitFailed', () => ({
      handle: exchange.knownHandle,
      code: isSessError(error) ? error.code : 'STORE_UNAVAILABLE',
      error,
    }));
    // In a turn of its own: what the listener throws is the app's.
    if (onFailure !== undefined) process.nextTick(onFailure, error);
    // Faults of the store were logged where they came from.
    else if (isSessError(error) && error.status !== 503) exchange.engine.logError(error, nameOf(request));
  };
  try {
    const outcome = commit();
    if (outcome instanceof Promise) outcome.catch(tell);
    return outcome;
  } catch (error) {
    tell(error);
    throw error;
  }
}

/** A mistake of the app's is told where it is seen first, in the browser of who develops it. Faults of the store are not. */
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
