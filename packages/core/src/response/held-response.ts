import { type IncomingMessage, ServerResponse } from 'node:http';

import { isHttp2Stream } from './node-response.ts';

/**
 * Whether a response can be held back: one of node:http's own class, or http2's imitation of it. Others look like one
 * and are not: that of engine.io for a WebSocket has a `writeHead()` that does nothing, ws hands on `{}`, and
 * koa-websocket nothing at all.
 */
export function isHeldResponse(request: IncomingMessage, response: unknown): response is ServerResponse {
  // An upgrade and a CONNECT have no response, whatever stands in for one: nobody will end it.
  if (Reflect.get(request, 'upgrade') === true) return false;
  // By its stream: loading node:http2 for its class alone costs the start of every app 10 ms and more.
  return response instanceof ServerResponse || isHttp2Stream(Reflect.get(Object(response), 'stream'));
}
