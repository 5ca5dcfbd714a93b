import type { RegenerateOptions as CoreOptions } from '@sess/core';

import type { Cookie } from './cookie.ts';

/** What each session has; an app merges its own data into the interface that the entry exports. */
export interface SessionData {
  /** The cookie of the session: its attributes, and how long the session lives. */
  cookie: Cookie;
}

/** Called with the error, or with nothing. */
export type SessionCallback = (error?: unknown) => void;

/** What a session that is not a running request's asks of its store. */
export interface SessionKeeper {
  get(sid: string, callback: (error: unknown, session?: SessionData | null) => void): void;
  set(sid: string, session: SessionData, callback?: SessionCallback): void;
  destroy(sid: string, callback?: SessionCallback): void;
  regenerate(request: SessionRequest, callback: SessionCallback): void;
  createSession(request: SessionRequest, data: SessionData): Session;
}

/** What a session needs to know of its request. */
export interface SessionRequest {
  sessionID: string;
  sessionStore: SessionKeeper;
  session?: Session | undefined;
}

/** What `regenerate()` takes besides the callback, and express-session does not have. */
export interface RegenerateOptions extends Omit<CoreOptions, 'keep'> {
  /** What goes over to the new session: nothing, all, or these keys. @default nothing */
  keep?: true | readonly string[];
}

/** How a session of a running request is saved, ended and so on. */
export interface SessionVerbs {
  touch(): void;
  save(session: Session, callback: SessionCallback | undefined): void;
  reload(callback: SessionCallback): void;
  destroy(callback: SessionCallback | undefined): void;
  regenerate(options: RegenerateOptions, callback: SessionCallback): void;
}

/** Not in a `WeakMap`, where a session and its request would stay until a full garbage collection. */
const verbs: unique symbol = Symbol('verbs');

/** From now on the session is that of a running request. */
export function attachVerbs(session: Session, of: SessionVerbs): void {
  Object.defineProperty(session, verbs, { value: of, configurable: true });
}

function verbsOf(session: Session & { readonly [verbs]?: SessionVerbs }): SessionVerbs | undefined {
  return session[verbs];
}

/** A session: the app's data as properties, and methods that are not enumerable. */
export class Session {
  /** The request whose session it is. */
  declare readonly req: SessionRequest;
  /** The session's name in the store. It is not in the cookie, and safe to log. */
  declare readonly id: string;
  /** Its cookie: assign `maxAge` or `expires`, and the session ends at another time. */
  declare cookie: Cookie;

  constructor(request: SessionRequest, data?: object | null) {
    Object.defineProperty(this, 'req', { value: request });
    Object.defineProperty(this, 'id', { value: request.sessionID });
    // A key that is a method's name stays in the store.
    for (const [key, value] of Object.entries(data ?? {})) if (!(key in this)) Reflect.set(this, key, value);
  }

  /** Moves the deadline with this request. */
  touch(): this {
    verbsOf(this)?.touch();
    return this.resetMaxAge();
  }

  /** Counts the cookie's lifetime from now on. */
  resetMaxAge(): this {
    this.cookie.maxAge = this.cookie.originalMaxAge;
    return this;
  }

  /** Stores the session now. (It is stored before the answer leaves anyway.) */
  save(callback?: SessionCallback): this {
    const live = verbsOf(this);
    if (live === undefined) this.req.sessionStore.set(this.id, this, callback);
    else live.save(this, callback);
    return this;
  }

  /** Reads the session again: `req.session` is another object then. */
  reload(callback: SessionCallback): this {
    const live = verbsOf(this);
    if (live === undefined) this.#readAgain(callback);
    else live.reload(callback);
    return this;
  }

  #readAgain(callback: SessionCallback): void {
    const { req } = this;
    req.sessionStore.get(this.id, (error, found) => {
      if (error) return callback(error);
      if (!found) return callback(new Error('failed to load session'));
      req.sessionStore.createSession(req, found);
      callback();
    });
  }

  /** Ends the session: a logout. `req.session` is `undefined` from now on. */
  destroy(callback?: SessionCallback): this {
    const live = verbsOf(this);
    if (live === undefined) this.req.sessionStore.destroy(this.id, callback);
    else live.destroy(callback);
    return this;
  }

  /** Gives the visitor a new session with a new cookie, and ends this one: at a login. */
  regenerate(callback: SessionCallback): this;
  regenerate(options: RegenerateOptions, callback: SessionCallback): this;
  regenerate(first: RegenerateOptions | SessionCallback = {}, second: SessionCallback = () => {}): this {
    const [options, callback] = typeof first === 'function' ? [{}, first] : [first, second];
    const live = verbsOf(this);
    if (live === undefined) this.req.sessionStore.regenerate(this.req, callback);
    else live.regenerate(options, callback);
    return this;
  }
}
