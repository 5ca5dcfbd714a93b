import { STATUS_CODES, type ServerResponse } from 'node:http';

import { faultHeaders, isSessError } from '../errors.ts';
import { isHttp2Stream, requestOf } from './node-response.ts';
import type { Explanation } from './response-work.ts';
import type { ResponseOutlet } from './response-outlet.ts';
import { cookiesOfOthers } from './session-headers.ts';

/** An answer that the hold gives in the app's place. */
export interface BareAnswer {
  status: number;
  code: string;
}

interface WithCookie extends BareAnswer {
  /** A whole `Set-Cookie` value. */
  setCookie: string | undefined;
  /** Outside production: what to mend. */
  explanation: Explanation | undefined;
}

/** What a failed commit is answered with: 503, unless the error says that the fault is the app's. */
export function answerOfFailure(error: unknown): BareAnswer {
  return isSessError(error) ? { status: error.status, code: error.code } : { status: 503, code: 'STORE_UNAVAILABLE' };
}

/** Without these a page of another origin could not tell a 503 from a dead network. */
export const isOfCors = (name: string): boolean => /^access-control-/i.test(name);

/**
 * Removes the app's headers, but for those of CORS. `Connection` stays, too, as `close`: an app that shuts down sets it.
 */
export function clearHead(response: ServerResponse): void {
  const isClosing = response.hasHeader('Connection');
  for (const name of response.getHeaderNames()) if (!isOfCors(name)) response.removeHeader(name);
  if (isClosing) response.setHeader('Connection', 'close');
  if ('addTrailers' in response) response.addTrailers({});
  // Node takes the removal of a Date for the wish to have none.
  response.sendDate = true;
}

/**
 * Answers from nothing: of the app's answer no header, trailer or byte is left. Its ETag would be believed, its Location
 * followed, its cookies kept. Those of sessions are sent: the browser must know what was stored or destroyed.
 */
export function sendBareAnswer(
  response: ServerResponse,
  outlet: ResponseOutlet,
  { status, code, setCookie, explanation }: WithCookie,
): void {
  outlet.headers = undefined;
  const isFault = status === 503;
  const error = isFault
    ? 'The session could not be stored. Please try again in a moment.'
    : 'The session could not be stored.';
  const isPage = explanation?.isPage === true;
  const body = isPage ? `${code}: ${explanation.text}\n` : JSON.stringify({ code, error: explanation?.text ?? error });
  const cookies = [...cookiesOfOthers(response, outlet), ...(setCookie === undefined ? [] : [setCookie])];
  const headers: Record<string, string | number | string[]> = {
    ...(cookies.length > 0 && { 'Set-Cookie': cookies, 'Cache-Control': 'private, no-store' }),
    ...(isFault && faultHeaders),
    'Content-Type': isPage ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
  };
  const stream: unknown = Reflect.get(response, 'stream');
  if (isHttp2Stream(stream)) {
    // Past the compatibility layer, which cannot forget trailers.
    response.statusCode = status;
    stream.respond({ ':status': status, ...headers });
    outlet.call('end', requestOf(response)?.method === 'HEAD' ? [] : [body]);
    return;
  }
  clearHead(response);
  // Set, not given to `writeHead`: others' hooks (compression's) look for them where they are set.
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  // For imitations whose `writeHead` does not set it where it takes a head for sent.
  response.statusCode = status;
  outlet.call('writeHead', [status, STATUS_CODES[status]]);
  outlet.call('end', [body]);
}
