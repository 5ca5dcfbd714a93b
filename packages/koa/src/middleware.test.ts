import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

import { type TestStore, Visitor, refusalOf, stopServers } from '@sess/adapter-tests';
import type { SessionsOptions } from '@sess/core';
import Koa from 'koa';
import mount from 'koa-mount';
import Koa2 from 'koa2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { serve, testSessions, versions } from '../test/kit.ts';
import { type SessionMiddleware, session } from './index.ts';

const hour = 3_600_000;

afterEach(stopServers);

describe.each(versions(Koa, Koa2))('session() on %s', (_version, Koa) => {
  let store: TestStore;
  let sessions: SessionMiddleware;
  let app: Koa;
  let at: Record<string, Koa.Middleware>;

  beforeEach(async () => {
    const test = await testSessions();
    ({ store } = test);
    sessions = session(test.sessions);
    app = new Koa();
    at = {
      '/data': (ctx) => void (ctx.body = ctx.session.toJSON()),
      '/fill'(ctx) {
        ctx.session.cart = ['book'];
        ctx.body = 'filled';
      },
    };
    app.use(sessions);
    app.use((ctx, next) => at[ctx.path]?.(ctx, next));
  });

  const open = async (): Promise<Visitor> => new Visitor((await serve(app)).url);

  it('keeps a visitor apart from others, from request to request', async () => {
    at['/count'] = (ctx) => {
      ctx.session.views = (ctx.session.views ?? 0) + 1;
      ctx.body = String(ctx.session.views);
    };
    const ann = await open();
    const bob = new Visitor(ann.url);
    expect([await ann.text('/count'), await ann.text('/count'), await bob.text('/count')]).toEqual(['1', '2', '1']);
    expect(await store.size()).toBe(2);
  });

  it('gives all contexts an accessor that is the same, and nothing else that is listed', async () => {
    const getters = new Set<unknown>();
    at['/print'] = (ctx) => {
      getters.add(Object.getOwnPropertyDescriptor(ctx, 'session')?.get);
      const listed = Object.getOwnPropertySymbols(ctx).filter((name) =>
        Object.prototype.propertyIsEnumerable.call(ctx, name),
      );
      ctx.body = `listed: ${listed.map(String).join(' ')}`;
    };
    const visitor = await open();
    const listed = await visitor.text('/print');
    expect(await visitor.text('/print')).toBe(listed);
    expect(listed).not.toContain('session');
    expect([getters.size, getters.has(undefined)]).toEqual([1, false]);
  });

  it('costs nothing on a route that does not look: no store call, no header', async () => {
    at['/plain'] = (ctx) => void (ctx.body = 'plain');
    const visitor = await open();
    const response = await visitor.get('/plain');
    expect([response.headers.get('vary'), response.headers.getSetCookie()]).toEqual([null, []]);
    await visitor.get('/data');
    expect(store.calls).toEqual([]);
  });

  it('ctx.session has all controls with a callback, beside their promises, and chains', async () => {
    const seen: unknown[] = [];
    at['/callbacks'] = (ctx) =>
      new Promise<void>((resolve) => {
        const first = ctx.session;
        first.theme = 'dark';
        const chained = first.save((error) => {
          seen.push(['save', error]);
          first.reload((failed) => {
            seen.push(['reload', failed, ctx.session === first, first.theme]);
            const again = first.regenerate((fault) => {
              seen.push(['regenerate', fault, ctx.session === first, ctx.session.theme, first.theme]);
              ctx.session.destroy((wrong) => {
                seen.push(['destroy', wrong]);
                ctx.body = 'done';
                resolve();
              });
            });
            seen.push(again === first);
          });
        });
        seen.push(chained === first);
        for (const name of ['save', 'reload', 'regenerate', 'destroy']) seen.push(Object.keys(first).includes(name));
      });
    const visitor = await open();
    expect(await visitor.text('/callbacks')).toBe('done');
    expect(seen).toEqual([
      true,
      false,
      false,
      false,
      false,
      ['save', undefined],
      ['reload', undefined, true, 'dark'],
      true,
      ['regenerate', undefined, false, undefined, 'dark'],
      ['destroy', undefined],
    ]);
    expect(visitor.cookies.size).toBe(0);
  });

  it('after regenerate ctx.session is the new one, without data: the old token and what it knew are gone', async () => {
    at['/login'] = async (ctx) => {
      const before = ctx.session.handle;
      const fresh = await ctx.session.regenerate({ owner: 'ann' });
      ctx.body = { isCurrent: fresh === ctx.session, isOther: before !== ctx.session.id, data: ctx.session };
    };
    const visitor = await open();
    await visitor.get('/fill');
    const thief = visitor.copy();
    expect(await visitor.json('/login')).toEqual({ isCurrent: true, isOther: true, data: {} });
    expect(await thief.json('/data')).toEqual({});
    expect(await sessions.sessions.list('ann')).toHaveLength(1);
    expect(await sessions.sessions.revokeAll('ann')).toBe(1);
  });

  it('"remember me": the cookie ends with the browser, or lives for what is assigned', async () => {
    at['/yes'] = (ctx) => {
      ctx.session.theme = 'dark';
      ctx.session.cookie.maxAge = 48 * hour;
      ctx.body = ctx.session.cookie;
    };
    at['/no'] = (ctx) => {
      ctx.session.theme = 'dark';
      ctx.session.persistent = false;
      ctx.body = ctx.session.cookie;
    };
    const { url } = await open();
    const yes = await new Visitor(url).get('/yes');
    expect(yes.headers.getSetCookie()[0]).toMatch(/Max-Age=\d+/);
    expect(await yes.json()).toMatchObject({ originalMaxAge: 48 * hour });
    const no = await new Visitor(url).get('/no');
    expect(no.headers.getSetCookie()[0]).toMatch(/^sid=/);
    expect(no.headers.getSetCookie()[0]).not.toMatch(/Max-Age|Expires/);
  });

  it('is new until it is stored, and says so, as koa-session does', async () => {
    at['/new'] = (ctx) => {
      const { isNew } = ctx.session;
      let { views = 0 } = ctx.session;
      ctx.session.views = ++views;
      ctx.body = [isNew, ctx.session.toJSON()];
    };
    const visitor = await open();
    expect([await visitor.json('/new'), await visitor.json('/new')]).toEqual([
      [true, { views: 1 }],
      [false, { views: 2 }],
    ]);
  });

  it("stands beside the app's own cookies in one answer", async () => {
    at['/both'] = (ctx) => {
      ctx.session.theme = 'dark';
      ctx.cookies.set('theme', 'dark', { signed: false });
      ctx.body = 'both';
    };
    const visitor = await open();
    await visitor.get('/both');
    expect([...visitor.cookies.keys()].toSorted()).toEqual(['sid', 'theme']);
    expect(await visitor.json('/data')).toEqual({ theme: 'dark' });
  });

  it('mounted twice, it works once: one read, one cookie', async () => {
    const twice = new Koa();
    twice.use(sessions);
    twice.use(sessions);
    twice.use(session(sessions.sessions));
    for (const middleware of app.middleware) twice.use(middleware);
    const visitor = new Visitor((await serve(twice)).url);
    const filled = await visitor.get('/fill');
    expect(filled.headers.getSetCookie()).toHaveLength(1);
    expect(await visitor.json('/data')).toEqual({ cart: ['book'] });
    expect(store.calls).toEqual(['create', 'read']);
  });

  it('leaves a context alone that has a session already', async () => {
    const request = new IncomingMessage(new Socket());
    const response = new ServerResponse(request);
    const ctx = app.createContext(request, response);
    const theirs = {};
    Object.defineProperty(ctx, 'session', { value: theirs });
    let passed = 0;
    await sessions(ctx, async () => void (passed += 1));
    expect([passed, ctx.session === theirs, Object.hasOwn(response, 'writeHead')]).toEqual([1, true, false]);
  });

  it('is one session in an app and in the apps that are mounted in it (koa-mount)', async () => {
    const inner = new Koa();
    inner.use(session(sessions.sessions));
    inner.use((ctx) => {
      ctx.session.theme = 'dark';
      ctx.body = ctx.session.toJSON();
    });
    app.use(mount('/inner', inner));
    const visitor = await open();
    await visitor.get('/fill');
    at['/inner'] = (_ctx, next) => next();
    app.middleware.splice(1, 1);
    expect(await visitor.json('/inner')).toEqual({ cart: ['book'], theme: 'dark' });
    expect(store.calls).toEqual(['create', 'read', 'replace']);
  });

  it('mounted under a path, it is there and nowhere else, with the cookie of that path', async () => {
    const { sessions: ofAdmin } = await testSessions({ cookie: { path: '/admin', name: 'admin' } });
    const paths = new Koa();
    paths.use(mount('/admin', session(ofAdmin)));
    paths.use((ctx) => {
      if (ctx.path.startsWith('/admin')) ctx.session.theme = 'dark';
      ctx.body = typeof ctx.session;
    });
    const visitor = new Visitor((await serve(paths)).url);
    const response = await visitor.get('/admin');
    expect(response.headers.getSetCookie()[0]).toMatch(/^admin=.*Path=\/admin/);
    expect(await visitor.text('/')).toBe('undefined');
  });

  it('no page, redirect or stream leaves before its session is stored', async () => {
    at['/redirect'] = (ctx) => {
      ctx.session.theme = 'dark';
      ctx.redirect('/data');
    };
    at['/page'] = (ctx) => {
      ctx.session.theme = 'dark';
      ctx.body = { theme: 'dark' };
    };
    const visitor = await open();
    for (const path of ['/redirect', '/page']) {
      const release = store.hold();
      store.calls.length = 0;
      let answered = false;
      const answer = new Visitor(visitor.url).get(path).then((response) => {
        answered = true;
        return response;
      });
      await expect.poll(() => store.calls).toEqual(['create']);
      // A round trip on another connection: an answer that could leave would be here by now.
      await fetch(`${visitor.url}/nothing-here`);
      expect(answered).toBe(false);
      release();
      expect((await answer).headers.getSetCookie()).toHaveLength(1);
    }
  });

  it('what middleware in front of the handler changes after it is stored as well', async () => {
    const outer = new Koa();
    outer.use(sessions);
    outer.use(async (ctx, next) => {
      await next();
      ctx.session.views = (ctx.session.views ?? 0) + 1;
    });
    outer.use((ctx) => at[ctx.path]?.(ctx, async () => {}));
    const visitor = new Visitor((await serve(outer)).url);
    await visitor.get('/fill');
    expect(store.calls).toEqual(['create']);
    expect(await visitor.json('/data')).toEqual({ cart: ['book'], views: 1 });
  });

  it('says in a cookie only what it has to: at the first change, not at every one', async () => {
    const visitor = await open();
    const first = await visitor.get('/fill');
    expect(first.headers.get('cache-control')).toBe('private, no-store');
    const second = await visitor.get('/fill');
    expect([second.headers.getSetCookie(), second.headers.get('vary')]).toEqual([[], 'Cookie']);
  });
});

