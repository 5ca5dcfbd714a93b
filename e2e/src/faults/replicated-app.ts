// The Express demo's routes on a Redis whose replica has to have each login and each logout.
import type { RequestListener } from 'node:http';
import { createSessions } from '@sess/core';
import { type Reply, createDemo } from '@sess/demo-kit';
import { session } from '@sess/express';
import { redisStore } from '@sess/redis';
import express, { type Request, type Response } from 'express';
import { runPeer } from './peers/cluster.ts';

const send = (response: Response, { status, headers, body }: Reply): void =>
  void response.status(status).set(headers).send(body);

const input = (request: Request): { body: unknown; form: false; userAgent: undefined } => ({
  body: request.body,
  form: false,
  userAgent: undefined,
});

async function createApp(): Promise<RequestListener> {
  const sessions = createSessions({
    store: redisStore({ url: process.env['SESSION_REDIS_URL'] ?? '', durability: 'replicated' }),
    secret: 'a secret of the fault table with more than 32 bytes',
    cookie: { name: 'sid', secure: false },
  });
  await sessions.ready();
  const demo = createDemo({ sessions, store: 'redis', framework: 'Express', why: 'A fault needs it.', workers: 3 });
  const app = express();
  app.use(session(sessions), express.json());
  app.get('/api/me', (request, response) => send(response, demo.me(request.session)));
  app.get('/api/get/:key', (request, response) => send(response, demo.get(request.session, request.params.key)));
  app.post('/api/login', async (request, response) =>
    send(response, await demo.login(request.session, input(request))),
  );
  app.post('/api/logout', async (request, response) =>
    send(response, await demo.logout(request.session, input(request))),
  );
  app.post('/api/logout-everywhere', async (request, response) =>
    send(response, await demo.logoutEverywhere(request.session, input(request))),
  );
  app.post('/api/count', async (request, response) => send(response, await demo.count(request.session)));
  app.post('/api/set/:key', async (request, response) =>
    send(response, await demo.set(request.session, request.params.key, request.body, request.query['delay'])),
  );
  return app;
}

runPeer('Express', createApp);
