import { Visitor, stopServers, takeDown, testStore } from '@sess/adapter-tests';
import { memoryStore } from '@sess/core';
import type { ErrorRequestHandler, Express, Request } from 'express';
import { afterEach, describe, expect, it } from 'vitest';

import { cookieOf, open } from '../test/kit.ts';
import { MemoryStore } from './commonjs/memory-store.ts';
import { Session } from './commonjs/session.ts';

afterEach(stopServers);

const data = (request: Express.Request): Record<string, unknown> =>
  Object.fromEntries(Object.entries(request.session).filter(([name]) => name !== 'cookie'));
const set = (request: Express.Request, values: object): void => void Object.assign(request.session, values);

/** Routes that most tests need. */
function routes(app: Express): void {
  app.get('/data', (req, res) => void res.json(data(req)));
  app.post('/login', (req, res, next) => {
    req.session.regenerate((error) => {
      if (error) return next(error);
      set(req, { user: 'ann' });
      req.session.save((failure) => (failure ? next(failure) : res.redirect('/data')));
    });
  });
  app.post('/logout', (req, res, next) => {
    req.session.destroy((error) => (error ? next(error) : res.send(typeof req.session)));
  });
}

describe('req.session', () => {
  it('is an object of data and a cookie, with methods that nobody lists', async () => {
    const { visitor } = await open({ store: memoryStore() }, (app) => {
      app.get('/', (req, res) => {
        set(req, { one: 1 });
        const listed = [];
        for (const key in req.session) listed.push(key);
        res.json([Object.keys(req.session), listed, req.session instanceof Session, req.session.id === req.sessionID]);
      });
    });
    const listed = ['one', 'cookie'];
    const [keys, inLoop, ...facts] = (await visitor.json('/')) as [string[], string[], ...boolean[]];
    expect([keys.toSorted(), inLoop.toSorted(), ...facts]).toEqual([listed.toSorted(), listed.toSorted(), true, true]);
  });

  it('keeps what JSON makes of a value, and any name that express-session keeps', async () => {
    const names = ['owner', 'update', 'expiresAt', 'handle', 'isNew', 'createdAt', 'persistent', 'rotate', 'then'];
    const { visitor } = await open({ store: memoryStore() }, (app) => {
      routes(app);
      app.get('/set', (req, res) => {
        set(req, Object.fromEntries(names.map((name) => [name, name])));
        set(req, { when: new Date(0), none: undefined, call: () => 1, nested: { at: new Date(1), none: undefined } });
        res.json(data(req)['when'] instanceof Date);
      });
    });
    expect(await visitor.json('/set')).toBe(true);
    expect(await visitor.json('/data')).toEqual({
      ...Object.fromEntries(names.map((name) => [name, name])),
      when: '1970-01-01T00:00:00.000Z',
      nested: { at: '1970-01-01T00:00:00.001Z' },
    });
  });

  it('says by name what cannot be written as JSON', async () => {
    const { visitor } = await open({ store: memoryStore() }, (app) => {
      app.get('/', (req, res) => {
        set(req, { views: 1n });
        res.end();
      });
      app.use(((error, _req, res, _next) => void res.status(error.status).send(error.message)) as ErrorRequestHandler);
    });
    const answer = await visitor.get('/');
    expect([answer.status, await answer.text()]).toEqual([500, expect.stringContaining('req.session.views cannot')]);
  });

  it.each(['expires', 'maxAge'])('takes %s = false for a cookie that ends with the browser', async (name) => {
    const { visitor } = await open({ store: memoryStore(), cookie: { maxAge: 3_600_000 } }, (app) => {
      routes(app);
      app.get('/', (req, res) => {
        set(req, { user: 'ann' });
        Object.assign(req.session.cookie, { [name]: false });
        res.end();
      });
    });
    const answer = await visitor.get('/');
    expect(answer.headers.getSetCookie()[0]).not.toMatch(/Expires|Max-Age/);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await visitor.json('/data')).toEqual({ user: 'ann' });
  });

  it.each<[unknown, RegExp]>([
    [{ maxAge: 60_000 }, /Expires/],
    [{}, /^connect\.sid/],
    [null, /^connect\.sid/],
  ])('takes %j in place of the cookie object', async (cookie, line) => {
    const { visitor } = await open({ store: memoryStore() }, (app) => {
      routes(app);
      app.get('/', (req, res) => {
        set(req, { user: 'ann', cookie });
        res.end();
      });
    });
    const answer = await visitor.get('/');
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([200, [expect.stringMatching(line)]]);
    expect(await visitor.json('/data')).toEqual({ user: 'ann' });
  });

  it.each(['domain', 'sameSite', 'path'])(
    'refuses a %s that no cookie can have, before a login is stored',
    async (name) => {
      const { visitor } = await open({ store: memoryStore() }, (app) => {
        routes(app);
        app.get('/start', (req, res) => {
          set(req, { user: 'nobody' });
          res.end();
        });
        app.get('/', (req, res, next) => {
          req.session.regenerate((error) => {
            if (error) return next(error);
            set(req, { user: 'ann' });
            Object.assign(req.session.cookie, { [name]: 'a;b' });
            res.end();
          });
        });
        app.use(((error, _req, res, _next) => void res.status(error.status).send(error.code)) as ErrorRequestHandler);
      });
      await visitor.get('/start');
      const answer = await visitor.get('/');
      expect([answer.status, await answer.text()]).toEqual([500, 'CONFIG_INVALID']);
      expect(await visitor.json('/data')).toEqual({ user: 'nobody' });
    },
  );

  it('merges what requests at the same time change, and does not bring back a key that another has deleted', async () => {
    let go = (): void => {};
    const { visitor } = await open({ store: memoryStore() }, (app) => {
      routes(app);
      app.get('/set', (req, res) => {
        set(req, { user: { id: 1 }, cart: { items: ['a'] } });
        res.end();
      });
      app.get('/slow', (req, res) => {
        const { user, cart } = data(req) as { user: Record<string, unknown>; cart: { items: string[] } };
        go = () => {
          user['seen'] = true;
          cart.items.push('b');
          res.end();
        };
        started();
      });
      app.get('/quick', (req, res) => {
        Reflect.deleteProperty(req.session, 'user');
        set(req, { other: 2 });
        res.end();
      });
    });
    let started = (): void => {};
    const isWaiting = new Promise<void>((resolve) => (started = resolve));
    await visitor.get('/set');
    const slow = visitor.get('/slow');
    await isWaiting;
    await visitor.get('/quick');
    go();
    await slow;
    expect(await visitor.json('/data')).toEqual({ cart: { items: ['a', 'b'] }, other: 2 });
  });

  it.each([
    [false, /^undefined$/],
    [true, /; Expires=/],
  ])('keeps a "remember me" that another request has set meanwhile, with rolling = %s', async (rolling, cookie) => {
    let started = (_goOn: () => void): void => {};
    const slow = new Promise<() => void>((resolve) => (started = resolve));
    const maxAge = 14 * 86_400_000;
    const { visitor } = await open({ store: memoryStore(), rolling }, (app) => {
      routes(app);
      app.get('/remember', (req, res) => {
        req.session.cookie.maxAge = maxAge;
        res.end();
      });
      app.get('/lifetime', (req, res) => void res.json(req.session.cookie.originalMaxAge));
      app.get('/slow', (req, res, next) => {
        set(req, { page: 1 });
        started(() => {
          req.session.save((error) => {
            if (error) return next(error);
            set(req, { page: 2 });
            req.session.save((failure) => (failure ? next(failure) : res.end()));
          });
        });
      });
    });
    await visitor.post('/login');
    const answer = visitor.copy().get('/slow');
    const goOn = await slow;
    await visitor.get('/remember');
    goOn();
    expect(String(cookieOf(await answer))).toMatch(cookie);
    expect(await visitor.json('/data')).toEqual({ user: 'ann', page: 2 });
    expect(await visitor.json('/lifetime')).toBe(maxAge);
  });

  it('login gives a new cookie, and the old one is nobody', async () => {
    const { visitor } = await open({ store: memoryStore() }, (app) => {
      routes(app);
      app.get('/fill', (req, res) => {
        set(req, { cart: ['book'] });
        res.end();
      });
    });
    await visitor.get('/fill');
    const before = visitor.copy();
    await visitor.post('/login');
    expect(await visitor.json('/data')).toEqual({ user: 'ann' });
    expect(await before.json('/data')).toEqual({});
  });

  it('regenerate takes an owner and keys to keep, so that all sessions of an owner can be ended', async () => {
    const { visitor, middleware } = await open({ store: memoryStore() }, (app) => {
      routes(app);
      app.get('/login', (req, res, next) => {
        set(req, { cart: ['book'], note: 'x' });
        req.session.regenerate({ owner: 'ann', keep: ['cart'] }, (error) => (error ? next(error) : void res.end()));
      });
    });
    await visitor.get('/login');
    expect(await visitor.json('/data')).toEqual({ cart: ['book'] });
    expect(await middleware.sessions.revokeAll('ann')).toBe(1);
    expect(await visitor.json('/data')).toEqual({});
  });

  it('logout ends the session: req.session is undefined, the cookie is cleared, and a slow request revives nothing', async () => {
    let go = (): void => {};
    let started = (): void => {};
    const { visitor } = await open({ store: memoryStore() }, (app) => {
      routes(app);
      app.get('/slow', (req, res) => {
        go = () => {
          set(req, { late: true });
          res.end();
        };
        started();
      });
    });
    await visitor.post('/login');
    const tab = visitor.copy();
    const isWaiting = new Promise<void>((resolve) => (started = resolve));
    const slow = tab.get('/slow');
    await isWaiting;
    const logout = await visitor.post('/logout');
    expect([await logout.text(), cookieOf(logout)]).toEqual([
      'undefined',
      expect.stringMatching(/^connect\.sid=; Max-Age=0/),
    ]);
    go();
    expect((await slow).headers.getSetCookie()).toEqual([]);
    expect(await tab.json('/data')).toEqual({});
  });

  it('reload reads the session again, and says as ever that there is none', async () => {
    const { visitor, middleware } = await open({ store: memoryStore() }, (app) => {
      routes(app);
      app.get('/reload', (req, res) => {
        const before = req.session;
        set(req, { dropped: true });
        req.session.reload((error) =>
          res.json(error instanceof Error ? error.message : [req.session !== before, data(req)]),
        );
      });
      app.get('/gone', async (req, res) => {
        await middleware.sessions.revoke(req.sessionID);
        req.session.reload((error) => res.json(error instanceof Error && error.message));
      });
    });
    await visitor.post('/login');
    expect(await visitor.json('/reload')).toEqual([true, { user: 'ann' }]);
    expect(await visitor.json('/gone')).toBe('failed to load session');
  });

  it('an object from before a reload brings what was changed in it, and no more', async () => {
    const { visitor } = await open({ store: memoryStore() }, (app) => {
      routes(app);
      app.get('/count', (req, res) => {
        set(req, { count: 2 });
        res.end();
      });
      app.get('/', async (req, res, next) => {
        const before = req.session;
        await visitor.copy().get('/count');
        before.reload((error) => {
          if (error) return next(error);
          Object.assign(before, { late: true });
          before.save((failure) => {
            if (failure) return next(failure);
            set(req, { last: true });
            res.end();
          });
        });
      });
    });
    await visitor.post('/login');
    expect((await visitor.get('/')).status).toBe(200);
    expect(await visitor.json('/data')).toEqual({ user: 'ann', count: 2, late: true, last: true });
  });

  it('an object from before a regenerate is not saved, and says so', async () => {
    const { visitor } = await open({ store: memoryStore() }, (app) => {
      routes(app);
      app.get('/', (req, res) => {
        const before = req.session;
        before.regenerate(() => {
          Object.assign(before, { user: 'eve' });
          before.save((error) => res.json(Reflect.get(Object(error), 'code')));
        });
      });
    });
    await visitor.post('/login');
    expect(await visitor.json('/')).toBe('SESSION_ENDED');
    expect(await visitor.json('/data')).toEqual({});
  });

  it('is read and ended by its id through req.sessionStore', async () => {
    const { visitor } = await open({ store: memoryStore() }, (app) => {
      routes(app);
      app.get('/peek', (req, res) => {
        req.sessionStore.get(req.sessionID, (_error, found) => {
          req.sessionStore.destroy(req.sessionID, () => res.json(found ?? null));
        });
      });
    });
    await visitor.post('/login');
    expect(await visitor.json('/peek')).toMatchObject({ user: 'ann', cookie: { path: '/' } });
    expect(await visitor.json('/data')).toEqual({});
  });
});

