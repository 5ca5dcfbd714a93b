import type { IncomingMessage } from 'node:http';

import {
  type CookieAttributes,
  SessError,
  type SessionExchange,
  fieldsOf,
  isSessError,
  resendCookie,
} from '@sess/core';

import { cookieOfOne, isDestroyed } from '@sess/core/internal';

import { SessionValues } from './session-values.ts';
import { Cookie, attributesOf, textOfCookie } from './cookie.ts';
import {
  type RegenerateOptions,
  Session,
  type SessionCallback,
  type SessionRequest,
  type SessionVerbs,
  attachVerbs,
} from './session.ts';

/** What is the same for all requests of a middleware. */
export interface LiveOptions {
  /** The cookie of a new session. */
  readonly cookie: (request: IncomingMessage) => Cookie;
  readonly isSecure: (request: IncomingMessage) => boolean;
  readonly rolling: boolean;
  readonly saveUninitialized: boolean;
  /** Whether `req.session = null` destroys the session; else it is left as it is. */
  readonly unsetDestroys: boolean;
  /** Told of an explicit `save()`, before it is carried out. */
  readonly onSave: (id: string) => void;
}

/** A request's session as users of express-session know it: an object of their own over core's session. */
export class LiveSession implements SessionVerbs {
  readonly #request: IncomingMessage & SessionRequest;
  readonly #exchange: SessionExchange;
  readonly #options: LiveOptions;
  /** The app's object, once it was looked at. */
  #session: Session | undefined;
  /** The session of core that it was read from: a regenerate puts another one in its place. */
  #source: SessionExchange['session'] | undefined;
  /** Its data as it was read. */
  #data: SessionValues | undefined;
  /** What `req.session` is instead of a session. */
  #unset: 'destroyed' | 'null' | 'undefined' | undefined;
  #isDisowned = false;

  constructor(request: IncomingMessage & SessionRequest, exchange: SessionExchange, options: LiveOptions) {
    this.#request = request;
    this.#exchange = exchange;
    this.#options = options;
  }

