import session from './commonjs/index.ts';

export type { CookieOptions, SessionData, SessionMiddleware, SessionOptions } from './commonjs/index.ts';
export default session;
/** What the stores of express-session extend. */
export const Store: typeof session.Store = session.Store;
/** The sessions of one process, for tests and for programs that are no more than one. */
export const MemoryStore: typeof session.MemoryStore = session.MemoryStore;
/** The class of `req.session`. */
export const Session: typeof session.Session = session.Session;
/** The class of `req.session.cookie`. */
export const Cookie: typeof session.Cookie = session.Cookie;
/** What the stores of express-session extend. */
export type Store = session.Store;
/** The sessions of one process, for tests and for programs that are no more than one. */
export type MemoryStore = session.MemoryStore;
/** `req.session`: the app's data as properties, and methods that are not enumerable. */
export type Session = session.Session;
/** `req.session.cookie`: its attributes, and how long the session lives. */
export type Cookie = session.Cookie;
