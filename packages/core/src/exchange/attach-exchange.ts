import type { IncomingMessage, ServerResponse } from 'node:http';

import { isSessError } from '../errors.ts';
import type { Engine } from './engine.ts';
import type { Exchange } from './exchange.ts';
import { openExchange } from './open-exchange.ts';
import { holdResponse } from '../response/hold-response.ts';
import { isHoldable } from '../response/response-kind.ts';
import type { Explanation } from '../response/response-work.ts';
import { type FailureListener, toldOfFailure } from './told-of-failure.ts';

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
    // A look from a callback of somebody else's would end the process. Here the handshake can still be refused.
    if (exchange.fault !== undefined) throw exchange.surface(exchange.fault);
    return exchange;
  }
  exchange.headers.answer(request);
  const told = <T>(commit: () => T | Promise<T>): T | Promise<T> =>
    toldOfFailure(exchange, () => nameOf(request), onFailure, commit);
  holdResponse(response, {
    commit: (status, isEnded) => told(() => exchange.commit({ isFailed: status >= 500, isEnded })),
    commitLate: (isHeld) => {
      const late = told(() => exchange.commit({ isSecond: isHeld }));
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
