import { type IncomingMessage, ServerResponse } from 'node:http';

import { isHttp2Stream } from './node-response.ts';

/** What a hold calls on every response. An object without one of these is not a response that could be held. */
const required = [
  ...['setHeader', 'getHeader', 'hasHeader', 'removeHeader', 'getHeaderNames'],
  ...['writeHead', 'write', 'end', 'once', 'emit', 'prependListener'],
];

/**
 * Whether a response can be held back: node:http's own, http2's imitation of it, or another's that has all that the hold
 * needs. Many things are handed to middleware in a response's place: ws hands on `{}`, koa-websocket nothing at all, and
 * engine.io, for a WebSocket, an object without a status whose `writeHead()` does nothing.
 */
export function isHoldable(request: IncomingMessage, response: unknown): response is ServerResponse {
  // An upgrade and a CONNECT have no response, whatever stands in for one: nobody will end it.
  if (Reflect.get(request, 'upgrade') === true) return false;
  if (typeof response !== 'object' || response === null) return false;
  // By its stream: loading node:http2 for its class alone costs the start of every app 10 ms and more.
  return response instanceof ServerResponse || isHttp2Stream(Reflect.get(response, 'stream')) || isImitation(response);
}

function isImitation(response: object): boolean {
  if (!Object.isExtensible(response) || typeof Reflect.get(response, 'statusCode') !== 'number') return false;
  return required.every((name) => typeof Reflect.get(response, name) === 'function');
}
