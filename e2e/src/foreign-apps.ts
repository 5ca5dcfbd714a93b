import type { RequestListener } from 'node:http';
import type { SessError, Sessions } from '@sess/core';
import { session as expressSession } from '@sess/express';
import { session as koaSession } from '@sess/koa';
import type { NextFunction, Request, Response } from 'express';
import express from 'express';
import express4 from 'express4';
import Koa from 'koa';

import type { CalledApp } from './foreign-callers.ts';

declare module '@sess/core' {
  interface SessionData {
    visits?: number;
  }
}

/** The same small app in each framework. */
export const apps: Readonly<Record<string, (sessions: Sessions) => CalledApp>> = {
  'Express 5': (sessions) => expressApp(express(), sessions),
  'Express 4': (sessions) => expressApp(express4(), sessions),
  Koa: koaApp,
};

type Handle = (req: Request, res: Response, next: NextFunction) => void;
type HandleError = (error: unknown, req: Request, res: Response, next: NextFunction) => void;

/** An app of Express, as far as its versions have the same. */
interface ExpressApp extends RequestListener {
  use(handle: Handle | HandleError): unknown;
  get(path: string, handle: Handle): unknown;
}

function expressApp(app: ExpressApp, sessions: Sessions): CalledApp {
  app.use(expressSession(sessions));
  app.get('/plain', (_req, res) => void res.send('plain'));
  app.get('/read', (req, res) => void res.json(req.session.visits ?? 0));
  app.get('/visit', (req, res) => {
    req.session.visits = (req.session.visits ?? 0) + 1;
    res.json(req.session.visits);
  });
  app.get('/away', (req, res) => {
    req.session.visits = 0;
    res.redirect('https://id.example/');
  });
  app.get('/stream', (req, res) => {
    req.session.visits = 7;
    res.write('a piece, ');
    res.write('another, ');
    res.end('the end');
  });
  app.get('/late', (req, res) => {
    const { session } = req;
    res.write('a piece, ');
    session.visits = 8;
    res.end('the end');
  });
  app.get('/logout', (req, res, next) => {
    req.session.destroy((error) => (error === undefined ? res.json('bye') : next(error)));
  });
  // Express's own wants more of a request than node-mocks-http makes.
  app.use((error: unknown, _req: Request, res: Response, _next: NextFunction) => {
    const { status = 500, code } = error as Partial<SessError>;
    res.status(status).json({ code });
  });
  return { app, listener: app };
}

function koaApp(sessions: Sessions): CalledApp {
  const app = new Koa();
  app.silent = true;
  app.use(koaSession(sessions));
  const routes: Record<string, (ctx: Koa.Context) => unknown> = {
    '/plain': () => 'plain',
    '/read': (ctx) => JSON.stringify(ctx.session.visits ?? 0),
    '/visit': (ctx) => {
      ctx.session.visits = (ctx.session.visits ?? 0) + 1;
      return JSON.stringify(ctx.session.visits);
    },
    '/away': (ctx) => {
      ctx.session.visits = 0;
      ctx.redirect('https://id.example/');
      return ctx.body;
    },
    '/stream': (ctx) => {
      ctx.session.visits = 7;
      ctx.status = 200;
      ctx.res.write('a piece, ');
      ctx.res.write('another, ');
      return 'the end';
    },
    '/late': (ctx) => {
      const { session } = ctx;
      ctx.status = 200;
      ctx.res.write('a piece, ');
      session.visits = 8;
      return 'the end';
    },
    '/logout': async (ctx) => {
      await ctx.session.destroy();
      return '"bye"';
    },
  };
  app.use(async (ctx) => {
    const body = await routes[ctx.path]?.(ctx);
    if (ctx.res.headersSent) {
      ctx.respond = false;
      ctx.res.end(body);
    } else ctx.body = body;
  });
  const listener = app.callback();
  return { app, listener: (req, res) => void listener(req, res) };
}
