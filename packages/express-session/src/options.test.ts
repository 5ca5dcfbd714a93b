import { type IncomingMessage, get } from 'node:http';
import { text } from 'node:stream/consumers';

import { Visitor, refusalOf, serve, stopServers, testStore } from '@sess/adapter-tests';
import { memoryStore } from '@sess/core';
import express from 'express';
import { afterEach, describe, expect, it } from 'vitest';

import { cookieOf, open, secret } from '../test/kit.ts';
import { Cookie } from './commonjs/cookie.ts';
import { MemoryStore } from './commonjs/memory-store.ts';
import { session } from './commonjs/middleware.ts';

afterEach(stopServers);

const https = { headers: { 'x-forwarded-proto': 'https' } };

describe('options', () => {
  it.each([
    [{ genid: () => 'x' }, /genid must be left out: .*256 random bits/],
    [{ cookie: { httpOnly: false } }, /cookie\.httpOnly cannot be false: no script needs/],
    [{ maxage: 5 }, /Option maxage is unknown/],
  ])('%o is refused by name, with the reason', (options, message) => {
    expect(refusalOf(() => session({ secret, logger: false, ...options } as object))).toEqual([
      'CONFIG_INVALID',
      expect.stringMatching(message),
    ]);
  });

  it('httpOnly cannot be switched off in a session either', async () => {
    const { visitor } = await open({ store: memoryStore() }, (app) => {
      app.get('/', (req, res) => {
        req.session.cookie.httpOnly = false;
        res.end();
      });
    });
    const answer = await visitor.get('/');
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([500, []]);
  });

  it('a session without data is stored where saveUninitialized is true, as by default, and only there', async () => {
    for (const [saveUninitialized, count] of [
      [undefined, 1],
      [true, 1],
      [false, 0],
    ] as const) {
      const store = testStore();
      const { visitor } = await open({ store, saveUninitialized }, (app) => {
        app.get('/', (_req, res) => void res.end());
        app.get('/id', (req, res) => void res.json(req.sessionID));
      });
      expect((await visitor.get('/')).headers.getSetCookie()).toHaveLength(count);
      expect(await store.size()).toBe(count);
      const [first, second] = [await visitor.json('/id'), await visitor.json('/id')];
      expect(first === second).toBe(count === 1);
    }
  });

  it('rolling sends the cookie each time, and not the one of a session that has just ended', async () => {
    let go = (): void => {};
    let started = (): void => {};
    const isWaiting = new Promise<void>((resolve) => (started = resolve));
    const { visitor } = await open({ store: memoryStore(), rolling: true, cookie: { maxAge: 60_000 } }, (app) => {
      app.get('/set', (req, res) => {
        Object.assign(req.session, { user: 'ann' });
        res.end();
      });
      app.get('/', (_req, res) => void res.end());
      app.get('/slow', (req, res) => {
        Reflect.get(req.session, 'user');
        go = () => void res.end();
        started();
      });
      app.get('/login', (req, res, next) => {
        req.session.regenerate((error) => {
          Object.assign(req.session, { user: 'bob' });
          if (error) next(error);
          else res.end();
        });
      });
    });
    await visitor.get('/set');
    expect(cookieOf(await visitor.get('/'))).toMatch(/^connect\.sid=.*; Expires=/);
    const slow = visitor.copy().get('/slow');
    await isWaiting;
    await visitor.get('/login');
    go();
    expect((await slow).headers.getSetCookie()).toEqual([]);
  });

  it('a change sends the cookie of a session with a lifetime again, so that its end moves; a look does not', async () => {
    const cookies = async (maxAge: number | undefined): Promise<number[]> => {
      const { visitor } = await open({ store: memoryStore(), cookie: { maxAge } }, (app) => {
        app.get('/set/:value', (req, res) => {
          Object.assign(req.session, { value: req.params.value });
          res.end();
        });
        app.get('/', (req, res) => void res.json(Reflect.get(req.session, 'value')));
      });
      const counts = [];
      for (const path of ['/set/a', '/', '/set/a', '/set/b'])
        counts.push((await visitor.get(path)).headers.getSetCookie().length);
      return counts;
    };
    expect(await cookies(60_000)).toEqual([1, 0, 0, 1]);
    expect(await cookies(undefined)).toEqual([1, 0, 0, 0]);
  });

  it('the environment and the time are those that it was given', async () => {
    let now = 1_000_000;
    const clock = (): number => now;
    const store = memoryStore({ clock });
    const options = { store, clock, env: { SECRET_KEY: secret }, secret: undefined, cookie: { maxAge: 60_000 } };
    const { visitor } = await open(options, (app) => {
      app.get('/set', (req, res) => {
        Object.assign(req.session, { user: 'ann' });
        res.json([req.session.cookie.maxAge, req.session.cookie.expires]);
      });
      app.get('/', (req, res) => void res.json(Reflect.get(req.session, 'user') ?? null));
    });
    expect(await visitor.json('/set')).toEqual([60_000, new Date(now + 60_000).toISOString()]);
    now += 59_000;
    expect(await visitor.json('/')).toBe('ann');
    now += 61_000;
    expect(await visitor.json('/')).toBe(null);
    expect(refusalOf(() => session({ logger: false, env: { SECRET_KEY: ' ' } }).sessions)).toContain('CONFIG_INVALID');
  });

  it('the cookie has the attributes that were asked for, also by a function of the request', async () => {
    const { visitor } = await open(
      {
        store: memoryStore(),
        saveUninitialized: true,
        name: 'id',
        cookie: (req) => ({
          path: '/shop',
          sameSite: 'strict',
          priority: 'high',
          maxAge: req.url === '/shop/a' ? 5_000 : 9_000,
        }),
      },
      (app) =>
        void app.get('/{*all}', (req, res) => void res.json(req.session ? req.session.cookie.originalMaxAge : 'none')),
    );
    const answer = await visitor.get('/shop/a');
    expect(await answer.json()).toBe(5_000);
    expect(cookieOf(answer)).toMatch(
      /^id=[^;]+; Path=\/shop; Expires=[^;]+; HttpOnly; Priority=High; SameSite=Strict$/,
    );
    expect(await visitor.json('/elsewhere')).toBe('none');
  });

  it("secure and sameSite 'auto' follow the request; over plain http a Secure cookie is not sent", async () => {
    const cookies = async (cookie: object, proxy: boolean): Promise<(string | undefined)[]> => {
      const { visitor } = await open({ store: memoryStore(), saveUninitialized: true, proxy, cookie }, (app) => {
        app.get('/', (_req, res) => void res.end());
      });
      const answers = [await visitor.get('/'), await new Visitor(visitor.url).request('/', https)];
      return answers.map((answer) => cookieOf(answer)?.replace(/^[^;]+; /, ''));
    };
    const auto = { secure: 'auto', sameSite: 'auto' };
    expect(await cookies(auto, true)).toEqual([
      'Path=/; HttpOnly; SameSite=Lax',
      'Path=/; HttpOnly; Secure; SameSite=None',
    ]);
    expect(await cookies(auto, false)).toEqual(['Path=/; HttpOnly; SameSite=Lax', 'Path=/; HttpOnly; SameSite=Lax']);
    expect(await cookies({ secure: true }, true)).toEqual([undefined, 'Path=/; HttpOnly; Secure']);
  });

  it('cookie.maxAge of one session moves its deadline, and the browser is told', async () => {
    const { visitor, middleware } = await open({ store: memoryStore() }, (app) => {
      app.get('/', (req, res) => {
        Object.assign(req.session, { user: 'ann' });
        res.json([req.session.cookie.originalMaxAge, req.sessionID]);
      });
      app.get('/remember', (req, res) => {
        req.session.cookie.maxAge = 14 * 86_400_000;
        res.end();
      });
    });
    expect(cookieOf(await visitor.get('/'))).toMatch(/^connect\.sid=[^;]+; Path=\/; HttpOnly$/);
    expect(cookieOf(await visitor.get('/remember'))).toMatch(/; Expires=/);
    const [maxAge, id] = (await visitor.json('/')) as [number, string];
    expect(maxAge).toBe(14 * 86_400_000);
    expect(await middleware.sessions.read(id)).toMatchObject({ user: 'ann', cookie: { originalMaxAge: maxAge } });
  });

  it('unset says what req.session = null does', async () => {
    for (const unset of ['keep', 'destroy'] as const) {
      const { visitor } = await open({ store: memoryStore(), unset }, (app) => {
        app.get('/', (req, res) => {
          const count = Number(Reflect.get(req.session, 'count') ?? 0) + 1;
          Object.assign(req.session, { count });
          if (count === 2) Reflect.set(req, 'session', null);
          res.json([count, req.session === null]);
        });
      });
      await visitor.get('/');
      expect(await visitor.json('/')).toEqual([2, true]);
      expect(await visitor.json('/')).toEqual([unset === 'keep' ? 2 : 1, unset === 'keep']);
    }
  });

  it('a cookie of one req.secret is not for requests that have another', async () => {
    const app = express();
    const middleware = session({ store: memoryStore(), saveUninitialized: false, logger: false, env: {} });
    app.use((req, _res, next) => next(void Object.assign(req, { secret: `${secret} of ${req.get('x-tenant')}` })));
    app.use(middleware, (req, res) => {
      const known: unknown = Reflect.get(req.session, 'user') ?? null;
      Object.assign(req.session, { user: req.headers['x-tenant'] });
      res.json(known);
    });
    const visitor = new Visitor((await serve(app)).url);
    const as = async (tenant: string) => (await visitor.request('/', { headers: { 'x-tenant': tenant } })).json();
    expect(await as('a')).toBe(null);
    expect(await as('a')).toBe('a');
    expect(await as('b')).toBe(null);
    expect(await as('b')).toBe('b');
  });

  it("'auto' stays what it was when the session began, in a store of express-session too", async () => {
    for (const store of [memoryStore(), new MemoryStore()]) {
      const cookie = { secure: 'auto', sameSite: 'auto', maxAge: 60_000 } as const;
      const { visitor } = await open({ store, proxy: true, cookie }, (app) => {
        app.get('/', (req, res) => {
          Object.assign(req.session, { count: Number(Reflect.get(req.session, 'count') ?? 0) + 1 });
          res.end();
        });
        app.get('/look', (req, res) => void res.json(Object.keys(req.session)));
      });
      expect((await visitor.request('/look', https)).headers.getSetCookie()).toEqual([]);
      for (const _ of [1, 2, 3])
        expect(cookieOf(await visitor.request('/', https))).toMatch(/; HttpOnly; Secure; SameSite=None$/);
    }
  });

  it('cookie: null says as little as none', async () => {
    const { visitor } = await open({ store: memoryStore(), cookie: Object(null).cookie ?? null }, (app) => {
      app.get('/', (_req, res) => void res.end('served'));
    });
    expect(await visitor.text('/')).toBe('served');
  });

  it('a request that names the whole address has a session like any other', async () => {
    const { visitor } = await open({ store: memoryStore(), cookie: { path: '/app' } }, (app) => {
      app.get('/app', (req, res) => void res.json(req.session !== undefined));
    });
    const { hostname, port } = new URL(visitor.url);
    const answer = await new Promise<IncomingMessage>((resolve) => {
      get({ hostname, port, path: `http://${hostname}:${port}/app` }, resolve);
    });
    expect(await text(answer)).toBe('true');
  });

  it('the secret may come from cookie-parser, be bytes, or be several', async () => {
    const app = express();
    app.use((req, _res, next) => {
      if (req.headers['x-secret']) Object.assign(req, { secret });
      next();
    });
    const middleware = session({ store: memoryStore(), saveUninitialized: true, logger: false, env: {} });
    app.use(middleware, (_req, res) => void res.end());
    expect(refusalOf(() => middleware.sessions)).toEqual(['CONFIG_INVALID', expect.stringContaining('SECRET_KEY')]);
    const visitor = new Visitor((await serve(app)).url);
    const without = await visitor.get('/');
    expect([without.status, await without.text()]).toEqual([500, expect.stringContaining('secret option required')]);
    expect((await visitor.request('/', { headers: { 'x-secret': '1' } })).headers.getSetCookie()).toHaveLength(1);
    const store = memoryStore();
    const old = await open({ store, secret: Buffer.from(secret) }, (app) => {
      app.get('/', (req, res) => {
        Object.assign(req.session, { user: 'ann' });
        res.end();
      });
    });
    await old.visitor.get('/');
    const next = await open({ store, secret: [`new ${secret}`, Buffer.from(secret)] }, (app) => {
      app.get('/', (req, res) => void res.json(Reflect.get(req.session, 'user') ?? null));
    });
    for (const [name, value] of old.visitor.cookies) next.visitor.cookies.set(name, value);
    expect(await next.visitor.json('/')).toBe('ann');
  });
});

describe('Cookie', () => {
  it('has its end and its lifetime, and is written as Set-Cookie has it', () => {
    const cookie = new Cookie({ maxAge: 60_000, secure: true, data: 'ignored' });
    expect(cookie.originalMaxAge).toBe(60_000);
    expect(cookie.maxAge).toBeGreaterThan(50_000);
    expect(cookie.serialize('a', 'b')).toMatch(/^a=b; Path=\/; Expires=.*; HttpOnly; Secure$/);
    cookie.expires = null;
    expect([cookie.maxAge, cookie.originalMaxAge]).toEqual([null, null]);
    expect(() => new Cookie(Object('x'.length && 42).valueOf())).toThrow('argument options');
    expect(() => Object.assign(new Cookie(), { maxAge: '5' })).toThrow('maxAge must be');
  });
});
