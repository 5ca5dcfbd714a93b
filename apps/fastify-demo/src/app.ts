import formbody from '@fastify/formbody';
import type { Sessions } from '@sess/core';
import { type Demo, type Input, type Reply, asset, notFound, problemReply } from '@sess/demo-kit';
import { session } from '@sess/fastify';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';

/**
 * A Fastify app like any other, and one line of it makes its sessions the same in every worker process. What the routes
 * do with `request.session` is in the demo kit (`demo.ts`), since every framework's demo does the same.
 */
export function createApp({ sessions, demo }: { sessions: Sessions; demo: Demo }): FastifyInstance {
  const app = Fastify({ bodyLimit: 100 * 1024, exposeHeadRoutes: true });

  // A store that does not answer comes here like every other error: as a 503, never as a logged-out page.
  app.setErrorHandler((error, request, reply) => send(reply, problemReply(error, request.headers.accept)));

  // The files of the page need no session, nor does the check of health: they answer before it is opened.
  app.addHook('onRequest', async (request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const file = request.method === 'GET' ? asset(path) : undefined;
    if (file !== undefined) return send(reply, file);
    if (request.method === 'GET' && path === '/healthz') return send(reply, await demo.health());
    return undefined;
  });

  // This is the line. Most apps write `app.register(session)`.
  void app.register(session, sessions);
  void app.register(formbody);
  void app.register(async (routes) => addRoutes(routes, demo));
  return app;
}

function addRoutes(app: FastifyInstance, demo: Demo): void {
  // Looking at a session costs one read, and nothing at all for a visitor without a cookie.
  app.get('/', (request, reply) => send(reply, demo.page(request.session)));
  app.get('/api/me', (request, reply) => send(reply, demo.me(request.session)));
  app.get<Key>('/api/get/:key', (request, reply) => send(reply, demo.get(request.session, request.params.key)));

  // `request.session.regenerate({ owner })`, `.destroy()` and `sessions.revokeAll(owner)`.
  app.post('/api/login', async (request, reply) => send(reply, await demo.login(request.session, input(request))));
  app.post('/api/logout', async (request, reply) => send(reply, await demo.logout(request.session, input(request))));
  app.post('/api/logout-everywhere', async (request, reply) =>
    send(reply, await demo.logoutEverywhere(request.session, input(request))),
  );

  // `await request.session.update('views', ...)` loses no count; `request.session[key] = value` loses no other key.
  app.post('/api/count', async (request, reply) => send(reply, await demo.count(request.session)));
  app.post<Key & { Querystring: { delay?: string } }>('/api/set/:key', async (request, reply) => {
    const { session: visitors, params, body, query } = request;
    return send(reply, await demo.set(visitors, params.key, body, query.delay));
  });

  // `sessions.list(owner)` and `sessions.revoke(handle)`.
  app.get('/api/sessions', async (request, reply) => send(reply, await demo.list(request.session)));
  app.post<{ Params: { handle: string } }>('/api/sessions/:handle/revoke', async (request, reply) =>
    send(reply, await demo.revoke(request.session, request.params.handle)),
  );

  app.setNotFoundHandler(() => {
    throw notFound();
  });
}

interface Key {
  Params: { key: string };
}

function input({ body, headers }: FastifyRequest): Input {
  const form = headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
  return { body, form, userAgent: headers['user-agent'] };
}

function send(reply: FastifyReply, { status, headers, body }: Reply): FastifyReply {
  return reply.code(status).headers(headers).send(body);
}
