import * as cookies from './cookie.ts';
import * as memory from './memory-store.ts';
import * as middleware from './middleware.ts';
import type * as options from './options.ts';
import * as sessions from './session.ts';
import * as stores from './store.ts';

interface SessionFunction {
  (options?: options.SessionOptions): middleware.SessionMiddleware;
  readonly default: typeof middleware.session;
  readonly Store: typeof stores.Store;
  readonly MemoryStore: typeof memory.MemoryStore;
  readonly Session: typeof sessions.Session;
  readonly Cookie: typeof cookies.Cookie;
}

/** As express-session: `require()` gives the middleware's factory itself, and the classes are on it. */
const session: SessionFunction = Object.assign(middleware.session, {
  default: middleware.session,
  Store: stores.Store,
  MemoryStore: memory.MemoryStore,
  Session: sessions.Session,
  Cookie: cookies.Cookie,
});

declare namespace session {
  export type Store = stores.Store;
  export type MemoryStore = memory.MemoryStore;
  export type Session = sessions.Session;
  export type Cookie = cookies.Cookie;
  export type CookieOptions = cookies.CookieOptions;
  export type SessionOptions = options.SessionOptions;
  export type SessionMiddleware = middleware.SessionMiddleware;
  /** The app's data in a session: merge your keys into it, `declare module 'express-session'`. */
  export interface SessionData extends sessions.SessionData {}
}

declare global {
  namespace Express {
    interface Request {
      session: session.Session & Partial<session.SessionData>;
      /** The session's name in the store. It is not in the cookie, and safe to log. */
      sessionID: string;
      sessionStore: session.Store;
    }
  }
}

export = session;
