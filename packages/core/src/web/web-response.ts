import { faultHeaders, isSessError } from '../errors.ts';
import type { Session } from '../session/session.ts';
import { exchangeOf } from '../exchange/exchange-of.ts';
import { type BareAnswer, answerOfFailure, isOfCors } from '../response/bare-answer.ts';
import { type SessionHeaders, saysNothing } from '../response/session-headers.ts';

/**
 * A handler's answer with what the session says in its head: what `sessions.commit()` resolved to. For
 * frameworks with Web responses; the answer that was passed is left as it is.
 * @param body in place of the answer's own
 */
export function withSessionHeaders(
  response: Response,
  said: SessionHeaders,
  body: ReadableStream | Uint8Array<ArrayBuffer> | null = response.body,
): Response {
  if (saysNothing(said) && body === response.body) return response;
  const { status, statusText } = response;
  return new Response(body, { status, statusText, headers: headersWith(response, said) });
}

/** The same for an answer of which the text is known, and nothing else is looked at: not even `statusText`. */
export function textWithSessionHeaders(response: Response, said: SessionHeaders, text: string): Response {
  if (saysNothing(said)) return response;
  return new Response(text, { status: response.status, headers: headersWith(response, said) });
}

/** A copy: the headers of `Response.redirect()` cannot be changed, and an app may keep its answer for the next. */
function headersWith(response: Response, said: SessionHeaders): Headers {
  const headers = new Headers(response.headers);
  if (said.vary) addCookieToVary(headers);
  if (said.setCookie !== undefined) {
    for (const line of [...(said.alsoClear ?? []), said.setCookie]) headers.append('Set-Cookie', line);
    headers.set('Cache-Control', 'private, no-store');
  }
  if (said.fault) for (const [name, value] of Object.entries(faultHeaders)) headers.set(name, value);
  return headers;
}

function addCookieToVary(headers: Headers): void {
  const names = (headers.get('Vary') ?? '').split(',').map((name) => name.trim().toLowerCase());
  if (!names.includes('*') && !names.includes('cookie')) headers.append('Vary', 'Cookie');
}

/**
 * The answer in place of the app's when its session could not be read or stored: 503 with `Retry-After: 1` for a
 * fault of the store, else the error's status. It says the error's code, and its sentence only where that is the
 * client's to know.
 * @param session the request's, if there is one: its cookie is sent where something was stored in spite of the failure
 */
export function failureResponse(error: unknown, session?: Session): Response {
  return responseInstead(
    answerOfFailure(error),
    session,
    isSessError(error) && error.expose ? error.message : undefined,
  );
}

/** @param sentence what the client is told; absent: what happened, in general */
export function responseInstead({ status, code }: BareAnswer, session?: Session, sentence?: string): Response {
  const general =
    status === 503
      ? 'The session could not be read or stored. Please try again in a moment.'
      : 'The session could not be stored.';
  const body = { code, error: sentence ?? general };
  const answer = Response.json(body, { status, headers: status === 503 ? faultHeaders : {} });
  const setCookie = session && exchangeOf(session).headers.failureCookie();
  if (setCookie !== undefined) {
    answer.headers.append('Set-Cookie', setCookie);
    answer.headers.set('Cache-Control', 'no-store');
  }
  return answer;
}

/** With the headers of CORS that the answer had whose place this one takes. */
export function withCors(answer: Response, given: Response | undefined): Response {
  for (const [name, value] of given?.headers ?? []) if (isOfCors(name)) answer.headers.set(name, value);
  return answer;
}
