import { Visitor, serve } from '@sess/adapter-tests';
import express, { type Express } from 'express';

import { type SessionMiddleware, session } from '../src/commonjs/middleware.ts';
import type { SessionOptions } from '../src/commonjs/options.ts';

export const secret = 'x7Kq-tests-of-the-drop-in-only-Zr91-Lm20';

export interface App {
  readonly app: Express;
  readonly middleware: SessionMiddleware;
  readonly visitor: Visitor;
}

/** An app whose sessions are made with these options, beside what most apps of express-session say. */
export async function open(options: SessionOptions, define: (app: Express) => void): Promise<App> {
  const app = express();
  app.set('env', 'test');
  const middleware = session({ secret, resave: false, saveUninitialized: false, logger: false, ...options });
  app.use(middleware);
  define(app);
  const { url } = await serve(app);
  return { app, middleware, visitor: new Visitor(url) };
}

/** The one cookie of an answer, as `name=value` and attributes. */
export const cookieOf = (answer: Response): string | undefined => answer.headers.getSetCookie().at(-1);
