import type { ServerResponse } from 'node:http';

import { faultHeaders } from '../errors.ts';

/** What the session says in the head of an answer. */
export interface SessionHeaders {
  /** The session was looked at: the answer depends on the cookie. */
  vary: boolean;
  /** A whole `Set-Cookie` value, where the browser's cookie changes: the session was created or destroyed, for instance. */
  setCookie?: string;
  /** More `Set-Cookie` values, which clear cookies that an earlier configuration or another library left. */
  alsoClear?: readonly string[];
  /** A fault of the store surfaced in this request: the answer is for now only. */
  fault: boolean;
}

/** Whether there is anything to be said. */
export function saysNothing({ vary, setCookie, fault }: SessionHeaders): boolean {
  return !vary && !fault && setCookie === undefined;
}

/**
 * Where a response keeps the cookies that its holds have decided on: an app may have two kinds of sessions, each with a hold
 * of its own. Not in a `WeakMap`: what lies there, and refers to its response, is freed only by a full garbage collection.
 */
const decided: unique symbol = Symbol.for('@sess/core cookies decided');

type DecidedResponse = ServerResponse & { [decided]?: Map<object, readonly string[]> };

/** Remembers the cookies that one hold has decided on, for an answer that another one gives in the app's place. */
export function noteCookies(
  response: DecidedResponse,
  hold: object,
  { setCookie, alsoClear = [] }: SessionHeaders,
): void {
  if (setCookie === undefined) return;
  // Not listed: whoever prints a response does not want to see cookies that it may not send.
  if (response[decided] === undefined) Object.defineProperty(response, decided, { value: new Map() });
  response[decided]?.set(hold, [...alsoClear, setCookie]);
}

/** The cookies that the other holds have decided on. */
export function cookiesOfOthers(response: DecidedResponse, hold: object): string[] {
  return [...(response[decided] ?? [])].flatMap(([other, lines]) => (other === hold ? [] : lines));
}

/**
 * Adds the session's headers to those that the app has set. The last word on caching is ours: an
 * answer with a session's cookie must not be stored for others, whatever the app says.
 */
export function applySessionHeaders(
  response: ServerResponse,
  { vary, setCookie, alsoClear = [], fault }: SessionHeaders,
): void {
  if (vary) addCookieToVary(response);
  if (setCookie !== undefined) {
    // A new array, never `appendHeader`: that pushes into the array that the app passed, and if the
    // app keeps it for its next answer, this cookie goes to somebody else.
    const ours = [...alsoClear, setCookie];
    // Those of this session are there already where Node has refused the head before.
    const others = headerLines(response, 'Set-Cookie').filter((line) => !ours.includes(line));
    response.setHeader('Set-Cookie', [...others, ...ours]);
    response.setHeader('Cache-Control', 'private, no-store');
  }
  if (fault) for (const [name, value] of Object.entries(faultHeaders)) response.setHeader(name, value);
}

function addCookieToVary(response: ServerResponse): void {
  if (!response.hasHeader('Vary')) {
    response.setHeader('Vary', 'Cookie');
    return;
  }
  const lines = headerLines(response, 'Vary');
  const names = lines.flatMap((line) => line.split(',')).map((name) => name.trim().toLowerCase());
  if (names.includes('*') || names.includes('cookie')) return;
  const said = lines.filter((line) => line.trim() !== '');
  response.setHeader('Vary', [...said, 'Cookie'].join(', '));
}

/** A header that is set, as lines. */
export function headerLines(response: ServerResponse, name: string): string[] {
  const value = response.getHeader(name);
  if (value === undefined) return [];
  return Array.isArray(value) ? value.map(String) : [String(value)];
}
