import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Engine } from './engine.ts';
import type { Exchange } from './exchange.ts';
import { openExchange } from './open-exchange.ts';
import { holdResponse } from './response/response-hold.ts';

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
    commit: (statusCode) => exchange.commit(statusCode >= 500),
    commitLate: () => {
      const late = exchange.commit();
      return late instanceof Promise ? late.then(() => {}) : undefined;
    },
    seal: () => exchange.seal(),
    abandon: () => exchange.abandon(),
  });
  return exchange;
}
