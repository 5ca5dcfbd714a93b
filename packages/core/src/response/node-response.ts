import { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** The request of a response, as far as there is one: serverless adapters give a method and nothing else, mocks nothing. */
export function requestOf(response: ServerResponse): Partial<IncomingMessage> | undefined {
  return response.req;
}

/** Whether the response is http2's imitation of one. */
export function isHttp2(response: ServerResponse): boolean {
  return (requestOf(response)?.httpVersionMajor ?? 1) >= 2;
}

export function isHttp2Stream(value: unknown): value is ServerHttp2Stream {
  return typeof value === 'object' && value !== null && 'respond' in value && 'pushStream' in value;
}

/**
 * Whether the answer goes to a client by a connection. Adapters for serverless functions and tools for tests collect it:
 * they look at the response itself to see whether it is whole, and some are not even a `ServerResponse`.
 */
export function isConnected(response: ServerResponse): boolean {
  if (isHttp2(response)) return true;
  // Express makes a `ServerResponse` of whatever it is given, so that alone says nothing.
  return response instanceof ServerResponse && (response.socket ?? requestOf(response)?.socket) instanceof Duplex;
}

/** Whether there is nobody to answer any more. A response that waits for its turn hears of it only from the socket. */
export function isGone(response: ServerResponse): boolean {
  return response.destroyed || requestOf(response)?.socket?.destroyed === true;
}

/** A response of Node's own: it refuses what Node refuses, with the same error. */
export function freshResponse(): ServerResponse {
  return new ServerResponse(new IncomingMessage(new Socket()));
}

/** The value of a property under the appearance that hides it. */
export function inheritedNumber(response: ServerResponse, name: 'writableLength' | 'writableCorked'): number {
  return Number(Reflect.get(Object(Object.getPrototypeOf(response)), name, response));
}

/** @throws as Node does at a header that comes after the head */
export function refuseHeader(response: ServerResponse, verb: 'set' | 'append' | 'remove' | 'write'): never {
  throw isHttp2(response)
    ? nodeError('ERR_HTTP2_HEADERS_SENT', 'Response has already been initiated.')
    : nodeError('ERR_HTTP_HEADERS_SENT', `Cannot ${verb} headers after they are sent to the client`);
}

/** An error that programs cannot tell from Node's own. */
export function nodeError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
