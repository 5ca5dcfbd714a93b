import { type Channel, channel } from 'node:diagnostics_channel';

import type { SessErrorCode } from './errors.ts';

/**
 * What the library tells the world, one `node:diagnostics_channel` an event, named `sess:` and the
 * event. No event holds a token, a value of the session, or a secret.
 */
export interface SessionEvents {
  /** A request's session was read. */
  opened: { handle: string; outcome: 'found' | 'absent' | 'ended'; durationMs: number };
  /** A change of a session was stored. */
  committed: { handle: string; keys: readonly string[]; created: boolean; durationMs: number };
  /** A session's deadline was moved. */
  touched: { handle: string; durationMs: number };
  /** A session got a new token. */
  regenerated: { handle: string; previousHandle: string | undefined };
  /** A session was destroyed, by its own request or from elsewhere. */
  destroyed: { handle: string; by: 'request' | 'revoke' };
  /** A request's session had ended when its change was to be stored. */
  gone: { handle: string };
  /** Changes that were not stored, since the session had ended or the response had been sent. */
  dropped: { handle: string | undefined; keys: readonly string[]; reason: 'ended' | 'gone' | 'sealed' | 'abandoned' };
  /** A cookie of our name that no secret of ours signed, or one of a former library that its secret does not open. */
  badSignature: { cookie: string };
  /** A cookie that we signed and whose session is not there: it expired, was evicted, or is old. */
  unknownCookie: { handle: string };
  /** A `Cookie` header of so many characters, more than 16,384: it was not searched for a cookie of ours. */
  longCookieHeader: { length: number };
  /** Several different valid cookies of our name in one header: they count as none. */
  ambiguousCookie: { handles: readonly string[] };
  /** The commit failed after the app had given its answer: the client got the error instead. */
  commitFailed: { handle: string | undefined; code: SessErrorCode; error: Error };
  /** A write found that another process had written to the session meanwhile: it is merged and tried again. */
  conflict: { handle: string; keys: readonly string[] };
  /** The store did what it was asked. */
  storeAnswered: { operation: string; handle: string | undefined; durationMs: number };
  /** The store failed. */
  storeError: { operation: string; code: SessErrorCode; handle: string | undefined; error: Error; durationMs: number };
}

/** The name of an event. */
export type SessionEventName = keyof SessionEvents;

/** The channels by event, for subscribers of their own; {@link onSessionEvent} is typed. */
export const channels: { readonly [Name in SessionEventName]: Channel } = {
  opened: channel('sess:opened'),
  committed: channel('sess:committed'),
  touched: channel('sess:touched'),
  regenerated: channel('sess:regenerated'),
  destroyed: channel('sess:destroyed'),
  gone: channel('sess:gone'),
  dropped: channel('sess:dropped'),
  badSignature: channel('sess:badSignature'),
  unknownCookie: channel('sess:unknownCookie'),
  longCookieHeader: channel('sess:longCookieHeader'),
  ambiguousCookie: channel('sess:ambiguousCookie'),
  commitFailed: channel('sess:commitFailed'),
  conflict: channel('sess:conflict'),
  storeAnswered: channel('sess:storeAnswered'),
  storeError: channel('sess:storeError'),
};

/** Publishes an event; it costs a property read when nobody listens. */
export function publish<Name extends SessionEventName>(name: Name, event: () => SessionEvents[Name]): void {
  const target = channels[name];
  if (target.hasSubscribers) target.publish(event());
}

/**
 * Listens to an event. The listener runs inside the request: it should be short, and not throw.
 * @returns a function that stops listening
 */
export function onSessionEvent<Name extends SessionEventName>(
  name: Name,
  listener: (event: SessionEvents[Name]) => void,
): () => void {
  // Only `publish` writes to these channels, with the type that belongs to the name.
  const subscriber = (message: unknown): void => listener(message as SessionEvents[Name]);
  channels[name].subscribe(subscriber);
  return () => {
    channels[name].unsubscribe(subscriber);
  };
}