describe('while the store is down', () => {
  it('no cookie is touched: whoever brings one gets 503, everybody else is served until they log in', async () => {
    const store = testStore();
    const { visitor } = await open({ store }, (app) => {
      routes(app);
      app.get('/static', (_req, res) => void res.send('served'));
      app.get('/callback', (req, res) => {
        Object.assign(req.session, { user: 'ann' });
        req.session.save((error) => res.status(503).json(Reflect.get(Object(error), 'code')));
      });
    });
    await visitor.post('/login');
    takeDown(store);
    for (const path of ['/data', '/static']) {
      const answer = await visitor.get(path);
      expect([answer.status, answer.headers.get('retry-after'), answer.headers.getSetCookie()]).toEqual([503, '1', []]);
    }
    expect(await new Visitor(visitor.url).text('/static')).toBe('served');
    const stranger = new Visitor(visitor.url);
    expect(await stranger.json('/callback')).toBe('STORE_UNAVAILABLE');
    const login = await stranger.post('/login');
    expect([login.status, login.headers.getSetCookie()]).toEqual([503, []]);
    store.down.clear();
    expect(await visitor.json('/data')).toEqual({ user: 'ann' });
  });
});

describe('after a logout in the same request', () => {
  it.each<[string, (req: Request, next: (error?: unknown) => void) => void]>([
    ['store.generate(req)', (req, next) => (req.sessionStore.generate(req), next())],
    ['store.regenerate(req)', (req, next) => req.sessionStore.regenerate(req, next)],
    ['the middleware once more', (req, next) => Reflect.get(req.app, 'again')(req, req.res, next)],
  ])('%s makes a new session', async (_name, begin) => {
    const { app, middleware, visitor } = await open({ store: memoryStore() }, (app) => {
      routes(app);
      app.get('/switch', (req, res, next) => {
        req.session.destroy((error) => {
          if (error) return next(error);
          begin(req, (fault) => {
            if (fault) return next(fault);
            Object.assign(req.session, { user: 'bob' });
            res.json(req.session.id === req.sessionID);
          });
        });
      });
    });
    Object.assign(app, { again: middleware });
    await visitor.post('/login');
    const old = visitor.copy();
    expect(await visitor.json('/switch')).toBe(true);
    expect(await visitor.json('/data')).toEqual({ user: 'bob' });
    expect(await old.json('/data')).toEqual({});
  });

  it('a request that the middleware has not seen gets none', () => {
    const store = new MemoryStore();
    expect(() => store.generate({ sessionID: 'a', sessionStore: store })).toThrow('session() has seen');
  });
});

it('a mistake of the app in its own session is no fault of the store', async () => {
  const { visitor } = await open({ store: memoryStore() }, (app) => {
    app.get('/getter', (req, res) => {
      Object.defineProperty(req.session, 'user', { enumerable: true, get: () => Object(undefined).name.first });
      res.end();
    });
  });
  const answer = await visitor.get('/getter');
  expect([answer.status, await answer.text()]).toEqual([500, expect.stringContaining('cannot be written as JSON')]);
});

it('a login form that is sent twice logs in', async () => {
  const { visitor } = await open({ store: new MemoryStore() }, (app) => {
    routes(app);
    app.get('/cart', (req, res) => {
      Object.assign(req.session, { cart: ['tea'] });
      res.end();
    });
  });
  await visitor.get('/cart');
  const answers = await Promise.all([visitor.copy(), visitor].map((tab) => tab.post('/login')));
  expect(answers.map(({ status, headers }) => [status < 400, headers.getSetCookie().length])).toEqual([
    [true, 1],
    [true, 1],
  ]);
  expect(await visitor.json('/data')).toMatchObject({ user: 'ann' });
});
