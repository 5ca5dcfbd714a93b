import { PassThrough } from 'node:stream';

import { type TestStore, Visitor, stopServers } from '@sess/adapter-tests';
import { cookieSessions } from '@sess/core';
import Koa from 'koa';
import Koa2 from 'koa2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { serve, testSessions, versions } from '../test/kit.ts';
import { session } from './index.ts';

afterEach(stopServers);

describe.each(versions(Koa, Koa2))('assigning ctx.session on %s', (_version, Koa) => {
  let store: TestStore;
  let at: Record<string, Koa.Middleware>;
  let visitor: Visitor;

  beforeEach(async () => {
    const test = await testSessions();
    ({ store } = test);
    at = {
      '/data': (ctx) => void (ctx.body = ctx.session.toJSON()),
      '/fill'(ctx) {
        Object.assign(ctx.session, { cart: ['book'], views: 3 });
        ctx.body = 'filled';
      },
    };
    const app = new Koa();
    app.silent = true;
    app.use(session(test.sessions));
    app.use((ctx, next) => at[ctx.path]?.(ctx, next));
    visitor = new Visitor((await serve(app)).url);
    await visitor.get('/fill');
    store.calls.length = 0;
  });

  /** What a handler throws, as a text. */
  const refusal = async (handler: (ctx: Koa.Context) => unknown): Promise<string> => {
    at['/refused'] = async (ctx) => {
      try {
        await handler(ctx);
        ctx.body = 'no error';
      } catch (error) {
        ctx.body = `${String(Reflect.get(Object(error), 'code'))} ${String(error)}`;
      }
    };
    return visitor.text('/refused');
  };

  it('an object replaces the data: in one write, under the same cookie', async () => {
    at['/replace'] = (ctx) => {
      const before = ctx.session;
      ctx.session = { views: 4, theme: 'dark' };
      ctx.body = [ctx.session === before, ctx.session.toJSON()];
    };
    const response = await visitor.get('/replace');
    expect(await response.json()).toEqual([true, { views: 4, theme: 'dark' }]);
    expect([response.headers.getSetCookie(), store.calls]).toEqual([[], ['read', 'replace']]);
    expect(await visitor.json('/data')).toEqual({ views: 4, theme: 'dark' });
  });

  it.each<[string, (ctx: Koa.Context) => unknown]>([
    ['at once', (ctx) => (ctx.session = null)],
    ['when the logout was awaited', (ctx) => ctx.session.destroy()],
    ['after a save that nobody awaited', (ctx) => (void ctx.session.save(), ctx.session.destroy())],
  ])('an object after null begins a new session, %s: the old one has ended', async (_, logout) => {
    at['/anew'] = async (ctx) => {
      const gone = logout(ctx);
      if (gone instanceof Promise) await gone;
      ctx.session = { theme: 'dark' };
      ctx.body = ctx.session.toJSON();
    };
    const old = visitor.copy();
    expect(await visitor.json('/anew')).toEqual({ theme: 'dark' });
    expect(await visitor.json('/data')).toEqual({ theme: 'dark' });
    expect([await old.json('/data'), await store.size()]).toEqual([{}, 1]);
  });

  it('an object after null whose logout fails is a fault, and nothing is replaced', async () => {
    at['/anew'] = (ctx) => {
      ctx.session = null;
      ctx.session = { theme: 'dark' };
      ctx.body = 'anew';
    };
    store.down.add('destroy');
    const response = await visitor.get('/anew');
    expect([response.status, response.headers.getSetCookie()]).toEqual([503, []]);
    store.down.clear();
    expect(await visitor.json('/data')).toEqual({ cart: ['book'], views: 3 });
  });

  it('the data that is there already is no change, however it is assigned', async () => {
    at['/same'] = (ctx) => {
      const { session: same } = ctx;
      ctx.session = same;
      ctx.session = { ...ctx.session };
      ctx.body = 'same';
    };
    expect(await visitor.text('/same')).toBe('same');
    expect(store.calls).toEqual(['read']);
  });

  it('replaces what it has read, and not what it has not: a key of a request at the same time stays', async () => {
    let arrived = (): void => {};
    let go = (): void => {};
    const isHere = new Promise<void>((resolve) => (arrived = resolve));
    const mayGo = new Promise<void>((resolve) => (go = resolve));
    at['/slow'] = async (ctx) => {
      void ctx.session.views;
      arrived();
      await mayGo;
      ctx.session = { theme: 'dark' };
      ctx.body = 'slow';
    };
    at['/quick'] = (ctx) => {
      Object.assign(ctx.session, { quick: true });
      ctx.body = 'quick';
    };
    const slow = visitor.get('/slow');
    await isHere;
    await visitor.get('/quick');
    go();
    await slow;
    expect(await visitor.json('/data')).toEqual({ theme: 'dark', quick: true });
  });

  it('{} empties it', async () => {
    at['/empty'] = (ctx) => {
      ctx.session = {};
      ctx.body = 'empty';
    };
    await visitor.get('/empty');
    expect(await visitor.json('/data')).toEqual({});
  });

  it('the session from before a regenerate can be assigned: its data goes along', async () => {
    at['/rotate'] = async (ctx) => {
      const before = ctx.session;
      await before.regenerate();
      ctx.session = before;
      ctx.body = 'rotated';
    };
    const thief = visitor.copy();
    await visitor.get('/rotate');
    expect(visitor.cookieHeader).not.toBe(thief.cookieHeader);
    expect(await visitor.json('/data')).toEqual({ cart: ['book'], views: 3 });
    expect(await thief.json('/data')).toEqual({});
  });

  it('begins a session for whoever has none', async () => {
    at['/begin'] = (ctx) => {
      ctx.session = { views: 1 };
      ctx.body = 'begun';
    };
    const stranger = new Visitor(visitor.url);
    expect((await stranger.get('/begin')).headers.getSetCookie()).toHaveLength(1);
    expect(await stranger.json('/data')).toEqual({ views: 1 });
  });

  it('takes nothing but an object or null, and says so', async () => {
    for (const value of [undefined, 'dark', 1, true, ['book'], new Map([['theme', 'dark']]), new Date(0), () => {}])
      expect(await refusal((ctx) => Reflect.set(ctx, 'session', value))).toMatch(/^UNSUPPORTED .*takes an object/);
    expect(await visitor.json('/data')).toEqual({ cart: ['book'], views: 3 });
  });

  it('refuses the name of a control, and removes nothing then', async () => {
    for (const key of ['save', 'constructor', 'then'])
      expect(await refusal((ctx) => Reflect.set(ctx, 'session', { [key]: 1 }))).toMatch(/^RESERVED_KEY /);
    expect(await visitor.json('/data')).toEqual({ cart: ['book'], views: 3 });
  });

  it('null logs out: the answer waits for it, and clears the cookie', async () => {
    at['/null'] = (ctx) => {
      ctx.session = null;
      ctx.body = ctx.session.cart ?? 'nothing';
    };
    const thief = visitor.copy();
    expect(await visitor.text('/null')).toBe('nothing');
    expect(visitor.cookies.size).toBe(0);
    expect(await thief.json('/data')).toEqual({});
    expect(await store.size()).toBe(0);
  });

  it('null is a 503, with the cookie untouched, when it cannot be carried out', async () => {
    at['/null'] = (ctx) => {
      ctx.session = null;
      ctx.body = 'you are logged out';
    };
    store.down.add('destroy');
    const response = await visitor.get('/null');
    expect([response.status, response.headers.getSetCookie()]).toEqual([503, []]);
    expect(await response.text()).not.toContain('logged out');
    expect(await visitor.json('/data')).toEqual({ cart: ['book'], views: 3 });
  });

  it('a key set after null is refused: a new session begins with an object or regenerate()', async () => {
    const late = await refusal((ctx) => {
      ctx.session = null;
      ctx.session.views = 1;
    });
    expect(late).toMatch(/^SESSION_ENDED /);
    expect(visitor.cookies.size).toBe(0);
    await visitor.get('/fill');
    at['/switch'] = async (ctx) => {
      ctx.session = null;
      await ctx.session.regenerate({ owner: 'bob' });
      ctx.session = { views: 1 };
      ctx.body = 'switched';
    };
    await visitor.get('/switch');
    expect(await visitor.json('/data')).toEqual({ views: 1 });
  });
});

it.each(versions(Koa, Koa2))(
  'null behind the headers of a cookie session breaks the answer off on %s',
  async (_version, Koa) => {
    const app = new Koa();
    app.silent = true;
    app.use(
      session({
        store: cookieSessions(),
        secret: 'a secret that is only good for tests, 0123456789',
        logger: false,
        env: {},
      }),
    );
    app.use(async (ctx) => {
      if (ctx.path === '/login') {
        ctx.session.cart = ['book'];
        ctx.body = 'in';
        return;
      }
      const body = new PassThrough();
      ctx.body = body;
      body.write('begun ');
      setTimeout(() => {
        ctx.session = null;
        body.end('bye');
      }, 20);
    });
    const visitor = new Visitor((await serve(app)).url);
    await visitor.get('/login');
    await expect(visitor.text('/late')).rejects.toThrow('terminated');
  },
);
