import type { IncomingMessage } from 'node:http';

import { type CookieAttributes, SessError, type SessionExchange, fieldsOf, resendCookie } from '@sess/core';
import { cookieOfOne, isDestroyed } from '@sess/core/internal';

import { Cookie, attributesOf, textOfCookie } from './cookie.ts';
import { SessionValues } from './session-values.ts';
import { Session, type SessionRequest } from './session.ts';

type CoreSession = SessionExchange['session'];

/** Each object knows its view, also from before a `reload()`. In a `WeakMap` both would stay until a full garbage collection. */
const view: unique symbol = Symbol('view');

/** The view that the app's object is part of. */
export function viewOf(object: Session & { readonly [view]?: SessionView }): SessionView | undefined {
  return object[view];
}

/** What a view needs of the middleware's options. */
export interface ViewOptions {
  /** The cookie of a new session. */
  readonly cookie: (request: IncomingMessage) => Cookie;
  readonly rolling: boolean;
  /** What a store of express-session takes for the cookie of a session that has none of its own. */
  readonly cookieText: string | undefined;
}

/**
 * An object of the app's over a session of core's. What the app has changed is found by comparison with what this object
 * was read from, and never with what others have stored since: that stays.
 */
export class SessionView {
  readonly object: Session;
  readonly source: CoreSession;
  readonly #options: ViewOptions;
  readonly #values: SessionValues;
  /** The session's own `originalMaxAge` when it was read, or last written from here. */
  #maxAge: number | null;
  /** What was stored of the cookie then. */
  #cookieText: string;

  /** @param replaced the view that an object of the app's, `data`, is put in the place of */
  constructor(
    request: IncomingMessage & SessionRequest,
    source: CoreSession,
    options: ViewOptions,
    replaced?: { readonly view: SessionView; readonly data: object },
  ) {
    this.source = source;
    this.#options = options;
    if (replaced === undefined) {
      const fields = fieldsOf(source);
      const usual = options.cookie(request);
      this.#values = SessionValues.of(fields);
      this.#maxAge = source.cookie.originalMaxAge;
      this.#cookieText = fields.text('cookie') ?? textOfCookie(usual);
      this.object = new Session(request, { ...this.#values.all(), cookie: cookieOf(source, usual) });
    } else {
      const { view: before, data } = replaced;
      this.#values = before.#values.copy();
      this.#maxAge = before.#maxAge;
      this.#cookieText = before.#cookieText;
      this.object = new Session(request, { cookie: before.object.cookie, ...data });
    }
    Object.defineProperty(this.object, view, { value: this });
  }

  /** @param isWanted whether a session without data is to have a record, too */
  write(isWanted: boolean): void {
    const { object } = this;
    if (!(object.cookie instanceof Cookie)) object.cookie = new Cookie(Object(object.cookie));
    const { cookie } = object;
    if (cookie.httpOnly === false)
      throw new SessError(
        'CONFIG_INVALID',
        'req.session.cookie.httpOnly cannot be switched off: no script needs to read the session cookie.',
      );
    // Before anything is stored: a login whose cookie cannot be sent must not end the session before it.
    cookieOfOne('sid', '', attributesOf(cookie));
    object.resetMaxAge();
    const isChanged = this.#values.write(object, fieldsOf(this.source));
    this.#writeCookie(cookie, isWanted);
    if (this.#options.rolling || (isChanged && cookie.originalMaxAge !== null)) resendCookie(this.source);
  }

  #writeCookie(cookie: Cookie, isWanted: boolean): void {
    const { source } = this;
    const fields = fieldsOf(source);
    const maxAge = maxAgeOf(cookie);
    if (maxAge !== this.#maxAge) source.cookie.maxAge = maxAge;
    this.#maxAge = maxAge;
    const text = textOfCookie(cookie);
    if (text === this.#cookieText && !this.#isOfThisRequest(text, isWanted)) return;
    fields.set('cookie', JSON.parse(text));
    this.#cookieText = text;
  }

  /** Whether a new session has to say of its cookie what is the usual for this request, and may not be for another one. */
  #isOfThisRequest(text: string, isWanted: boolean): boolean {
    if (!this.source.isNew) return false;
    const isEmpty = fieldsOf(this.source).keys().length === 0;
    return isEmpty ? isWanted : this.#options.cookieText !== undefined && text !== this.#options.cookieText;
  }

  /** What the answer's cookie says. Its end is another request's affair where only that one has changed it. */
  get cookieAttributes(): CookieAttributes {
    const { source } = this;
    const { expires: own, ...attributes } = attributesOf(this.object.cookie);
    const isOthers = !isDestroyed(source) && source.cookie.originalMaxAge !== this.#maxAge;
    const expires = isOthers ? source.cookie.expires : own;
    return { ...attributes, ...(expires && { expires }) };
  }
}

/** The cookie of a session: what is stored with it, over the usual one of a new session. */
export function cookieOf(source: CoreSession, usual: Cookie): Cookie {
  const cookie = Object.assign(usual, fieldsOf(source).value('cookie'));
  if (source.isNew) return cookie;
  const { originalMaxAge, expires } = source.cookie;
  cookie.expires = expires;
  cookie.originalMaxAge = originalMaxAge;
  return cookie;
}

/** A lifetime that the session can have. */
function maxAgeOf({ originalMaxAge }: Cookie): number | null {
  return originalMaxAge === null ? null : Math.max(1, originalMaxAge);
}
