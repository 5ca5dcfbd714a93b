import type { Sessions } from '@sess/core';
import { type Demo, type Input, type Reply, asset, notFound, problemReply } from '@sess/demo-kit';
import { session } from '@sess/express';
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';

/**
 * An Express app like any other, and one line of it makes its sessions the same in every worker process. What the
 * routes do with `req.session` is in the demo kit (`demo.ts`), since every framework's demo does the same.
 */
export function createApp({ sessions, demo }: { sessions: Sessions; demo: Demo }): Express {
  const app = express();
  app.disable('x-powered-by');

  // The files of the page come first: they need no session.
  app.use((req, res, next) => {
    const file = req.method === 'GET' ? asset(req.path) : undefined;
    if (file === undefined) next();
    else send(res, file);
  });
  app.get('/healthz', async (_req, res) => send(res, await demo.health()));

  // This is the line. Most apps write `app.use(session())`.
  app.use(session(sessions));
  app.use(express.json(), express.urlencoded({ extended: false }));

  // Looking at a session costs one read, and nothing at all for a visitor without a cookie.
  app.get('/', (req, res) => send(res, demo.page(req.session)));
  app.get('/api/me', (req, res) => send(res, demo.me(req.session)));
  app.get('/api/get/:key', (req, res) => send(res, demo.get(req.session, req.params.key)));

  // `req.session.regenerate({ owner })`, `.destroy()` and `sessions.revokeAll(owner)`.
  app.post('/api/login', async (req, res) => send(res, await demo.login(req.session, input(req))));
  app.post('/api/logout', async (req, res) => send(res, await demo.logout(req.session, input(req))));
  app.post('/api/logout-everywhere', async (req, res) =>
    send(res, await demo.logoutEverywhere(req.session, input(req))),
  );

  // `await req.session.update('views', ...)` loses no count; `req.session[key] = value` loses no other key.
  app.post('/api/count', async (req, res) => send(res, await demo.count(req.session)));
  app.post('/api/set/:key', async (req, res) => {
    send(res, await demo.set(req.session, req.params.key, req.body, req.query['delay']));
  });

  // `sessions.list(owner)` and `sessions.revoke(handle)`.
  app.get('/api/sessions', async (req, res) => send(res, await demo.list(req.session)));
  app.post('/api/sessions/:handle/revoke', async (req, res) => {
    send(res, await demo.revoke(req.session, req.params.handle));
  });

  app.use((_req, _res, next) => next(notFound()));
  app.use(answerProblem);
  return app;
}

/** A store that does not answer comes here like every other error: as a 503, never as a logged-out page. */
const answerProblem: ErrorRequestHandler = (error, req, res, next) => {
  if (res.headersSent) next(error);
  else send(res, problemReply(error, req.get('accept')));
};

function input(req: Request): Input {
  return { body: req.body, form: req.is('urlencoded') !== false, userAgent: req.get('user-agent') };
}

function send(res: Response, { status, headers, body }: Reply): void {
  res.status(status).set(headers).send(body);
}
