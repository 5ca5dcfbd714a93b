/* oxlint-disable sess/import-law -- the API reference is made from the sources themselves */
/**
 * `require('@sess/express-session')` is the middleware's factory, and the classes are on it. TypeDoc makes of that a page
 * of names that point at each other, so here are the same names once more, each where it is declared.
 */
export { Cookie, type CookieOptions } from '../packages/express-session/src/commonjs/cookie.ts';
export { MemoryStore } from '../packages/express-session/src/commonjs/memory-store.ts';
export { type SessionMiddleware, session } from '../packages/express-session/src/commonjs/middleware.ts';
export type { SessionOptions } from '../packages/express-session/src/commonjs/options.ts';
export { Session, type SessionData } from '../packages/express-session/src/commonjs/session.ts';
export { Store } from '../packages/express-session/src/commonjs/store.ts';
