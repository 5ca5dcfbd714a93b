import type { ServerResponse } from 'node:http';

import { isHttp2 } from './node-response.ts';
import { announcedLength } from './response-head.ts';

/** Ends an answer so that the client can not take it for a whole one. */
export function breakOff(response: ServerResponse, error: unknown): void {
  // Where the end of the connection is the end of the body (HTTP/1.0), only a reset says that more was to come.
  if (!isHttp2(response) && !response.chunkedEncoding && announcedLength(response) === Infinity) {
    try {
      response.socket?.resetAndDestroy();
    } catch {
      // TLS and Unix sockets know no reset.
    }
  }
  response.destroy(error instanceof Error ? error : undefined);
}
