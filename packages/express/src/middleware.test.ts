import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type TestStore, Visitor, refusalOf, serve, stopServers } from '@sess/adapter-tests';
import { type SessionsOptions, cookieSessions } from '@sess/core';
import express from 'express';
import express4 from 'express4';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { testSessions, versions } from '../test/kit.ts';
import { type SessionMiddleware, session } from './index.ts';

const hour = 3_600_000;

afterEach(stopServers);

describe.each(versions(express, express4))('session() on %s', (_version, express) => {
  let store: TestStore;
  let sessions: SessionMiddleware;
  let app: ReturnType<typeof express>;

  beforeEach(async () => {
    const test = await testSessions();
    ({ store } = test);
    sessions = session(test.sessions);
    app = express();
    app.use(sessions);
    app.get('/data', (req, res) => void res.json(req.session));
    app.get('/fill', (req, res) => {
      req.session.cart = ['book'];
      res.send('filled');
    });
  });

  const open = async (): Promise<Visitor> => new Visitor((await serve(app)).url);

  it('keeps a visitor apart from others, from request to request', async () => {
    app.get('/count', (req, res) => {
      req.session.views = (req.session.views ?? 0) + 1;
      res.send(String(req.session.views));
    });
    const ann = await open();
    const bob = new Visitor(ann.url);
    expect([await ann.text('/count'), await ann.text('/count'), await bob.text('/count')]).toEqual(['1', '2', '1']);
    expect(await store.size()).toBe(2);
  });

  it('costs nothing on a route that does not look: no store call, no header', async () => {
    app.get('/plain', (_req, res) => void res.send('plain'));
    const visitor = await open();
    const response = await visitor.get('/plain');
    expect([response.headers.get('vary'), response.headers.getSetCookie()]).toEqual([null, []]);
    await visitor.get('/data');
    expect(store.calls).toEqual([]);
  });

  it('req.session has all controls with a callback, beside their promises, and chains', async () => {
    const seen: unknown[] = [];
    app.get('/callbacks', (req, res, next) => {
      const first = req.session;
      first.theme = 'dark';
      const chained = first.save((error) => {
        seen.push(['save', error]);
        first.reload((failed) => {
          seen.push(['reload', failed, req.session === first, first.theme]);
          const again = first.regenerate((fault) => {
            seen.push(['regenerate', fault, req.session === first, req.session.theme, first.theme]);
            req.session.destroy((wrong) => {
              seen.push(['destroy', wrong]);
              res.send('done');
            });
          });
          if (again !== first) next(new Error('regenerate does not chain'));
        });
      });
      if (chained !== first) next(new Error('save does not chain'));
      const prototype: object = Object.getPrototypeOf(first);
      for (const name of ['save', 'reload', 'regenerate', 'destroy'])
        seen.push([name, typeof Reflect.get(prototype, name), Object.keys(first).includes(name)]);
      seen.push(first.touch() === first, first.resetMaxAge() === first);
    });
    const visitor = await open();
    expect(await visitor.text('/callbacks')).toBe('done');
    expect(seen).toEqual([
      ['save', 'function', false],
      ['reload', 'function', false],
      ['regenerate', 'function', false],
      ['destroy', 'function', false],
      true,
      true,
      ['save', undefined],
      ['reload', undefined, true, 'dark'],
      ['regenerate', undefined, false, undefined, 'dark'],
      ['destroy', undefined],
    ]);
    expect(visitor.cookies.size).toBe(0);
  });

  it('save has one parameter: other middleware tells by it that it has to wait', async () => {
    app.get('/arity', (req, res) => {
      const prototype: object = Object.getPrototypeOf(req.session);
      res.json(Reflect.get(prototype, 'save').length);
    });
    expect(await (await open()).json('/arity')).toBe(1);
  });

  it('after regenerate req.session and req.sessionID are the new ones', async () => {
    app.get('/regenerate', async (req, res, next) => {
      try {
        const before = req.sessionID;
        const fresh = await req.session.regenerate({ owner: 'ann' });
        res.json({
          isCurrent: fresh === req.session,
          isOther: before !== req.sessionID,
          same: [req.session.id, req.session.handle].every((id) => id === req.sessionID),
        });
      } catch (error) {
        next(error);
      }
    });
    const visitor = await open();
    await visitor.get('/fill');
    expect(await visitor.json('/regenerate')).toEqual({ isCurrent: true, isOther: true, same: true });
    expect(await visitor.json('/data')).toEqual({});
    expect(await sessions.sessions.list('ann')).toHaveLength(1);
    expect(await sessions.sessions.revokeAll('ann')).toBe(1);
  });

  it('"remember me": the cookie ends with the browser, or lives for what is assigned', async () => {
    app.get('/remember/:choice', (req, res) => {
      req.session.theme = 'dark';
      if (req.params['choice'] === 'yes') req.session.cookie.maxAge = 48 * hour;
      else if (req.params['choice'] === 'date') req.session.cookie.expires = new Date(Date.now() + 48 * hour);
      else if (req.params['choice'] === 'false') req.session.cookie.expires = false;
      else req.session.cookie.maxAge = null;
      const { maxAge, originalMaxAge, expires } = req.session.cookie;
      res.json({ maxAge, originalMaxAge, expires });
    });
    const { url } = await open();
    const remember = async (choice: string): Promise<{ lines: string[]; json: Record<string, number | string> }> => {
      const response = await new Visitor(url).get(`/remember/${choice}`);
      return { lines: response.headers.getSetCookie(), json: JSON.parse(await response.text()) };
    };
    for (const choice of ['yes', 'date']) {
      const { lines, json } = await remember(choice);
      expect(lines[0]).toMatch(/Max-Age=\d+/);
      expect(Number(json['maxAge'])).toBeGreaterThan(47 * hour);
      expect(Number(json['originalMaxAge'])).toBeGreaterThan(47 * hour);
      expect(Date.parse(String(json['expires']))).toBeGreaterThan(Date.now() + 47 * hour);
    }
    for (const choice of ['no', 'false']) {
      const { lines, json } = await remember(choice);
      expect(lines[0]).toMatch(/^sid=/);
      expect(lines[0]).not.toMatch(/Max-Age|Expires/);
      expect(json).toEqual({ maxAge: null, originalMaxAge: null, expires: null });
    }
  });

  it('the choice of "remember me" is kept with the session, not with the request', async () => {
    app.get('/forget-me', (req, res) => {
      req.session.theme = 'dark';
      req.session.cookie.maxAge = null;
      res.end();
    });
    app.get('/cookie', (req, res) => void res.json(req.session.cookie));
    const visitor = await open();
    await visitor.get('/forget-me');
    expect(await visitor.json('/cookie')).toMatchObject({ originalMaxAge: null, expires: null, httpOnly: true });
  });

  it('req.session = null logs out: the answer waits for it, and clears the cookie', async () => {
    app.get('/null', (req, res) => {
      Object.assign(req, { session: null });
      res.json(req.session.cart ?? 'nothing');
    });
    const visitor = await open();
    await visitor.get('/fill');
    const thief = visitor.copy();
    expect(await visitor.json('/null')).toBe('nothing');
    expect(visitor.cookies.size).toBe(0);
    expect(await thief.json('/data')).toEqual({});
    expect(await store.size()).toBe(0);
  });

  it('req.session = null behind the headers of a cookie session breaks the answer off: it cannot log out', async () => {
    const app = express();
    app.use(
      session({
        store: cookieSessions(),
        secret: 'a secret that is only good for tests, 0123456789',
        logger: false,
        env: {},
      }),
    );
    app.get('/login', (req, res) => {
      req.session.cart = ['book'];
      res.send('in');
    });
    app.get('/late', (req, res) => {
      res.write('begun ');
      setTimeout(() => {
        Reflect.set(req, 'session', null);
        res.end('bye');
      }, 5);
    });
    const visitor = new Visitor((await serve(app)).url);
    await visitor.get('/login');
    await expect(visitor.text('/late')).rejects.toThrow('terminated');
  });

  it('req.session = null is a 503, with the cookie untouched, when it cannot be carried out', async () => {
    app.get('/null', (req, res) => {
      Object.assign(req, { session: null });
      res.send('you are logged out');
    });
    const visitor = await open();
    await visitor.get('/fill');
    store.down.add('destroy');
    const response = await visitor.get('/null');
    expect([response.status, response.headers.getSetCookie()]).toEqual([503, []]);
    expect(await response.text()).not.toContain('logged out');
    expect(await visitor.json('/data')).toEqual({ cart: ['book'] });
  });

  it('req.session takes no other value than itself, and says what to do instead', async () => {
    app.get('/replace', (req, res) => {
      const { session: same } = req;
      const refusals: string[] = [];
      for (const value of [same, { theme: 'dark' }, 'dark']) {
        try {
          Object.assign(req, { session: value });
        } catch (error) {
          refusals.push(String(error));
        }
      }
      res.json(refusals);
    });
    const refusal = expect.stringContaining('Object.assign(req.session, data)');
    expect(await (await open()).json('/replace')).toEqual([refusal, refusal]);
  });

  it('delete req.session hides the session from the rest of the request and does nothing else', async () => {
    app.get('/delete', (req, res) => {
      req.session.theme = 'dark';
      Reflect.deleteProperty(req, 'session');
      res.send(typeof req.session);
    });
    const visitor = await open();
    await visitor.get('/fill');
    expect(await visitor.text('/delete')).toBe('undefined');
    expect(await visitor.json('/data')).toEqual({ cart: ['book'], theme: 'dark' });
  });

  it('gives all requests accessors that are the same, and nothing else that is listed', async () => {
    const getters = new Set<unknown>();
    app.get('/print', (req, res) => {
      getters.add(Object.getOwnPropertyDescriptor(req, 'session')?.get);
      const listed = Object.getOwnPropertySymbols(req).filter((name) =>
        Object.prototype.propertyIsEnumerable.call(req, name),
      );
      res.send(listed.map(String).join(' '));
    });
    const visitor = await open();
    const listed = await visitor.text('/print');
    expect(await visitor.text('/print')).toBe(listed);
    expect(listed).not.toContain('session');
    expect([getters.size, getters.has(undefined)]).toEqual([1, false]);
  });

  it('mounted twice, it works once: one read, one cookie', async () => {
    const twice = express();
    twice.use(sessions, sessions, session(sessions.sessions), app);
    const visitor = new Visitor((await serve(twice)).url);
    const filled = await visitor.get('/fill');
    expect(filled.headers.getSetCookie()).toHaveLength(1);
    expect(await visitor.json('/data')).toEqual({ cart: ['book'] });
    expect(store.calls).toEqual(['create', 'read']);
  });

  it('leaves a request alone that has a session already', () => {
    const request = Object.assign(new IncomingMessage(new Socket()), { session: {} });
    const response = new ServerResponse(request);
    let passed = 0;
    sessions(request, response, () => (passed += 1));
    expect([passed, request.session]).toEqual([1, {}]);
    expect(Object.hasOwn(response, 'writeHead')).toBe(false);
  });

  it('mounted under a path, it is there and nowhere else, with the cookie of that path', async () => {
    const { sessions: ofAdmin } = await testSessions({ cookie: { path: '/admin', name: 'admin' } });
    const paths = express();
    paths.use('/admin', session(ofAdmin));
    paths.get('/admin/fill', (req, res) => {
      req.session.theme = 'dark';
      res.end();
    });
    paths.get('/admin/data', (req, res) => void res.json(req.session));
    paths.get('/', (req, res) => void res.json(typeof req.session));
    const visitor = new Visitor((await serve(paths)).url);
    const response = await visitor.get('/admin/fill');
    expect(response.headers.getSetCookie()[0]).toMatch(/^admin=.*Path=\/admin/);
    expect(await visitor.json('/admin/data')).toEqual({ theme: 'dark' });
    expect(await visitor.json('/')).toBe('undefined');
  });

  it('works in a router, and inside a mounted app', async () => {
    const router = express.Router();
    router.use(sessions);
    router.get('/fill', (req, res) => {
      req.session.theme = 'dark';
      res.end();
    });
    const outer = express();
    outer.use('/router', router);
    outer.use('/app', app);
    const visitor = new Visitor((await serve(outer)).url);
    await visitor.get('/router/fill');
    expect(await visitor.json('/app/data')).toEqual({ theme: 'dark' });
  });

  it('reads a body that was on its way while the session was read', async () => {
    app.post('/echo', express.json(), (req, res) => void res.json([req.body, req.session.cart]));
    const visitor = await open();
    await visitor.get('/fill');
    const release = store.hold();
    const answer = visitor.postJson('/echo', { text: 'x'.repeat(50_000) });
    await expect.poll(() => store.calls).toContain('read');
    release();
    expect(await (await answer).json()).toEqual([{ text: 'x'.repeat(50_000) }, ['book']]);
  });

  it('no redirect, page or stream leaves before its session is stored', async () => {
    app.get('/redirect', (req, res) => {
      req.session.theme = 'dark';
      res.redirect('/data');
    });
    app.get('/stream', (req, res) => {
      req.session.theme = 'dark';
      res.write('first, ');
      res.end('last');
    });
    const visitor = await open();
    for (const path of ['/redirect', '/stream']) {
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

  it('says in a cookie only what it has to: at the first change, not at every one', async () => {
    const visitor = await open();
    const first = await visitor.get('/fill');
    expect(first.headers.get('cache-control')).toBe('private, no-store');
    const second = await visitor.get('/fill');
    expect([second.headers.getSetCookie(), second.headers.get('vary')]).toEqual([[], 'Cookie']);
  });

  it('express.static and 304 go on working behind it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sess-express-static-'));
    try {
      await writeFile(join(folder, 'page.html'), '<p>page</p>');
      app.use((req, _res, next) => {
        req.session.views = (req.session.views ?? 0) + 1;
        next();
      }, express.static(folder));
      const visitor = await open();
      const page = await visitor.get('/page.html');
      expect([await page.text(), page.headers.getSetCookie().length]).toEqual(['<p>page</p>', 1]);
      const etag = page.headers.get('etag') ?? '';
      const again = await visitor.request('/page.html', {
        // Else fetch asks for no cache at all.
        headers: { 'if-none-match': etag, 'cache-control': 'max-age=0' },
      });
      expect(again.status).toBe(304);
      const part = await visitor.request('/page.html', { headers: { range: 'bytes=0-2' } });
      expect([part.status, await part.text()]).toEqual([206, '<p>']);
      expect(await visitor.json('/data')).toEqual({ views: 3 });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('session(options)', () => {
  const code = (options: unknown): unknown => refusalOf(() => session(options as SessionsOptions));

  it.each(['resave', 'saveUninitialized', 'rolling', 'genid', 'unset', 'proxy', 'name'])(
    'says at construction that the option %s of express-session is none, and what holds instead',
    (name) => {
      expect(code({ [name]: true })).toEqual([
        'CONFIG_INVALID',
        expect.stringMatching(new RegExp(`Option ${name} is unknown \\(.+\\)`)),
      ]);
    },
  );

  it('refuses what is no option at all', () => {
    for (const options of [null, 'redis', 1])
      expect(code(options)).toEqual(['CONFIG_INVALID', expect.stringContaining('must be an object')]);
    expect(code({ store: { get() {}, set() {} } })).toEqual([
      'CONFIG_INVALID',
      expect.stringContaining('must be a session store'),
    ]);
    expect(code({ secret: '' })).toEqual(['SECRET_INVALID', expect.any(String)]);
    expect(code({ env: { NODE_ENV: 'production' } })).toEqual([
      'SECRET_INVALID',
      expect.stringContaining('SECRET_KEY is not set'),
    ]);
  });

  it('carries its sessions', async () => {
    const { sessions } = await testSessions();
    expect(session(sessions).sessions).toBe(sessions);
    expect(
      session({ env: { NODE_ENV: 'test' }, secret: 'x'.repeat(7) + 'keys-of-a-test-0123456789' }).sessions.backend.name,
    ).toBe('cookie');
  });
});
