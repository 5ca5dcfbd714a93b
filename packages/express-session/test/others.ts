import { createRequire } from 'node:module';

import type { RequestHandler } from 'express';

import type { session } from '../src/commonjs/middleware.ts';

/** What a package exports that has no types, or some that know `express-session` alone. */
export const load: NodeJS.Require = createRequire(import.meta.url);

/** What both libraries are asked for here. */
export type MakeSession = (options: Parameters<typeof session>[0]) => RequestHandler;

type MakeHandler = (options?: object) => RequestHandler;

export const original: MakeSession & { MemoryStore: new () => object } = load('express-session-original');
export const flash: MakeHandler = load('connect-flash');
export const expressFlash: MakeHandler = load('express-flash');
export const openIdConnect: (options: object) => RequestHandler = load('express-openid-connect').auth;
export const ensureLoggedIn: (to: string) => RequestHandler = load('connect-ensure-login').ensureLoggedIn;
export const ensureLoggedOut: (to: string) => RequestHandler = load('connect-ensure-login').ensureLoggedOut;
export const csurf: MakeHandler = load('csurf');
export const lusca: MakeHandler = load('lusca');
export const grant: { express: (config: object) => RequestHandler } = load('grant');
export const csrfSync: () => {
  generateToken: (request: unknown) => string;
  csrfSynchronisedProtection: RequestHandler;
} = load('csrf-sync').csrfSync;
export const doubleCsrf: (options: object) => {
  generateCsrfToken: (request: unknown, response: unknown) => string;
  doubleCsrfProtection: RequestHandler;
} = load('csrf-csrf').doubleCsrf;
export const rateLimit: MakeHandler = load('express-rate-limit').rateLimit;

interface Strategies {
  Strategy: new (...args: unknown[]) => object;
}

export const passportLocal: Strategies = load('passport-local');
export const passportOAuth2: Strategies = load('passport-oauth2');
export const passportOpenId: Strategies = load('passport-openidconnect');
export const Passport: new () => Auth = load('passport').Passport;

/** A passport of its own for each app. */
export interface Auth {
  use(name: string, strategy: object): void;
  serializeUser(of: (user: { id: string }, done: (error: unknown, id?: string) => void) => void): void;
  deserializeUser(of: (id: string, done: (error: unknown, user?: object) => void) => void): void;
  authenticate(name: string, options?: object): RequestHandler;
}
