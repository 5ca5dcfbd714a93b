import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Engine } from './engine.ts';
import { isSessError, scrub } from '../errors.ts';
import { publish } from '../events.ts';
import type { Exchange } from './exchange.ts';
import { openExchange } from './open-exchange.ts';
import { holdResponse } from '../response/response-hold.ts';

/** Opens a request's session, and holds its response back until the session is stored. */
export function attachExchange(
  engine: Engine,
  request: IncomingMessage,
  response: ServerResponse,
): Exchange | Promise<Exchange> {
  const opened = openExchange(engine, request.headers.cookie);
  return opened instanceof Promise ? opened.then((exchange) => hold(exchange, response)) : hold(opened, response);
}

function hold(exchange: Exchange, response: ServerResponse): Exchange {
  if (typeof response.writeHead !== 'function') {
    // A WebSocket's upgrade, run through the middleware with `{}`: there are no headers, and no end.
    exchange.noteHeadersLeft();
    return exchange;
  }
  holdResponse(response, {
    commit: (statusCode) => told(exchange, () => exchange.commit(statusCode >= 500)),
    commitLate: () => {
      const late = told(exchange, () => exchange.commit());
      return late instanceof Promise ? late.then(() => {}) : undefined;
    },
    seal: () => exchange.seal(),
    abandon: () => exchange.abandon(),
  });
  return exchange;
}

/** When the commit fails the app has given its answer, and no error handler of the app's is told. */
function told<T>(exchange: Exchange, commit: () => T | Promise<T>): T | Promise<T> {
  const tell = (error: unknown): void => {
    publish('commitFailed', () => ({
      handle: exchange.knownHandle,
      code: isSessError(error) ? error.code : 'STORE_UNAVAILABLE',
      error: error instanceof Error ? error : scrub(error),
    }));
    // Faults of the store were logged where they came from.
    if (isSessError(error) && error.status !== 503) exchange.engine.logError(error);
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