  /** What `req.session` shows. Where the session could not be read, core's own, which says so at each look. */
  get session(): unknown {
    if (this.#unset !== undefined) return this.#unset === 'null' ? null : undefined;
    try {
      return this.#current();
    } catch (error) {
      if (isSessError(error) && error.status === 503) return this.#exchange.session;
      throw error;
    }
  }

  set session(value: unknown) {
    if (value === null || value === undefined) {
      this.#unset ??= value === null ? 'null' : 'undefined';
    } else if (typeof value === 'object') {
      const { cookie } = this.#current();
      this.#unset = undefined;
      this.#session = this.#show(new Session(this.#request, { cookie, ...value }));
    } else throw new SessError('UNSUPPORTED', 'req.session can not hold a value: assign its keys.');
  }

  /** A value that is not a text cannot name a session: the request goes without one, as with express-session. */
  set id(value: unknown) {
    if (value === this.#exchange.session.handle) return;
    if (typeof value === 'string')
      throw new SessError('UNSUPPORTED', 'req.sessionID can not be chosen: a session is named by the library alone.');
    this.#isDisowned = true;
  }

  /** Brings core's session up to what the app made of its own. */
  beforeCommit(): void {
    if (this.#isDisowned || this.#unset === 'destroyed') return;
    const isUnset = this.#unset !== undefined || !Object.hasOwn(this.#request, 'session');
    if (isUnset && this.#options.unsetDestroys) {
      this.#unset = 'destroyed';
      // Not caught: the answer waits for it, and fails with it.
      void this.#exchange.session.destroy();
    } else if (!isUnset && this.#isToBeWritten()) this.#write(this.#options.saveUninitialized);
  }

  #isToBeWritten(): boolean {
    const { rolling, saveUninitialized } = this.#options;
    if (this.#session === undefined && !rolling && !saveUninitialized) return false;
    try {
      // Throws where the session could not be read, which fails no request that has not looked at it.
      return this.#exchange.session.isNew || this.#session !== undefined || rolling;
    } catch {
      return false;
    }
  }

  /** The cookie of a session that the app has not looked at: one that was taken over, for example. */
  #unseenCookie(): Cookie {
    const { session } = this.#exchange;
    if (isDestroyed(session)) return this.#options.cookie(this.#request);
    return this.#cookieOf(session, new SessionValues(fieldsOf(session)).all()['cookie']);
  }

  /** What the answer's cookie says of itself; `undefined`: it is not sent. */
  cookieAttributes(): CookieAttributes | undefined {
    const cookie = this.#session?.cookie ?? this.#unseenCookie();
    if (this.#isDisowned || (cookie.secure && !this.#options.isSecure(this.#request))) return undefined;
    return attributesOf(cookie);
  }

  touch(): void {
    this.#exchange.session.touch();
  }

  save(callback: SessionCallback | undefined): void {
    try {
      this.#write(true);
    } catch (error) {
      if (callback === undefined) throw error;
      process.nextTick(callback, error);
      return;
    }
    const { session } = this.#exchange;
    if (!session.isNew) this.#options.onSave(session.handle);
    // As express-session does, an explicit save moves the deadline, whatever else there is to be stored.
    session.touch();
    if (callback === undefined) void session.save();
    else session.save(callback);
  }

  reload(callback: SessionCallback): void {
    this.#exchange.session.reload((error) => {
      if (error === undefined) this.#session = undefined;
      const isGone = isSessError(error) && error.code === 'SESSION_GONE';
      callback(isGone ? Object.assign(new Error('failed to load session', { cause: error }), { status: 409 }) : error);
    });
  }

  destroy(callback: SessionCallback | undefined): void {
    this.#unset = 'destroyed';
    if (callback === undefined) void this.#exchange.session.destroy();
    else this.#exchange.session.destroy(callback);
  }

  regenerate(options: RegenerateOptions, callback: SessionCallback): void {
    // What is kept is kept as the app has left it.
    if (options.keep !== undefined) this.#write(false);
    this.#unset = undefined;
    this.#exchange.session.regenerate(options, callback);
  }

  #current(): Session {
    if (this.#session !== undefined && this.#source === this.#exchange.session) return this.#session;
    const source = this.#exchange.session;
    const values = new SessionValues(fieldsOf(source));
    const data = values.all();
    const cookie = this.#cookieOf(source, data['cookie']);
    this.#source = source;
    this.#data = values;
    this.#session = this.#show(new Session(this.#request, { ...data, cookie }));
    return this.#session;
  }

  /** @param attributes those that are stored with the session, if any are */
  #cookieOf(source: SessionExchange['session'], attributes: unknown): Cookie {
    const cookie = Object.assign(this.#options.cookie(this.#request), attributes);
    if (source.isNew) return cookie;
    const { originalMaxAge, expires } = source.cookie;
    cookie.expires = expires;
    cookie.originalMaxAge = originalMaxAge;
    return cookie;
  }

  #show(session: Session): Session {
    attachVerbs(session, this);
    return session;
  }

  /** @param isWanted whether a session without data is to have a record, too */
  #write(isWanted: boolean): void {
    const session = this.#current();
    if (!(session.cookie instanceof Cookie)) session.cookie = new Cookie(Object(session.cookie));
    const { cookie } = session;
    if (cookie.httpOnly === false)
      throw new SessError(
        'CONFIG_INVALID',
        'req.session.cookie.httpOnly can not be switched off: no script needs to read the session cookie.',
      );
    // Before anything is stored: a login whose cookie cannot be sent must not end the session before it.
    cookieOfOne('sid', '', attributesOf(cookie));
    session.resetMaxAge();
    const isChanged = this.#data?.write(session, fieldsOf(this.#exchange.session)) === true;
    this.#writeCookie(cookie, isWanted);
    if (this.#options.rolling || (isChanged && cookie.originalMaxAge !== null)) resendCookie(this.#exchange.session);
  }

  #writeCookie(cookie: Cookie, isWanted: boolean): void {
    const source = this.#exchange.session;
    const fields = fieldsOf(source);
    if (cookie.originalMaxAge !== source.cookie.originalMaxAge)
      source.cookie.maxAge = cookie.originalMaxAge === null ? null : Math.max(1, cookie.originalMaxAge);
    const text = textOfCookie(cookie);
    const usual = textOfCookie(this.#options.cookie(this.#request));
    const isFirst = isWanted && source.isNew && fields.keys().length === 0;
    if (text === (fields.text('cookie') ?? usual) && !isFirst) return;
    fields.set('cookie', JSON.parse(text));
  }
}
