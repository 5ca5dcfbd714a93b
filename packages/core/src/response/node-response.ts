import type { ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';

/** Whether the response is http2's imitation of one. */
export function isHttp2(response: ServerResponse): boolean {
  return response.req.httpVersionMajor >= 2;
}

export function isHttp2Stream(value: unknown): value is ServerHttp2Stream {
  return typeof value === 'object' && value !== null && 'respond' in value && 'pushStream' in value;
}

/** Whether there is nobody to answer any more. A response that waits for its turn hears of it only from the socket. */
export function isGone(response: ServerResponse): boolean {
  return response.destroyed || response.req.socket.destroyed;
}

/** What a property says under an appearance that is worn over it. */
export function inheritedNumber(response: ServerResponse, name: 'writableLength' | 'writableCorked'): number {
  return Number(Reflect.get(Object(Object.getPrototypeOf(response)), name, response));
}

/** @throws as Node does at a header that comes after the head */
export function refuseHeader(response: ServerResponse, verb: 'set' | 'append' | 'remove' | 'write'): never {
  throw isHttp2(response)
    ? nodeError('ERR_HTTP2_HEADERS_SENT', 'Response has already been initiated.')
    : nodeError('ERR_HTTP_HEADERS_SENT', `Cannot ${verb} headers after they are sent to the client`);
}

/** An error that programs can not tell from Node's own. */
export function nodeError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
