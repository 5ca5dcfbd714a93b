import { bodyParser } from '@koa/bodyparser';
import Router from '@koa/router';
import type { Sessions } from '@sess/core';
import { type Demo, type Input, type Reply, asset, notFound, problemReply } from '@sess/demo-kit';
import { session } from '@sess/koa';
import Koa, { type Context } from 'koa';

/**
 * A Koa app like any other, and one line of it makes its sessions the same in every worker process. What the routes do
 * with `ctx.session` is in the demo kit (`demo.ts`), since every framework's demo does the same.
 */
export function createApp({ sessions, demo }: { sessions: Sessions; demo: Demo }): Koa {
  const app = new Koa();
  // The answer says what is wrong, and the library has logged the faults of the store.
  app.silent = true;

  // A store that does not answer comes here like every other error: as a 503, never as a logged-out page.
  app.use(async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      send(ctx, problemReply(error, ctx.get('accept')));
    }
  });

  // The files of the page come next: they need no session.
  app.use(async (ctx, next) => {
    const file = ctx.method === 'GET' ? asset(ctx.path) : undefined;
    if (file === undefined) await next();
    else send(ctx, file);
  });
  app.use(async (ctx, next) => {
    if (ctx.method === 'GET' && ctx.path === '/healthz') send(ctx, await demo.health());
    else await next();
  });

  // This is the line. Most apps write `app.use(session())`.
  app.use(session(sessions));
  app.use(bodyParser({ jsonLimit: '100kb', formLimit: '100kb' }));

  const router = new Router();

  // Looking at a session costs one read, and nothing at all for a visitor without a cookie.
  router.get('/', (ctx) => send(ctx, demo.page(ctx.session)));
  router.get('/api/me', (ctx) => send(ctx, demo.me(ctx.session)));
  router.get('/api/get/:key', (ctx) => send(ctx, demo.get(ctx.session, ctx.params.key ?? '')));

  // `ctx.session.regenerate({ owner })`, `.destroy()` and `sessions.revokeAll(owner)`.
  router.post('/api/login', async (ctx) => send(ctx, await demo.login(ctx.session, input(ctx))));
  router.post('/api/logout', async (ctx) => send(ctx, await demo.logout(ctx.session, input(ctx))));
  router.post('/api/logout-everywhere', async (ctx) => send(ctx, await demo.logoutEverywhere(ctx.session, input(ctx))));

  // `await ctx.session.update('views', ...)` loses no count; `ctx.session[key] = value` loses no other key.
  router.post('/api/count', async (ctx) => send(ctx, await demo.count(ctx.session)));
  router.post('/api/set/:key', async (ctx) => {
    send(ctx, await demo.set(ctx.session, ctx.params.key ?? '', ctx.request.body, ctx.query['delay']));
  });

  // `sessions.list(owner)` and `sessions.revoke(handle)`.
  router.get('/api/sessions', async (ctx) => send(ctx, await demo.list(ctx.session)));
  router.post('/api/sessions/:handle/revoke', async (ctx) => {
    send(ctx, await demo.revoke(ctx.session, ctx.params.handle ?? ''));
  });

  app.use(router.routes());
  app.use(() => {
    throw notFound();
  });
  return app;
}

function input(ctx: Context): Input {
  return { body: ctx.request.body, form: ctx.is('urlencoded') !== false, userAgent: ctx.get('user-agent') };
}

function send(ctx: Context, { status, headers, body }: Reply): void {
  ctx.status = status;
  ctx.set(headers);
  ctx.body = body;
}