describe('session(options)', () => {
  const code = (options: unknown): unknown => refusalOf(() => session(options as SessionsOptions));

  it.each([
    'key',
    'maxAge',
    'rolling',
    'renew',
    'signed',
    'autoCommit',
    'externalKey',
    'genid',
    'encode',
    'beforeSave',
  ])('says at construction that the option %s of koa-session is none, and what holds instead', (name) => {
    expect(code({ [name]: true })).toEqual([
      'CONFIG_INVALID',
      expect.stringMatching(new RegExp(`Option ${name} is unknown \\(.+\\)`)),
    ]);
  });

  it('refuses the app, which koa-session takes as its first argument', () => {
    expect(code(new Koa())).toEqual([
      'CONFIG_INVALID',
      expect.stringContaining('say session(options), without the app'),
    ]);
  });

  it('refuses what is no option at all', () => {
    for (const options of [null, 'redis', 1])
      expect(code(options)).toEqual(['CONFIG_INVALID', expect.stringContaining('must be an object')]);
    expect(code({ store: { get() {}, set() {} } })).toEqual([
      'CONFIG_INVALID',
      expect.stringContaining('must be a session store'),
    ]);
    expect(code({ env: { NODE_ENV: 'production' } })).toEqual([
      'SECRET_INVALID',
      expect.stringContaining('SECRET_KEY is not set'),
    ]);
  });

  it('carries its sessions', async () => {
    const { sessions } = await testSessions();
    expect(session(sessions).sessions).toBe(sessions);
  });
});
