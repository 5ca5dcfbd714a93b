import { bodyParser } from '@koa/bodyparser';
import etag from '@koa/etag';
import Router from '@koa/router';
import { type TestStore, Visitor, grantConfig, serveOAuthProvider, stopServers } from '@sess/adapter-tests';
import grant from 'grant';
import Koa from 'koa';
import flash from 'koa-better-flash';
import legacyBodyParser from 'koa-bodyparser';
import compress from 'koa-compress';
import conditionalGet from 'koa-conditional-get';
import Koa2 from 'koa2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { serve, testSessions, versions } from '../test/kit.ts';
import { type SessionMiddleware, session } from './index.ts';

// Its types know `koa` only as an option.
const { koa: grantMiddleware } = grant as unknown as { koa: (config: object) => Koa.Middleware };

declare module 'koa' {
  interface ExtendableContext {
    flash(type: string, message?: string | string[]): unknown;
  }
}

afterEach(stopServers);

describe.each(versions(Koa, Koa2))('on %s', (_version, Koa) => {
  let store: TestStore;
  let sessions: SessionMiddleware;
  let app: Koa;
  let router: Router;

  beforeEach(async () => {
    const test = await testSessions();
    ({ store } = test);
    sessions = session(test.sessions);
    app = new Koa();
    app.silent = true;
    router = new Router();
    router.get('/data', (ctx) => void (ctx.body = ctx.session.toJSON()));
  });

  /** The session in front of this middleware, and the routes behind it. */
  const open = async (...middleware: Koa.Middleware[]): Promise<Visitor> => {
    app.use(sessions);
    for (const one of middleware) app.use(one);
    app.use(router.routes()).use(router.allowedMethods());
    return new Visitor((await serve(app)).url);
  };

  describe('@koa/router', () => {
    it('finds the session in routes, in parameters and in routers within routers', async () => {
      const inner = new Router({ prefix: '/shop' });
      inner.param('item', (item, ctx, next) => {
        ctx.session.theme = `with ${item}`;
        return next();
      });
      inner.post('/:item', (ctx) => {
        ctx.session.cart = [...(ctx.session.cart ?? []), String(ctx.params['item'])];
        ctx.body = ctx.session.cart;
      });
      router.use('/all', inner.routes());
      const visitor = await open();
      await visitor.post('/all/shop/book');
      expect(await (await visitor.post('/all/shop/lamp')).json()).toEqual(['book', 'lamp']);
      expect(await visitor.json('/data')).toEqual({ cart: ['book', 'lamp'], theme: 'with lamp' });
    });

    it('can have the session for a part of the app only', async () => {
      const part = new Router();
      part.use(sessions);
      part.get('/with', (ctx) => {
        ctx.session.theme = 'dark';
        ctx.body = 'with';
      });
      part.get('/count', sessions, (ctx) => void (ctx.body = ctx.session.toJSON()));
      app.use(part.routes());
      app.use((ctx) => void (ctx.body = typeof ctx.session));
      const visitor = new Visitor((await serve(app)).url);
      expect((await visitor.get('/with')).headers.getSetCookie()).toHaveLength(1);
      expect(await visitor.json('/count')).toEqual({ theme: 'dark' });
      expect(await visitor.text('/without')).toBe('undefined');
    });

    it('answers 405 and OPTIONS as without a session', async () => {
      const visitor = await open();
      const refused = await visitor.post('/data');
      expect([refused.status, refused.headers.get('allow'), refused.headers.get('vary')]).toEqual([
        405,
        'HEAD, GET',
        null,
      ]);
      expect((await visitor.request('/data', { method: 'OPTIONS' })).status).toBe(200);
    });
  });

  describe.each([
    ['@koa/bodyparser', bodyParser],
    ['koa-bodyparser', legacyBodyParser],
  ])('%s', (_name, parser) => {
    it('reads a body that was on its way while the session was read', async () => {
      router.post('/echo', (ctx) => {
        ctx.session.views = (ctx.session.views ?? 0) + 1;
        ctx.body = [Reflect.get(ctx.request, 'body'), ctx.session.views];
      });
      const visitor = await open(parser());
      await visitor.post('/echo');
      store.calls.length = 0;
      const release = store.hold();
      const answer = visitor.postJson('/echo', { text: 'x'.repeat(50_000) });
      await expect.poll(() => store.calls).toContain('read');
      release();
      expect(await (await answer).json()).toEqual([{ text: 'x'.repeat(50_000) }, 2]);
    });
  });

  describe('koa-better-flash', () => {
    const openFlash = (): Promise<Visitor> => {
      router.post('/save', (ctx) => {
        ctx.flash('info', 'saved');
        ctx.flash('info', ['once', 'twice']);
        ctx.redirect('/page');
      });
      router.get('/page', (ctx) => void (ctx.body = ctx.flash('info')));
      return open(flash());
    };

    it('shows its messages on the next page, and once', async () => {
      const visitor = await openFlash();
      await visitor.post('/save');
      expect(await visitor.json('/page')).toEqual(['saved', 'once', 'twice']);
      expect(await visitor.json('/page')).toEqual([]);
    });

    it('writes nothing where it finds nothing in a session that is stored', async () => {
      const visitor = await openFlash();
      await visitor.post('/save');
      await visitor.get('/page');
      store.calls.length = 0;
      await visitor.get('/page');
      expect(store.calls).toEqual(['read']);
    });
  });

  describe.each(['in front of', 'behind'])('koa-conditional-get and @koa/etag %s it', (place) => {
    it('answer 304 to who has the page, and the session is stored all the same', async () => {
      const conditions = [conditionalGet(), etag()];
      if (place === 'in front of') for (const one of conditions) app.use(one);
      router.get('/page', (ctx) => {
        ctx.session.views = (ctx.session.views ?? 0) + 1;
        ctx.body = 'the same for all';
      });
      const visitor = await open(...(place === 'behind' ? conditions : []));
      const page = await visitor.get('/page');
      expect([page.status, page.headers.getSetCookie().length]).toEqual([200, 1]);
      const ask = (who: Visitor) =>
        who.request('/page', {
          // Else fetch asks for no cache at all.
          headers: { 'if-none-match': page.headers.get('etag') ?? '', 'cache-control': 'max-age=0' },
        });
      const again = await ask(visitor);
      expect([again.status, await again.text(), again.headers.getSetCookie()]).toEqual([304, '', []]);
      expect(await visitor.json('/data')).toEqual({ views: 2 });
      // A 304 carries a stranger's first cookie too.
      const stranger = new Visitor(visitor.url);
      expect((await ask(stranger)).status).toBe(304);
      expect(await stranger.json('/data')).toEqual({ views: 1 });
    });
  });

  describe.each(['in front of', 'behind'])('koa-compress %s it', (place) => {
    it('compresses pages with sessions, whole', async () => {
      const text = 'The session was stored before this page left. '.repeat(2_000);
      if (place === 'in front of') app.use(compress({ threshold: 0 }));
      router.get('/page', (ctx) => {
        ctx.session.views = (ctx.session.views ?? 0) + 1;
        ctx.body = text;
      });
      const visitor = await open(...(place === 'behind' ? [compress({ threshold: 0 })] : []));
      const response = await visitor.get('/page');
      expect(response.headers.get('content-encoding')).toMatch(/gzip|br/);
      expect(response.headers.get('vary')?.split(', ').toSorted()).toEqual(['Accept-Encoding', 'Cookie']);
      expect(await response.text()).toBe(text);
      expect(await visitor.json('/data')).toEqual({ views: 1 });
    });
  });

  describe('grant', () => {
    async function openApp(): Promise<Visitor> {
      const provider = await serveOAuthProvider();
      router.get('/done', (ctx) => void (ctx.body = Reflect.get(ctx.session, 'grant')));
      // Its own address is part of its configuration, so it listens before it is mounted.
      let login: Koa.Middleware = (_ctx, next) => next();
      const visitor = await open((ctx, next) => login(ctx, next));
      login = grantMiddleware(grantConfig(visitor.url, provider));
      return visitor;
    }

    it('goes the whole way of an OAuth login', async () => {
      const visitor = await openApp();
      const toProvider = (await visitor.get('/connect/fake')).headers.get('location') ?? '';
      const toCallback = (await fetch(toProvider, { redirect: 'manual' })).headers.get('location') ?? '';
      const toApp = await visitor.get(toCallback);
      expect(toApp.headers.get('location')).toBe('/done');
      expect(await visitor.json('/done')).toMatchObject({
        provider: 'fake',
        response: { access_token: 'for abc' },
      });
    });

    it('does not send the browser away before its state is stored, nor without', async () => {
      const visitor = await openApp();
      const release = store.hold();
      let answered = false;
      const answer = visitor.get('/connect/fake').then(() => (answered = true));
      await expect.poll(() => store.calls).toContain('create');
      await fetch(`${visitor.url}/data`);
      expect(answered).toBe(false);
      release();
      await answer;
      store.down.add('create');
      const response = await new Visitor(visitor.url).get('/connect/fake');
      expect([response.status, response.headers.get('location')]).toEqual([503, null]);
    });
  });
});
