import { PassThrough } from 'node:stream';

import { type TestStore, Visitor, faultHeaders, stopServers, takeDown, testStore } from '@sess/adapter-tests';
import { createSessions, isSessError } from '@sess/core';
import Koa from 'koa';
import Koa2 from 'koa2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { secret, serve, testSessions, versions } from '../test/kit.ts';
import { session } from './index.ts';

const fault = { status: 503, retryAfter: '1', cacheControl: 'no-store', cookies: [] };

afterEach(stopServers);

describe.each(versions(Koa, Koa2))('on %s', (_version, Koa) => {
  let store: TestStore;
  let app: Koa;
  let at: Record<string, Koa.Middleware>;
  let visitor: Visitor;
  /** What app.on('error') was told. */
  let told: { error: unknown; path: string }[];

  beforeEach(async () => {
    const test = await testSessions();
    ({ store } = test);
    told = [];
    app = new Koa();
    app.on('error', (error: unknown, ctx: Koa.Context) => void told.push({ error, path: ctx.path }));
    at = {
      '/data': (ctx) => void (ctx.body = ctx.session.toJSON()),
      '/fill'(ctx) {
        ctx.session.cart = ['book'];
        ctx.body = 'filled';
      },
      '/redirect'(ctx) {
        ctx.session.theme = 'dark';
        ctx.cookies.set('theme', 'dark', { signed: false });
        ctx.set('ETag', '"abc"');
        ctx.redirect('/data');
      },
    };
  });

  /** Opens the app, with this in front of the session, and a session that is stored. */
  const open = async (...before: Koa.Middleware[]): Promise<void> => {
    for (const middleware of before) app.use(middleware);
    const { sessions } = await testSessions({ store });
    app.use(session(sessions));
    app.use((ctx, next) => at[ctx.path]?.(ctx, next));
    visitor = new Visitor((await serve(app)).url);
    await visitor.get('/fill');
    store.calls.length = 0;
  };

  describe('an error of the app', () => {
    it.each<[how: string, status: number, fail: (ctx: Koa.Context) => never]>([
      [
        'a throw',
        500,
        () => {
          throw new Error('afterwards');
        },
      ],
      ['ctx.throw(401)', 401, (ctx) => ctx.throw(401)],
      [
        'an error with headers of its own',
        429,
        () => {
          throw Object.assign(new Error('wait'), { status: 429, headers: { 'Retry-After': '60' } });
        },
      ],
    ])('%s after a login: the browser gets the new cookie, the old is dead', async (_how, status, fail) => {
      at['/login'] = async (ctx) => {
        await ctx.session.regenerate({ owner: 'ann' });
        ctx.session.theme = 'of ann';
        ctx.set('X-Mine', 'stripped by Koa');
        return fail(ctx);
      };
      await open();
      const old = visitor.copy();
      const response = await visitor.get('/login');
      expect([response.status, response.headers.get('x-mine')]).toEqual([status, null]);
      expect(response.headers.getSetCookie()).toHaveLength(1);
      expect(response.headers.get('cache-control')).toBe('private, no-store');
      expect(await visitor.json('/data')).toEqual({ theme: 'of ann' });
      expect(await old.json('/data')).toEqual({});
      expect(told.map(({ path }) => path)).toEqual(['/login']);
    });

    it('that comes after a saved regenerate loses no cookie either', async () => {
      at['/rotate'] = async (ctx) => {
        await ctx.session.regenerate({ keep: true });
        await ctx.session.save();
        throw new Error('afterwards');
      };
      await open();
      const old = visitor.copy();
      await visitor.get('/rotate');
      expect(await visitor.json('/data')).toEqual({ cart: ['book'] });
      expect(await old.json('/data')).toEqual({});
    });

    it('after a logout: the cookie is cleared all the same', async () => {
      at['/logout'] = async (ctx) => {
        await ctx.session.destroy();
        throw new Error('afterwards');
      };
      await open();
      expect((await visitor.get('/logout')).status).toBe(500);
      expect([visitor.cookies.size, await store.size()]).toEqual([0, 0]);
    });

    it('keeps what was changed before it, as without an error', async () => {
      at['/change'] = (ctx) => {
        ctx.session.theme = 'dark';
        throw new Error('afterwards');
      };
      await open();
      await visitor.get('/change');
      expect(await visitor.json('/data')).toEqual({ cart: ['book'], theme: 'dark' });
    });
  });

  it('lets a listener of errors look at a session that could not be read', async () => {
    const users: unknown[] = [];
    app.on('error', (_error, ctx: Koa.Context) => void users.push(ctx.session.theme));
    at['/refused'] = (ctx) => ctx.throw(400);
    await open();
    takeDown(store);
    for (const [path, status] of [['/data', 503] as const, ['/refused', 400] as const])
      expect((await visitor.get(path)).status).toBe(status);
    expect(users).toEqual([undefined, undefined]);
  });

  describe('a fault of the store', () => {
    it("is a 503 of Koa's own error handler: retry soon, not cached, the cookie left alone", async () => {
      at['/late'] = async (ctx) => {
        await Promise.resolve();
        ctx.body = ctx.session.cart;
      };
      await open();
      takeDown(store);
      for (const path of ['/data', '/late']) expect(faultHeaders(await visitor.get(path))).toEqual(fault);
      store.down.clear();
      expect(await visitor.json('/data')).toEqual({ cart: ['book'] });
    });

    it("reaches app.on('error') with its status, code and headers", async () => {
      await open();
      takeDown(store);
      await visitor.get('/data');
      expect(told).toEqual([
        {
          path: '/data',
          error: expect.objectContaining({
            name: 'SessError',
            code: 'STORE_UNAVAILABLE',
            status: 503,
            headers: { 'Retry-After': '1', 'Cache-Control': 'no-store' },
          }),
        },
      ]);
    });

    it('keeps its headers on a page of the app, whatever its error middleware sets', async () => {
      await open(async (ctx, next) => {
        try {
          await next();
        } catch (error) {
          if (!isSessError(error)) throw error;
          ctx.status = error.status;
          ctx.set('Cache-Control', 'public, max-age=60');
          ctx.body = '<h1>Back in a moment</h1>';
        }
      });
      takeDown(store);
      const page = await visitor.get('/data');
      expect(faultHeaders(page)).toEqual(fault);
      expect(await page.text()).toBe('<h1>Back in a moment</h1>');
    });

    it('never looks like a logged-out page, even if the app answers 200', async () => {
      await open((ctx, next) => next().catch(() => void (ctx.body = 'sorry')));
      takeDown(store);
      expect(faultHeaders(await visitor.get('/data'))).toEqual({ ...fault, status: 200 });
    });

    it('does no harm to a route that never looks, nor to visitors without a cookie who only read', async () => {
      at['/plain'] = (ctx) => void (ctx.body = 'plain');
      await open();
      takeDown(store);
      const plain = await visitor.get('/plain');
      expect([plain.status, plain.headers.get('retry-after')]).toEqual([200, null]);
      expect(await new Visitor(visitor.url).json('/data')).toEqual({});
      expect(told).toEqual([]);
    });

    it('at commit is a 503 in place of the answer: no redirect, no page, none of its headers', async () => {
      await open();
      store.down.add('replace');
      const response = await visitor.get('/redirect');
      expect(faultHeaders(response)).toEqual(fault);
      expect([response.headers.get('location'), response.headers.get('etag')]).toEqual([null, null]);
      expect(await response.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
      store.down.clear();
      expect(await visitor.json('/data')).toEqual({ cart: ['book'] });
    });

    it("at commit reaches app.on('error') too, once", async () => {
      await open();
      store.down.add('replace');
      await visitor.get('/redirect');
      await expect.poll(() => told).toHaveLength(1);
      expect(told[0]).toMatchObject({ path: '/redirect', error: { code: 'STORE_UNAVAILABLE', status: 503 } });
      store.down.clear();
      await visitor.get('/data');
      expect(told).toHaveLength(1);
    });

    it('at the first commit makes no cookie', async () => {
      await open();
      store.down.add('create');
      expect(faultHeaders(await new Visitor(visitor.url).get('/redirect'))).toEqual(fault);
    });

    it('of a login is a 503 without a cookie, and the old session is what it was', async () => {
      at['/login'] = async (ctx) => {
        await ctx.session.regenerate({ owner: 'ann' });
        ctx.redirect('/');
      };
      await open();
      store.down.add('create');
      expect(faultHeaders(await visitor.get('/login'))).toEqual(fault);
      store.down.clear();
      expect(await visitor.json('/data')).toEqual({ cart: ['book'] });
    });

    it('goes to the callback of save and to its promise, and from there to the error handler', async () => {
      at['/callback'] = (ctx) =>
        new Promise<void>((resolve, reject) => {
          ctx.session.theme = 'dark';
          ctx.session.save((error) => (error === undefined ? resolve() : reject(error as Error)));
        });
      at['/promise'] = async (ctx) => {
        ctx.session.theme = 'dark';
        await ctx.session.save();
      };
      await open();
      store.down.add('replace');
      for (const path of ['/callback', '/promise']) expect(faultHeaders(await visitor.get(path))).toEqual(fault);
      expect(told.map(({ path }) => path)).toEqual(['/callback', '/promise']);
    });

    it('and an error of the app in the same request are both told, and there is one answer', async () => {
      at['/both'] = (ctx) => {
        ctx.session.theme = 'dark';
        ctx.res.end('all is well');
        throw new Error('afterwards');
      };
      await open();
      store.down.add('replace');
      expect(faultHeaders(await visitor.get('/both'))).toEqual(fault);
      await expect.poll(() => told).toHaveLength(2);
    });

    it('that lasts: a store that never answers is a 503 within its bound', async () => {
      const frozen = testStore();
      const timeouts = { operationMs: 50, commitMs: 100 };
      const bounded = new Koa();
      bounded.silent = true;
      bounded.use(session(createSessions({ store: frozen, secret, logger: false, timeouts })));
      bounded.use((ctx, next) => at[ctx.path]?.(ctx, next));
      const patient = new Visitor((await serve(bounded)).url);
      await patient.get('/fill');
      frozen.hold();
      expect(faultHeaders(await patient.get('/data'))).toEqual(fault);
      expect(faultHeaders(await new Visitor(patient.url).get('/fill'))).toEqual(fault);
    });
  });

  describe("a mistake in the app's data", () => {
    it.each<[how: string, answer: (ctx: Koa.Context) => void]>([
      ['a text', (ctx) => void (ctx.body = 'all is well')],
      ['JSON', (ctx) => void (ctx.body = { all: 'is well' })],
      ['a redirect', (ctx) => ctx.redirect('/data')],
      ['nothing', (ctx) => void (ctx.status = 204)],
    ])('takes the way of every other error, in place of %s: ctx.onerror() answers, once', async (_how, answer) => {
      at['/date'] = (ctx) => {
        Object.assign(ctx.session, { day: new Date(0) });
        ctx.cookies.set('theme', 'dark', { signed: false });
        answer(ctx);
      };
      await open();
      const response = await visitor.get('/date');
      expect([response.status, response.statusText]).toEqual([500, 'Internal Server Error']);
      expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
      expect(await response.text()).toContain('session.day is a Date');
      expect([response.headers.get('location'), response.headers.getSetCookie()]).toEqual([null, []]);
      expect(await visitor.json('/data')).toEqual({ cart: ['book'] });
      expect(told).toEqual([{ path: '/date', error: expect.objectContaining({ code: 'NOT_SERIALIZABLE' }) }]);
    });

    it('is not told to visitors in production', async () => {
      const { sessions } = await testSessions({ env: { NODE_ENV: 'production' } });
      app.use(session(sessions));
      app.use((ctx) => {
        Object.assign(ctx.session, { day: new Date(0) });
        ctx.body = 'all is well';
      });
      const response = await new Visitor((await serve(app)).url).get('/');
      expect([response.status, await response.text()]).toEqual([500, 'Internal Server Error']);
      expect(told).toHaveLength(1);
    });

    it('is answered by the library where a stream has begun', async () => {
      at['/stream'] = (ctx) => {
        Object.assign(ctx.session, { day: new Date(0) });
        const body = new PassThrough();
        body.write('all is ');
        ctx.body = body;
      };
      await open();
      const response = await visitor.get('/stream');
      expect([response.status, await response.json()]).toMatchObject([500, { code: 'NOT_SERIALIZABLE' }]);
      // Koa 3 also tells that its stream ended too early.
      await expect
        .poll(() => told)
        .toContainEqual({
          path: '/stream',
          error: expect.objectContaining({ code: 'NOT_SERIALIZABLE' }),
        });
    });

    it('is a 400 with its sentence where a visitor chose the key', async () => {
      at['/reserved'] = (ctx) => void Object.assign(ctx.session, { [String(ctx.query['key'])]: 1 });
      await open();
      const response = await visitor.get('/reserved?key=save');
      expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('"save"')]);
    });
  });
});
