import type { ServerResponse } from 'node:http';

import { isSessError } from '../errors.ts';
import { clearHead } from './bare-answer.ts';
import { isGone, isHttp2 } from './node-response.ts';
import type { ResponseOutlet } from './response-outlet.ts';
import type { ResponseWork } from './response-work.ts';
import { cookiesOfOthers } from './session-headers.ts';

/**
 * Lets the framework's error handler answer, where the app has ended an answer of which nothing has left: a mistake in the
 * app's data (`NOT_SERIALIZABLE`) gets the app's own error page. A fault of the store does not: its 503 says what the
 * handlers of most apps forget.
 *
 * Not at HTTP/2, whose imitation of a response keeps trailers, and not where the app's calls came by way of another's
 * methods, see `ResponseHold.isWrapped`: a compression that has seen the end takes no second answer, and nobody would
 * get one.
 * @returns whether it will answer
 */
export function handOver(
  response: ServerResponse,
  outlet: ResponseOutlet,
  work: ResponseWork,
  error: unknown,
): boolean {
  if (work.handOver === undefined || !isSessError(error) || error.status === 503) return false;
  if (outlet.headHasLeft || isGone(response) || isHttp2(response)) return false;
  // It begins in a turn of its own, when the head is cleared.
  if (!work.handOver(error)) return false;
  const setCookie = work.failureCookie?.();
  const others = cookiesOfOthers(response, outlet);
  clearHead(response);
  if (others.length > 0) response.setHeader('Set-Cookie', others);
  response.statusCode = error.status;
  response.statusMessage = '';
  outlet.headers = setCookie === undefined ? undefined : { vary: true, fault: false, setCookie };
  return true;
}
