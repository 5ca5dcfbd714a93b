import type { IncomingMessage } from 'node:http';

import { type CookieAttributes, SessError, type SessionExchange, isSessError } from '@sess/core';
import { isDestroyed, touchAnyway } from '@sess/core/internal';

import { type Cookie, attributesOf } from './cookie.ts';
import { SessionView, type ViewOptions, cookieOf, viewOf } from './session-view.ts';
import {
  type RegenerateOptions,
  type Session,
  type SessionCallback,
  type SessionRequest,
  type SessionVerbs,
  attachVerbs,
} from './session.ts';

/** What is the same for all requests of a middleware. */
export interface LiveOptions extends ViewOptions {
  readonly isSecure: (request: IncomingMessage) => boolean;
  readonly saveUninitialized: boolean;
  /** Whether `req.session = null` destroys the session; else it is left as it is. */
  readonly unsetDestroys: boolean;
  /** Whether each request moves the session's deadline: the store may end what is not touched before we would. */
  readonly touchesAlways: boolean;
  /** Told of an explicit `save()`, before it is carried out. */
  readonly onSave: (id: string) => void;
}

/** A request's session as users of express-session know it: an object of their own over core's session. */
export class LiveSession implements SessionVerbs {
  readonly #request: IncomingMessage & SessionRequest;
  readonly #exchange: SessionExchange;
  readonly #options: LiveOptions;
  /** What the app sees, once it has looked. */
  #view: SessionView | undefined;
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
      return this.#current().object;
    } catch (error) {
      if (isSessError(error) && error.status === 503) return this.#exchange.session;
      throw error;
    }
  }

  set session(value: unknown) {
    if (value === null || value === undefined) {
      this.#unset ??= value === null ? 'null' : 'undefined';
    } else if (typeof value === 'object') {
      // After a logout an app that goes on needs a new session, as `store.generate(req)` makes one.
      if (isDestroyed(this.#exchange.session)) void this.#exchange.session.regenerate();
      const view = this.#current();
      this.#unset = undefined;
      this.#show(new SessionView(this.#request, view.source, this.#options, { view, data: value }));
    } else throw new SessError('UNSUPPORTED', 'req.session cannot hold a value: assign its keys.');
  }

  /** A value that is not a text cannot name a session: the request goes without one, as with express-session. */
  set id(value: unknown) {
    if (value === this.#exchange.session.handle) return;
    if (typeof value === 'string')
      throw new SessError('UNSUPPORTED', 'req.sessionID cannot be chosen: a session is named by the library alone.');
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
      return;
    }
    if (isUnset) return;
    if (this.#isToBeWritten()) this.#write();
    if (this.#options.touchesAlways) touchAnyway(this.#exchange.session);
  }

  /** What the app's own object throws, by a getter of it, is no fault of the store. */
  #write(): void {
    try {
      this.#current().write(this.#options.saveUninitialized);
    } catch (cause) {
      if (isSessError(cause)) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new SessError('NOT_SERIALIZABLE', `req.session cannot be written as JSON: ${why}`, { cause });
    }
  }

  #isToBeWritten(): boolean {
    const { rolling, saveUninitialized } = this.#options;
    if (this.#view !== undefined || rolling) return true;
    return saveUninitialized && this.#exchange.session.isNew;
  }

  /** What the answer's cookie says of itself; `undefined`: it is not sent. */
  cookieAttributes(): CookieAttributes | undefined {
    const attributes = this.#view?.cookieAttributes ?? attributesOf(this.#unseenCookie());
    if (this.#isDisowned || (attributes.secure === true && !this.#options.isSecure(this.#request))) return undefined;
    return attributes;
  }

  /** The cookie of a session that the app has not looked at: one that was taken over, for example. */
  #unseenCookie(): Cookie {
    const { session } = this.#exchange;
    const usual = this.#options.cookie(this.#request);
    return isDestroyed(session) ? usual : cookieOf(session, usual);
  }

  touch(): void {
    this.#exchange.session.touch();
  }

  /** An object from before a reload brings what was changed in it; one from before a regenerate cannot be saved any more. */
  save(object: Session, callback: SessionCallback | undefined): void {
    const view = viewOf(object) ?? this.#current();
    const { source } = view;
    try {
      view.write(true);
    } catch (error) {
      if (callback === undefined) throw error;
      process.nextTick(callback, error);
      return;
    }
    if (!source.isNew) this.#options.onSave(source.handle);
    // As express-session does, an explicit save moves the deadline, whatever else there is to be stored.
    source.touch();
    if (callback === undefined) void source.save();
    else source.save(callback);
  }

  reload(callback: SessionCallback): void {
    this.#exchange.session.reload((error) => {
      if (error === undefined) this.#view = undefined;
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
    if (options.keep !== undefined) this.#current().write(false);
    this.#unset = undefined;
    this.#exchange.session.regenerate(options, callback);
  }

  #current(): SessionView {
    const { session } = this.#exchange;
    if (this.#view?.source === session) return this.#view;
    return this.#show(new SessionView(this.#request, session, this.#options));
  }

  #show(view: SessionView): SessionView {
    this.#view = view;
    attachVerbs(view.object, this);
    return view;
  }
}
