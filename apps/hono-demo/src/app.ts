import type { Sessions } from '@sess/core';
import { type Demo, type Input, type Reply, asset, notFound, problemReply } from '@sess/demo-kit';
import { session } from '@sess/hono';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';

/**
 * A Hono app like any other, and one line of it makes its sessions the same in every worker process. What the routes do
 * with `c.get('session')` is in the demo kit (`demo.ts`), since every framework's demo does the same.
 */
export function createApp({ sessions, demo }: { sessions: Sessions; demo: Demo }): Hono {
  const app = new Hono();

  // A store that does not answer comes here like every other error: as a 503, never as a logged-out page.
  app.onError((error, c) => send(problemReply(error, c.req.header('accept'))));
  app.notFound(() => {
    throw notFound();
  });

  // The files of the page come first: they need no session.
  app.get('*', (c, next) => {
    const file = asset(c.req.path);
    return file === undefined ? next() : Promise.resolve(send(file));
  });
  app.get('/healthz', async () => send(await demo.health()));

  // This is the line. Most apps write `app.use(session())`.
  app.use(session(sessions));
  app.use(bodyLimit({ maxSize: 100 * 1024, onError: (c) => send(problemReply(tooLarge(), c.req.header('accept'))) }));

  // Looking at a session costs one read, and nothing at all for a visitor without a cookie.
  app.get('/', (c) => send(demo.page(c.var.session)));
  app.get('/api/me', (c) => send(demo.me(c.var.session)));
  app.get('/api/get/:key', (c) => send(demo.get(c.var.session, c.req.param('key'))));

  // `session.regenerate({ owner })`, `.destroy()` and `sessions.revokeAll(owner)`.
  app.post('/api/login', async (c) => send(await demo.login(c.var.session, await input(c))));
  app.post('/api/logout', async (c) => send(await demo.logout(c.var.session, await input(c))));
  app.post('/api/logout-everywhere', async (c) => send(await demo.logoutEverywhere(c.var.session, await input(c))));

  // `await session.update('views', ...)` loses no count; `session[key] = value` loses no other key.
  app.post('/api/count', async (c) => send(await demo.count(c.var.session)));
  app.post('/api/set/:key', async (c) => {
    const { body } = await input(c);
    const [delay, ...more] = c.req.queries('delay') ?? [];
    return send(await demo.set(c.var.session, c.req.param('key'), body, more.length === 0 ? delay : more));
  });

  // `sessions.list(owner)` and `sessions.revoke(handle)`.
  app.get('/api/sessions', async (c) => send(await demo.list(c.var.session)));
  app.post('/api/sessions/:handle/revoke', async (c) => send(await demo.revoke(c.var.session, c.req.param('handle'))));
  return app;
}

function tooLarge(): Error {
  return Object.assign(new Error('The body is larger than 100 kB.'), { status: 413 });
}

/** Hono parses no body unasked. */
async function input(c: Context): Promise<Input> {
  const type = c.req.header('content-type') ?? '';
  const userAgent = c.req.header('user-agent');
  if (type.startsWith('application/x-www-form-urlencoded'))
    return { body: await c.req.parseBody(), form: true, userAgent };
  if (!type.startsWith('application/json')) return { body: undefined, form: false };
  const text = await c.req.text();
  try {
    return { body: text === '' ? {} : JSON.parse(text), form: false, userAgent };
  } catch (cause) {
    throw Object.assign(new SyntaxError('The body is not JSON.', { cause }), { status: 400 });
  }
}

function send({ status, headers, body }: Reply): Response {
  return new Response(body, { status, headers });
}
