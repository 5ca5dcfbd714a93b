import { type HttpBindings, getRequestListener } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import {
  type TestStore,
  Visitor,
  faultHeaders,
  makeTestSessions,
  serve,
  stopServers,
  takeDown,
} from '@sess/adapter-tests';
import { currentSession } from '@sess/core';
import { type Context, type Handler, Hono } from 'hono';
import { compress } from 'hono/compress';
import { cors } from 'hono/cors';
import { stream, streamSSE, streamText } from 'hono/streaming';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { session } from './index.ts';

const secret = 'x7Kq-tests-of-the-hono-adapter-only-Zr91Yb';

afterEach(stopServers);

function serveApp({ fetch: answer }: Hono): ReturnType<typeof serve> {
  const listener = getRequestListener(answer);
  return serve((request, response) => void listener(request, response));
}

describe('session() on Hono', () => {
  let store: TestStore;
  let app: Hono;
  let visitor: Visitor;

  beforeEach(async () => {
    const test = await makeTestSessions(secret, {});
    ({ store } = test);
    app = new Hono();
    app.use(session(test.sessions));
    app.get('/data', (c) => c.json(c.get('session')));
    app.get('/fill', (c) => {
      c.var.session.cart = ['book'];
      return c.text('filled');
    });
    visitor = new Visitor((await serveApp(app)).url);
  });

  it('lets a listener look when the client has left, while the store is down', async () => {
    const users: unknown[] = [];
    let reach = (): void => {};
    const reached = new Promise<void>((resolve) => (reach = resolve));
    app.get('/slow', async (c) => {
      const left = new Promise<void>((resolve) => {
        c.req.raw.signal.addEventListener('abort', () => {
          users.push(c.var.session.cart);
          resolve();
        });
      });
      reach();
      await left;
      return c.text('nobody is left');
    });
    await visitor.get('/fill');
    takeDown(store);
    const leaving = new AbortController();
    const asked = visitor.request('/slow', { signal: leaving.signal });
    await reached;
    leaving.abort();
    await expect(asked).rejects.toThrow('aborted');
    await expect.poll(() => users).toEqual([undefined]);
  });

  it("leaves an answer alone that went out by Node's own response, and stores what needs no cookie", async () => {
    const late: unknown[] = [];
    const behind = new Hono<{ Bindings: HttpBindings }>();
    const { sessions } = await makeTestSessions(secret, { store });
    behind.use(session(sessions));
    const sendTwice = ({ env: { outgoing } }: Context<{ Bindings: HttpBindings }>): Response => {
      outgoing.write('one ');
      setTimeout(() => outgoing.end('two'), 20);
      return RESPONSE_ALREADY_SENT;
    };
    behind.get('/change', (c) => {
      c.var.session.cart = ['pen'];
      return sendTwice(c);
    });
    behind.get('/login', async (c) => {
      await c.var.session.regenerate({ owner: 'ada' });
      await c.var.session.save().catch((error: unknown) => late.push(Reflect.get(Object(error), 'code')));
      return sendTwice(c);
    });
    await visitor.get('/fill');
    const { url } = await serveApp(behind as never);
    const there = new Visitor(url);
    for (const [name, value] of visitor.cookies) there.cookies.set(name, value);
    expect(await there.text('/change')).toBe('one two');
    expect(await visitor.json('/data')).toEqual({ cart: ['pen'] });
    expect(await new Visitor(url).text('/login')).toBe('one two');
    expect(late).toEqual([]);
  });

  it('keeps a visitor apart from others, from request to request', async () => {
    app.get('/count', async (c) => c.json(await c.get('session').update('views', (views = 0) => views + 1)));
    const bob = new Visitor(visitor.url);
    expect([await visitor.json('/count'), await visitor.json('/count'), await bob.json('/count')]).toEqual([1, 2, 1]);
    expect(await store.size()).toBe(2);
  });

  it('leaves a handler that forgets its answer to the errors of the app, also where it has looked', async () => {
    app.get('/forgot', ((c: Context) => void c.get('session').theme) as never);
    app.onError((error, c) => c.text(error.message, 500));
    const response = await visitor.get('/forgot');
    expect([response.status, await response.text()]).toEqual([500, expect.stringContaining('There is no answer')]);
  });

  it('refuses a second kind of sessions on a route', async () => {
    const other = await makeTestSessions(secret, {});
    app.use('/admin/*', session(other.sessions));
    app.get('/admin/', (c) => c.text('in'));
    app.onError((error, c) => c.text(error.message, 500));
    const response = await visitor.get('/admin/');
    expect([response.status, await response.text()]).toEqual([500, expect.stringContaining('Two kinds of sessions')]);
  });

  it.each(['read', 'replace'] as const)('a fault of %s keeps the headers of CORS', async (verb) => {
    const test = await makeTestSessions(secret, {});
    const open = new Hono();
    open.use(cors({ origin: () => 'https://app.example', credentials: true }));
    open.use(session(test.sessions));
    open.get('/', (c) => {
      c.get('session').theme = `${c.get('session').theme ?? ''}dark`;
      return c.text('in');
    });
    const other = new Visitor((await serveApp(open)).url);
    await other.get('/');
    test.store.down.add(verb);
    const response = await other.get('/');
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([
      503,
      'https://app.example',
    ]);
  });

  it('costs nothing on a route that does not look: no store call, no header', async () => {
    app.get('/plain', (c) => c.text('plain'));
    const response = await visitor.get('/plain');
    expect([response.headers.get('vary'), response.headers.getSetCookie()]).toEqual([null, []]);
    expect(store.calls).toEqual([]);
  });

  /** Every way in which a handler may answer, and what a visitor gets. */
  const ways: Record<string, [answer: (c: Context) => Response | Promise<Response>, status: number, text: string]> = {
    'c.text()': [(c) => c.text('whole'), 200, 'whole'],
    'c.json()': [(c) => c.json({ whole: true }, 201), 201, '{"whole":true}'],
    'c.body() of bytes': [(c) => c.body(new Uint8Array([119])), 200, 'w'],
    'c.body(null)': [(c) => c.body(null, 204), 204, ''],
    'c.redirect()': [(c) => c.redirect('/data'), 302, ''],
    'a Response': [() => new Response('whole', { status: 418 }), 418, 'whole'],
    'Response.redirect()': [() => Response.redirect('http://localhost/data', 303), 303, ''],
    'stream()': [(c) => stream(c, async (out) => void (await out.write('whole'))), 200, 'whole'],
    'streamText()': [
      (c) =>
        streamText(c, async (out) => {
          await out.write('wh');
          await out.write('ole');
        }),
      200,
      'whole',
    ],
    'streamSSE()': [(c) => streamSSE(c, (out) => out.writeSSE({ data: 'whole' })), 200, 'data: whole\n\n'],
  };

  it.each(Object.keys(ways))('%s leaves when the session is stored, and with its cookie', async (way) => {
    const [answer, status, text] = ways[way] ?? [(c: Context) => c.text(''), 0, ''];
    app.get('/way', (c) => {
      c.get('session').theme = 'dark';
      return answer(c);
    });
    const release = store.hold();
    let answered = false;
    const asked = visitor.get('/way').finally(() => (answered = true));
    await expect.poll(() => store.calls).toEqual(['create']);
    await fetch(`${visitor.url}/nothing-here`);
    expect(answered).toBe(false);
    release();
    const response = await asked;
    expect([response.status, await response.text()]).toEqual([status, text]);
    expect(response.headers.getSetCookie()).toHaveLength(1);
    expect(response.headers.get('cache-control')).toBe('private, no-store');
    expect(await visitor.json('/data')).toEqual({ theme: 'dark' });
  });

  it.each(Object.keys(ways))('%s, beside a session that is only read, is an answer that clients take', async (way) => {
    const [answer, status, text] = ways[way] ?? [(c: Context) => c.text(''), 0, ''];
    app.get('/way', (c) => {
      c.header('X-Theme', JSON.stringify(c.get('session')));
      return answer(c);
    });
    await visitor.get('/fill');
    const response = await visitor.get('/way');
    expect([response.status, await response.text(), response.headers.get('vary')]).toEqual([status, text, 'Cookie']);
  });

  it.each(Object.keys(ways))('%s is a 503 when the session cannot be stored', async (way) => {
    const [answer] = ways[way] ?? [(c: Context) => c.text('')];
    app.get('/way', (c) => {
      c.get('session').theme = 'dark';
      return answer(c);
    });
    store.down.add('create');
    const response = await visitor.get('/way');
    expect(faultHeaders(response)).toEqual({ status: 503, retryAfter: '1', cacheControl: 'no-store', cookies: [] });
    expect(response.headers.get('location')).toBe(null);
  });

  it.each<[string, (failed: Hono) => void]>([
    ['without a handler of errors', () => {}],
    ['where a handler makes a 500 of them', (failed) => void failed.onError((_error, c) => c.text('sorry', 500))],
    ['where a handler answers by itself', (failed) => void failed.onError((_error, c) => c.text('sorry', 503))],
  ])('a fault at the first look is a 503, and nobody is logged out, %s', async (_, prepare) => {
    prepare(app);
    await visitor.get('/fill');
    takeDown(store);
    const response = await visitor.get('/data');
    expect(faultHeaders(response)).toEqual({ status: 503, retryAfter: '1', cacheControl: 'no-store', cookies: [] });
    store.down.clear();
    expect(await visitor.json('/data')).toEqual({ cart: ['book'] });
  });

  it('an error of the client keeps its status, one of the app is for its handler', async () => {
    app.get('/pollute', (c) => c.text(String(Object.assign(c.get('session'), JSON.parse('{"constructor":1}')))));
    app.get('/broken', () => {
      throw new TypeError('a mistake');
    });
    app.onError((error, c) => c.text(error.message, 500));
    expect((await visitor.get('/pollute')).status).toBe(400);
    const broken = await visitor.get('/broken');
    expect([broken.status, await broken.text()]).toEqual([500, 'a mistake']);
  });

  it("and so is a mistake in the app's data, in place of the answer that was given", async () => {
    app.get('/date', (c) => {
      Object.assign(c.get('session'), { day: new Date(0) });
      c.header('ETag', '"abc"');
      c.header('Set-Cookie', 'theme=dark');
      return c.redirect('/data');
    });
    app.onError((error, c) => c.text(error.message, 500));
    const response = await visitor.get('/date');
    expect([response.status, await response.text()]).toEqual([500, expect.stringContaining('session.day is a Date')]);
    for (const name of ['location', 'etag', 'set-cookie']) expect(response.headers.get(name)).toBeNull();
  });

  it('after regenerate the session of the context is the new one, and the old token is worth nothing', async () => {
    app.get('/login', async (c) => {
      await c.get('session').regenerate({ owner: 'ann' });
      c.get('session').theme = c.var.session.owner ?? '';
      return c.text(String(c.get('session') === currentSession()));
    });
    await visitor.get('/fill');
    const stolen = visitor.copy();
    expect(await visitor.text('/login')).toBe('true');
    expect([await visitor.json('/data'), await stolen.json('/data')]).toEqual([{ theme: 'ann' }, {}]);
  });

  it('destroy() ends the session and clears the cookie', async () => {
    app.get('/logout', async (c) => {
      await c.get('session').destroy();
      return c.redirect('/');
    });
    await visitor.get('/fill');
    const stolen = visitor.copy();
    await visitor.get('/logout');
    expect([visitor.cookies.size, await stolen.json('/data')]).toEqual([0, {}]);
  });

  it('a change while the body streams is stored before the body ends, or breaks it off', async () => {
    const late: Handler = (c) =>
      streamText(c, async (out) => {
        await out.write('first, ');
        c.get('session').theme = 'dark';
        await out.write('last');
      });
    app.get('/stream', late);
    app.get('/other', (c) =>
      streamText(c, async (out) => {
        await out.write('begun');
        c.get('session').theme = 'light';
        await out.write(', not ended');
      }),
    );
    await visitor.get('/fill');
    expect(await visitor.text('/stream')).toBe('first, last');
    expect(await visitor.json('/data')).toEqual({ cart: ['book'], theme: 'dark' });
    store.down.add('replace');
    await expect(visitor.text('/other')).rejects.toThrow('terminated');
  });

  it('works beside middleware that wraps the answer, on either side', async () => {
    const around = new Hono();
    around.use(compress({ threshold: 0 }));
    around.use(async (c, next) => {
      await next();
      c.header('X-Outer', 'yes');
    });
    app.get('/long', (c) => {
      c.get('session').theme = 'dark';
      return c.text('long '.repeat(1_000));
    });
    around.route('/', app);
    const outer = new Visitor((await serveApp(around)).url);
    const response = await outer.get('/long');
    expect([response.headers.get('x-outer'), response.headers.get('content-encoding')]).toEqual(['yes', 'gzip']);
    expect([await response.text(), response.headers.getSetCookie().length]).toEqual(['long '.repeat(1_000), 1]);
  });

  it('mounted twice does its work once', async () => {
    const twice = new Hono();
    const middleware = session({ store, secret, logger: false });
    twice.use(middleware, middleware);
    twice.get('/count', (c) => {
      c.get('session').views = (c.get('session').views ?? 0) + 1;
      return c.json(c.get('session').views);
    });
    const guest = new Visitor((await serveApp(twice)).url);
    const first = await guest.get('/count');
    expect([await first.json(), first.headers.getSetCookie().length, await guest.json('/count')]).toEqual([1, 1, 2]);
    expect(await middleware.sessions.revoke('0'.repeat(64))).toBe(false);
  });

  describe('in an app that is mounted in another one', () => {
    let guest: Visitor;
    let size: number;
    let laterStatus: number[];

    beforeEach(async () => {
      laterStatus = [];
      const middleware = session({ store, secret, logger: false });
      await middleware.sessions.ready();
      const inner = new Hono().use(middleware);
      inner.get('/login', async (c) => {
        await c.var.session.regenerate({ owner: 'ann', keep: true });
        c.var.session.theme = 'dark';
        return c.text('in');
      });
      inner.get('/alone', async (c) => {
        c.var.session.theme = 'dark';
        return c.json(await (await outer.request('/data', {}, c.env)).json());
      });
      inner.get('/gone', async (c) => {
        await middleware.sessions.revoke(c.var.session.handle);
        c.var.session.theme = 'light';
        await c.var.session.save();
        return c.text('saved');
      });
      inner.get('/later', (c) => {
        const { env, req } = c;
        const ask = () => outer.request('/change', { headers: req.raw.headers }, env);
        setTimeout(() => void Promise.resolve(ask()).then(({ status }) => laterStatus.push(status)), 30);
        return c.json(c.var.session);
      });
      const outer = new Hono().use(middleware);
      outer.get('/change', (c) => {
        c.var.session.theme = 'light';
        return c.text('changed');
      });
      outer.use(async (c, next) => {
        if (c.req.path.endsWith('/login')) c.var.session.cart = ['book'];
        await next();
        if (c.req.path.endsWith('/login')) c.header('x-theme', c.var.session.theme);
      });
      outer.get('/data', (c) => c.json(c.var.session));
      outer.mount('/inner', inner.fetch);
      guest = new Visitor((await serveApp(outer)).url);
      size = await store.size();
    });

    it('is the session of both, with one cookie', async () => {
      const login = await guest.get('/inner/login');
      expect([await login.text(), login.headers.getSetCookie().length, login.headers.get('x-theme')]).toEqual([
        'in',
        1,
        'dark',
      ]);
      expect(await guest.json('/data')).toEqual({ cart: ['book'], theme: 'dark' });
      expect(await store.size()).toBe(size + 1);
    });

    it('keeps the status of its errors', async () => {
      await guest.get('/inner/login');
      expect((await guest.get('/inner/gone')).status).toBe(409);
      takeDown(store);
      expect((await guest.get('/inner/login')).status).toBe(503);
    });

    it('is not that of a request which the app makes of itself, without the cookie', async () => {
      await guest.get('/inner/login');
      expect(await guest.json('/inner/alone')).toEqual({});
    });

    it('is not that of a request which the app makes of itself after the answer', async () => {
      await guest.get('/inner/login');
      await guest.get('/inner/later');
      await expect.poll(() => laterStatus).toEqual([200]);
      expect(await guest.json('/data')).toEqual({ cart: ['book'], theme: 'light' });
    });
  });
});
