import type { IncomingMessage, ServerResponse } from 'node:http';

import { Visitor, serve as serveListener, stopServers } from '@sess/adapter-tests';
import { type Sessions, type Session, createSessions, memoryStore } from '@sess/core';
import { exposing } from '@sess/core/internal';
import Koa from 'koa';
import mount from 'koa-mount';
import Koa2 from 'koa2';
import { afterEach, describe, expect, it } from 'vitest';

import { secret, serve, versions } from '../test/kit.ts';
import { session } from './index.ts';

afterEach(stopServers);

declare module 'koa' {
  interface ExtendableContext {
    adminSession: Session;
  }
}

const made = (name?: string): Sessions =>
  createSessions({ store: memoryStore(), secret, logger: false, ...(name === undefined ? {} : { cookie: { name } }) });

describe.each(versions(Koa, Koa2))('two kinds of sessions on %s', (_version, Koa) => {
  const users = made();
  const admins = made('admin');
  const kinds = [session(users), session(admins, { property: 'adminSession' })] as const;

  /** What the app is told of a request, or `no error`. */
  async function errorOf(...middleware: Koa.Middleware[]): Promise<string> {
    const app = new Koa();
    let told = 'no error';
    app.on('error', (error: Error) => (told = error.message));
    for (const each of middleware) app.use(each);
    app.use((ctx) => void (ctx.body = 'answered'));
    await new Visitor((await serve(app)).url).get('/');
    return told;
  }

  it.each([
    ['users first', kinds],
    ['admins first', kinds.toReversed()],
  ])('live on one context, each with its own cookie (%s)', async (_order, [first, second]) => {
    const routes: Record<string, Koa.Middleware> = {
      async '/log-in'(ctx) {
        await ctx.session.regenerate({ owner: 'ada' });
        await ctx.adminSession.regenerate({ owner: 'root' });
        ctx.session.theme = 'dark';
        ctx.body = 'in';
      },
      '/show': (ctx) => void (ctx.body = [ctx.session.owner, ctx.session.theme, ctx.adminSession.owner]),
      async '/log-out'(ctx) {
        await ctx.adminSession.destroy();
        ctx.body = 'out';
      },
    };
    const inner = new Koa();
    inner.use(second!);
    inner.use((ctx, next) => routes[ctx.path]?.(ctx, next));
    const app = new Koa();
    app.use(first!).use(mount('/in', inner));
    const visitor = new Visitor((await serve(app)).url);
    const answer = await visitor.get('/in/log-in');
    expect(new Set(answer.headers.getSetCookie().map((line) => line.split('=')[0]))).toEqual(new Set(['admin', 'sid']));
    expect(await visitor.json('/in/show')).toEqual(['ada', 'dark', 'root']);
    await visitor.get('/in/log-out');
    expect(await visitor.json('/in/show')).toEqual(['ada', 'dark', null]);
  });

  it('are an error that says how, where they share the property or the cookie', async () => {
    expect(await errorOf(session(users), session(admins))).toContain("{ property: 'adminSession' }");
    expect(await errorOf(session(users), session(made(), { property: 'adminSession' }))).toContain(
      'createSessions({ cookie: { name',
    );
    expect(await errorOf(session(users, { property: 'body' }))).toContain('Choose another name');
  });

  it('that are the same are one, and so is what somebody else has put there', async () => {
    expect(await errorOf(session(users), session(users))).toBe('no error');
    const stub: Koa.Middleware = (ctx, next) => {
      Object.assign(ctx, { session: {}, adminSession: {} });
      return next();
    };
    expect(await errorOf(stub, ...kinds)).toBe('no error');
  });

  it('a middleware that was not called is an error that says so', async () => {
    const uncalled: unknown = session;
    expect(await errorOf(uncalled as Koa.Middleware)).toContain('has to be called: app.use(session())');
  });
});

it('an app inside one of another framework, with the same sessions, has the session of that', async () => {
  const users = made();
  const outer = exposing({
    sessions: users,
    subject: 'req',
    options: {},
    session: { get: (exchange) => exchange.session },
  });
  const app = new Koa();
  app.use(session(users));
  app.use((ctx) => {
    Object.assign(ctx.session, { cart: 'tea' });
    ctx.body = ctx.session.toJSON();
  });
  const inner = app.callback();
  const begin = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const exchange = await users.attach(request, response);
    outer.expose(request, exchange);
    Object.assign(exchange.session, { visits: 1 });
    await inner(request, response);
  };
  const visitor = new Visitor((await serveListener((request, response) => void begin(request, response))).url);
  const answer = await visitor.get('/');
  expect([await answer.json(), answer.headers.getSetCookie().length]).toEqual([{ visits: 1, cart: 'tea' }, 1]);
  expect(await visitor.json('/')).toEqual({ visits: 1, cart: 'tea' });
  expect(await users.count()).toMatchObject({ count: 1 });
});
