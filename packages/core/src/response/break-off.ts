import type { ServerResponse } from 'node:http';
import { Stream } from 'node:stream';

import { isConnected, isHttp2 } from './node-response.ts';
import { announcedLength } from './response-head.ts';

/** Ends an answer so that the client cannot take it for a whole one. */
export function breakOff(response: ServerResponse, error: unknown): void {
  // Where the end of the connection is the end of the body (HTTP/1.0), only a reset says that more was to come.
  if (!isHttp2(response) && !response.chunkedEncoding && announcedLength(response) === Infinity) {
    try {
      response.socket?.resetAndDestroy();
    } catch {
      // TLS and Unix sockets know no reset.
    }
  }
  destroyResponse(response, error);
}

/**
 * Destroys a response. Where its socket is a stand-in that does nothing (serverless adapters'), whoever waits for the
 * answer would wait for ever: the response says then what a destroyed one says.
 */
export function destroyResponse(response: ServerResponse, reason: unknown): void {
  const error = reason instanceof Error ? reason : undefined;
  response.destroy(error);
  if (isConnected(response) || response.socket instanceof Stream) return;
  if (error !== undefined && response.listenerCount('error') > 0) response.emit('error', error);
  response.emit('close');
}
