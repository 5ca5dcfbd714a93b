import { once } from 'node:events';
import { connect } from 'node:net';

import { type TestStore, Visitor, faultHeaders, serve, stopServers, takeDown, testStore } from '@sess/adapter-tests';
import { createSessions } from '@sess/core';
import type { NextFunction, Request, Response as ExpressResponse } from 'express';
import express from 'express';
import express4 from 'express4';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { secret, testSessions, versions } from '../test/kit.ts';
import { session } from './index.ts';

const fault = { status: 503, retryAfter: '1', cacheControl: 'no-store', cookies: [] };

afterEach(stopServers);

describe.each(versions(express, express4))('a fault of the store on %s', (version, express) => {
  let store: TestStore;
  let app: ReturnType<typeof express>;
  let seen: unknown[];

  beforeEach(async () => {
    const test = await testSessions();
    ({ store } = test);
    seen = [];
    app = express();
    app.set('env', 'test'); // Express's own handler logs errors otherwise.
    app.get('/before', (_req, res) => void res.send('before'));
    app.use(session(test.sessions));
    app.get('/fill', (req, res) => {
      req.session.cart = ['book'];
      res.send('filled');
    });
    app.get('/data', (req, res) => void res.json(req.session));
    app.get('/plain', (_req, res) => void res.send('plain'));
    app.get('/async', async (req, res, next) => {
      try {
        await Promise.resolve();
        res.json(req.session.cart);
      } catch (error) {
        if (version === 'Express 4') next(error);
        else throw error;
      }
    });
    app.get('/redirect', (req, res) => {
      req.session.theme = 'dark';
      res.cookie('theme', 'dark');
      res.set('ETag', '"abc"').redirect('/data');
    });
    app.get('/stream', (req, res) => {
      req.session.theme = 'dark';
      res.write('all is well');
      res.end();
    });
    app.get('/saved', (req, res, next) => {
      req.session.theme = 'dark';
      req.session.save((error) => (error === undefined ? res.send('saved') : next(error)));
    });
  });

  const open = async (handler?: (error: unknown, res: ExpressResponse) => void): Promise<Visitor> => {
    if (handler !== undefined)
      app.use((error: unknown, _req: Request, res: ExpressResponse, _next: NextFunction) => handler(error, res));
    const visitor = new Visitor((await serve(app)).url);
    await visitor.get('/fill');
    return visitor;
  };

  it('is told to the error handler, from sync and from async handlers, with status and headers', async () => {
    const visitor = await open((error, res) => {
      seen.push(error);
      res.sendStatus(503);
    });
    takeDown(store);
    for (const path of ['/data', '/async']) {
      await visitor.get(path);
      expect(seen.pop()).toMatchObject({
        name: 'SessError',
        code: 'STORE_UNAVAILABLE',
        status: 503,
        statusCode: 503,
        headers: { 'Retry-After': '1', 'Cache-Control': 'no-store' },
      });
    }
  });

  it("is a 503 of Express's own error handler: retry soon, not cached, the cookie left alone", async () => {
    const visitor = await open();
    takeDown(store);
    for (const path of ['/data', '/async']) expect(faultHeaders(await visitor.get(path))).toEqual(fault);
    store.down.clear();
    expect(await visitor.json('/data')).toEqual({ cart: ['book'] });
  });

  it('keeps its headers on a page of the app, whatever its error handler writes', async () => {
    const visitor = await open((_error, res) => {
      res.status(503).set('Cache-Control', 'public, max-age=60').send('<h1>Back in a moment</h1>');
    });
    takeDown(store);
    const page = await visitor.get('/data');
    expect(faultHeaders(page)).toEqual(fault);
    expect(await page.text()).toBe('<h1>Back in a moment</h1>');
  });

  it('never looks like a logged-out page, even if the app answers 200', async () => {
    const visitor = await open((_error, res) => void res.status(200).send('sorry'));
    takeDown(store);
    expect(faultHeaders(await visitor.get('/data'))).toEqual({ ...fault, status: 200 });
  });

  it('does no harm to a route that never looks at the session, nor to one before the middleware', async () => {
    const visitor = await open();
    takeDown(store);
    for (const path of ['/plain', '/before']) {
      const response = await visitor.get(path);
      expect([response.status, response.headers.get('retry-after')]).toEqual([200, null]);
    }
  });

  it('does no harm to visitors without a cookie who only read', async () => {
    const { url } = await open();
    takeDown(store);
    expect(await new Visitor(url).json('/data')).toEqual({});
  });

  it('at commit is a 503 in place of the answer: no redirect, no page, none of its headers', async () => {
    const visitor = await open();
    store.down.add('replace');
    for (const path of ['/redirect', '/stream']) {
      const response = await visitor.get(path);
      expect(faultHeaders(response)).toEqual(fault);
      expect([response.headers.get('location'), response.headers.get('etag')]).toEqual([null, null]);
      expect(await response.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    }
    store.down.clear();
    expect(await visitor.json('/data')).toEqual({ cart: ['book'] });
  });

  it('at the first commit makes no cookie', async () => {
    const { url } = await open();
    store.down.add('create');
    const stranger = new Visitor(url);
    expect(faultHeaders(await stranger.get('/redirect'))).toEqual(fault);
  });

  it('goes to the callback of save, and from there to the error handler', async () => {
    const visitor = await open();
    store.down.add('replace');
    const response = await visitor.get('/saved');
    expect(faultHeaders(response)).toEqual(fault);
    expect(await response.text()).not.toBe('saved');
  });

  it('goes to callbacks and promises of the controls, and is not thrown where nobody catches', async () => {
    app.get('/late/:control', (req, res) => {
      setImmediate(() => {
        const { session: current } = req;
        const control = req.params['control'] as 'save' | 'reload' | 'regenerate' | 'destroy';
        const asPromise: Promise<unknown> = current[control]();
        asPromise.then(
          () => res.send('no error'),
          (rejected: unknown) => current[control]((error?: unknown) => res.json(error === rejected)),
        );
      });
    });
    app.get('/late-update', (req, res) => {
      setImmediate(() => {
        req.session.update('views', (views = 0) => views + 1).catch((error: unknown) => res.json(String(error)));
      });
    });
    const visitor = await open();
    takeDown(store);
    for (const control of ['save', 'reload', 'regenerate', 'destroy'])
      expect([control, await visitor.json(`/late/${control}`)]).toEqual([control, true]);
    expect(await visitor.json('/late-update')).toContain('SessError');
  });

  it('code that looks first in a callback is spared by one line in front of it', async () => {
    const looked = express();
    looked.set('env', 'test');
    looked.use(app);
    looked.use((req, _res, next) => {
      void req.session.handle;
      next();
    });
    looked.get('/callback', (req, res) => {
      setImmediate(() => res.json(req.session.cart));
    });
    const visitor = await open();
    const other = new Visitor((await serve(looked)).url);
    for (const [name, value] of visitor.cookies) other.cookies.set(name, value);
    expect(await other.json('/callback')).toEqual(['book']);
    takeDown(store);
    expect(faultHeaders(await other.get('/callback'))).toEqual(fault);
  });

  it('a client that leaves in the middle of the work stores nothing and harms nobody', async () => {
    let arrived = (): void => {};
    const here = new Promise<void>((resolve) => (arrived = resolve));
    app.get('/slow', (req, res) => {
      req.session.theme = 'never';
      res.on('close', () => void seen.push('closed'));
      arrived();
    });
    const visitor = await open();
    const socket = connect(Number(new URL(visitor.url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(`GET /slow HTTP/1.1\r\nHost: x\r\nCookie: ${visitor.cookieHeader}\r\n\r\n`);
    await here;
    socket.destroy();
    await expect.poll(() => seen).toEqual(['closed']);
    expect(await visitor.json('/data')).toEqual({ cart: ['book'] });
  });

  it('a store that never answers is a 503 within its bound', async () => {
    const frozen = testStore();
    const sessions = createSessions({
      store: frozen,
      secret,
      logger: false,
      timeouts: { operationMs: 50, commitMs: 100 },
    });
    const bounded = express();
    bounded.set('env', 'test');
    bounded.use(session(sessions));
    bounded.get('/data', (req, res) => void res.json(req.session));
    bounded.get('/fill', (req, res) => {
      req.session.theme = 'dark';
      res.redirect('/data');
    });
    const visitor = new Visitor((await serve(bounded)).url);
    await visitor.get('/fill');
    frozen.hold();
    expect(faultHeaders(await visitor.get('/data'))).toEqual(fault);
    expect(faultHeaders(await new Visitor(visitor.url).get('/fill'))).toEqual(fault);
  });
});
