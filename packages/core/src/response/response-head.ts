import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';

import { freshResponse, isHttp2, requestOf } from './node-response.ts';

type GivenHeaders = OutgoingHttpHeaders | OutgoingHttpHeader[];

/** The arguments of `writeHead`, as they are given. */
export type HeadArguments = [statusCode: number, reason?: string | GivenHeaders, headers?: GivenHeaders];

/** The arguments of `writeHead`, sorted out. */
export interface ResponseHead {
  statusCode: number;
  /** The reason phrase, where one was given. */
  message: string | undefined;
  headers: GivenHeaders | undefined;
}

/** The head that goes out when the app calls for none itself. */
export function implicitHead({ statusCode }: ServerResponse): ResponseHead {
  return { statusCode, message: undefined, headers: undefined };
}

export function responseHead([statusCode, reason, headers]: HeadArguments): ResponseHead {
  if (typeof reason === 'string') return { statusCode, message: reason, headers: headers ?? undefined };
  return { statusCode, message: undefined, headers: headers ?? reason ?? undefined };
}

/** The headers given to `writeHead`, in each of the shapes that Node takes: object, flat array, array of pairs. */
export function givenHeaders(headers: GivenHeaders | undefined): [name: string, value: OutgoingHttpHeader][] {
  if (!Array.isArray(headers)) {
    return Object.entries(headers ?? {}).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  }
  const pairs: [string, OutgoingHttpHeader][] = [];
  if (Array.isArray(headers[0])) {
    for (const pair of headers) if (Array.isArray(pair)) pairs.push([pair[0] ?? '', pair[1] ?? '']);
  } else {
    for (let n = 0; n < headers.length; n += 2) pairs.push([String(headers[n]), headers[n + 1] ?? '']);
  }
  return pairs;
}

/**
 * Puts the headers given to `writeHead` among those that were set, where ours can be merged with
 * them. As in Node they win over the ones set before, and may name one header several times. (Once
 * another header was set Node 20 sends only the last of these. Here all are sent, as by Node 22 and 24.)
 */
export function setGivenHeaders(response: ServerResponse, headers: GivenHeaders | undefined): void {
  if (headers === undefined) return;
  const values = new Map<string, OutgoingHttpHeader>();
  for (const [name, value] of givenHeaders(headers)) {
    const key = name.toLowerCase();
    const before = values.get(key);
    const all = before === undefined ? value : [before, value].flat().map(String);
    values.set(key, all);
    response.setHeader(name, all);
  }
}

/** How many bytes of body the head announces; `Infinity` where the body's end is a mark of its own. */
export function announcedLength(response: ServerResponse, headers?: GivenHeaders): number {
  let length: unknown = response.getHeader('Content-Length');
  let isChunked = response.hasHeader('Transfer-Encoding');
  for (const [name, value] of headers === undefined ? [] : givenHeaders(headers)) {
    const key = name.toLowerCase();
    if (key === 'content-length') length = value;
    if (key === 'transfer-encoding') isChunked = true;
  }
  return length === undefined || isChunked || !Number.isInteger(Number(length)) ? Infinity : Number(length);
}

/** Whether the answer is whole as soon as its head is out, since no body follows. */
export function endsWithHead(response: ServerResponse, { statusCode, headers }: ResponseHead): boolean {
  return statusCode === 205 || discardsBody(response, statusCode) || announcedLength(response, headers) === 0;
}

/** Whether Node sends none of the body that it is given. */
export function discardsBody(response: ServerResponse, statusCode: number): boolean {
  return (
    requestOf(response)?.method === 'HEAD' ||
    statusCode === 204 ||
    statusCode === 304 ||
    (statusCode === 205 && isHttp2(response))
  );
}

/** Throws what Node would throw at a status line or header list that it does not take. */
export function refuseInvalidHead({ statusCode, message, headers }: ResponseHead): void {
  const isStatus = statusCode >= 100 && statusCode <= 999;
  const isMessage = message === undefined || /^[\t\u0020-\u007e\u0080-\u00ff]*$/.test(message);
  if (isStatus && isMessage && isComplete(headers)) return;
  freshResponse().writeHead(statusCode, message, headers);
}

function isComplete(headers: GivenHeaders | undefined): boolean {
  if (Array.isArray(headers)) return Array.isArray(headers[0]) || headers.length % 2 === 0;
  return headers === undefined || !Object.values(headers).includes(undefined);
}
