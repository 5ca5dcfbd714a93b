export { type CookieSessionOptions, cookieSession } from './former/cookie-session.ts';
export { type ConnectSidOptions, type ConnectStore, connectSid } from './former/connect-sid.ts';
export type { FormerCookie } from './former/former-cookie.ts';
export type { FormerData, FormerSession, FormerSessions, OwnerOf } from './former/former-sessions.ts';
export { type IronSessionOptions, type Unseal, ironSession } from './former/iron-session.ts';
export { type KoaSessionOptions, type KoaStore, koaSession } from './former/koa-session.ts';
