import { type TestStore, Visitor, serve, stopServers } from '@sess/adapter-tests';
import { isSessError } from '@sess/core';
import compression from 'compression';
import type { NextFunction, Request, Response as ExpressResponse } from 'express';
import express from 'express';
import express4 from 'express4';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { testSessions, versions } from '../test/kit.ts';
import { session } from './index.ts';

afterEach(stopServers);

type Spoil = (req: Request) => unknown;
const spoiled: [code: string, status: number, spoil: Spoil][] = [
  ['NOT_SERIALIZABLE', 500, (req) => Object.assign(req.session, { day: new Date(0) })],
  ['RESERVED_KEY', 400, (req) => Object.assign(req.session, { basket: JSON.parse('{ "__proto__": 1 }') })],
  ['SESSION_TOO_LARGE', 500, (req) => (req.session.theme = 'x'.repeat(2 ** 20))],
];

/** Each ends the app's answer, of which nothing has left then. */
const answers: [how: string, answer: (res: ExpressResponse) => unknown][] = [
  ['json', (res) => res.cookie('theme', 'dark').json('all is well')],
  ['send', (res) => res.set({ ETag: '"abc"', 'Cache-Control': 'public' }).send('all is well')],
  ['redirect', (res) => res.redirect('/fill')],
  ['end', (res) => res.end()],
  ['writeHead and end', (res) => res.writeHead(201, 'Well', { Location: '/fill' }).end('all is well')],
  ['write and end', (res) => void (res.write('all is '), res.end('well'))],
  ['end in a timer', (res) => setTimeout(() => res.end('all is well'), 5)],
];

describe.each(versions(express, express4))("a mistake in the app's data on %s", (_version, express) => {
  let store: TestStore;
  let app: ReturnType<typeof express>;
  let visitor: Visitor;
  /** What the app's error handler was given. */
  let handled: unknown[];

  beforeEach(async () => {
    const test = await testSessions();
    ({ store } = test);
    handled = [];
    app = express();
    app.set('env', 'test'); // Express's own handler logs errors otherwise.
    app.use(session(test.sessions));
    app.get('/fill', (req, res) => {
      req.session.cart = ['book'];
      res.send('filled');
    });
    app.get('/data', (req, res) => void res.json(req.session));
  });

  const page = (error: unknown, req: Request, res: ExpressResponse, next: NextFunction): void => {
    handled.push(isSessError(error) ? error.code : error);
    if (res.headersSent) next(error);
    else res.send(`Sorry, ${req.session.cart?.join()}`);
  };

  async function open(): Promise<void> {
    visitor = new Visitor((await serve(app)).url);
    await visitor.get('/fill');
    store.calls.length = 0;
  }

  it('is answered by the library where Express is through with the request, and nobody is left to hand it to', async () => {
    app.get('/spoil', (req, res, next) => {
      const release = store.hold();
      req.session.theme = 'dark';
      void req.session.save();
      Object.assign(req.session, { day: new Date(0) });
      res.send('all is well');
      next();
      setTimeout(release, 50);
    });
    app.use(page);
    await open();
    const response = await visitor.get('/spoil');
    expect([response.status, handled]).toEqual([500, []]);
    expect(await response.json()).toMatchObject({ code: 'NOT_SERIALIZABLE' });
  });

  describe.each(spoiled)('%s', (code, status, spoil) => {
    it.each(answers)('goes to the error handler, whose page takes the place of: %s', async (_how, answer) => {
      app.get('/spoil', (req, res) => {
        spoil(req);
        answer(res);
      });
      app.use(page);
      await open();
      const response = await visitor.get('/spoil');
      expect([response.status, await response.text()]).toEqual([status, 'Sorry, book']);
      expect(handled).toEqual([code]);
      for (const name of ['location', 'set-cookie', 'cache-control']) expect(response.headers.get(name)).toBeNull();
      expect(response.statusText).not.toBe('Well');
      expect(await visitor.json('/data')).toEqual({ cart: ['book'] });
    });
  });

  const [[, , spoil]] = spoiled as [(typeof spoiled)[0]];

  it("goes to the error handler of the handler's own router", async () => {
    const inner = express.Router();
    inner.get('/spoil', (req, res) => {
      spoil(req);
      res.json('all is well');
    });
    inner.use((_error: unknown, _req: Request, res: ExpressResponse, _next: NextFunction) => res.send('inner'));
    app.use('/inner', inner);
    app.use(page);
    await open();
    expect(await visitor.text('/inner/spoil')).toBe('inner');
    expect(handled).toEqual([]);
  });

  it('that Express itself answers is a 500 as for every other error', async () => {
    app.get('/spoil', (req, res) => {
      spoil(req);
      res.json('all is well');
    });
    await open();
    const response = await visitor.get('/spoil');
    expect([response.status, response.headers.get('content-type')]).toEqual([500, 'text/html; charset=utf-8']);
    expect(await response.text()).toContain('session.day is a Date');
  });

  it('after a login that is stored: the browser gets the new cookie with the error page', async () => {
    app.get('/spoil', async (req, res) => {
      await req.session.regenerate({ owner: 'ann' });
      await req.session.save();
      spoil(req);
      res.json('all is well');
    });
    app.use(page);
    await open();
    const old = visitor.copy();
    const response = await visitor.get('/spoil');
    expect([response.status, response.headers.getSetCookie().length]).toEqual([500, 1]);
    expect(response.headers.get('cache-control')).toBe('private, no-store');
    expect([await old.json('/data'), await visitor.json('/data')]).toEqual([{}, {}]);
    expect(await store.size()).toBe(1);
  });

  it('is answered by the library where the app is not done with its answer, or where another is in between', async () => {
    const compressed = express.Router();
    compressed.use(compression({ threshold: 0 }));
    compressed.get('/spoil', (req, res) => {
      spoil(req);
      res.send('all is well');
    });
    app.use('/compressed', compressed);
    app.get('/begun', (req, res) => {
      spoil(req);
      res.write('all is ');
      setTimeout(() => res.end('well'), 20);
    });
    app.use(page);
    await open();
    for (const path of ['/compressed/spoil', '/begun']) {
      // Where it compresses nothing, compression passes the end on at once, and takes no other after it.
      const response = await visitor.request(path, { headers: { 'accept-encoding': 'identity' } });
      expect([path, response.status, await response.json()]).toMatchObject([path, 500, { code: 'NOT_SERIALIZABLE' }]);
    }
    expect(handled).toEqual([]);
  });

  it('and a fault of the store is a 503, whatever the error handler would write', async () => {
    app.get('/change', (req, res) => {
      req.session.theme = 'dark';
      res.json('all is well');
    });
    app.use(page);
    await open();
    store.down.add('replace');
    const response = await visitor.get('/change');
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    expect(handled).toEqual([]);
  });
});

describe.each(versions(express, express4))("an error after the app's answer on %s", (_version, express) => {
  it.each([...answers.slice(0, 6)])(
    'leaves the answer as it was given, and comes to the error handler: %s',
    async (_how, answer) => {
      const { sessions, store } = await testSessions();
      const handled: unknown[] = [];
      let release = (): void => {};
      const app = express();
      app.set('env', 'test');
      app.use(session(sessions));
      app.get('/data', (req, res) => void res.json(req.session));
      app.get('/throws', (req, res) => {
        req.session.theme = 'dark';
        release = store.hold();
        answer(res);
        throw new Error('the mail could not be sent');
      });
      app.get('/bare', (_req, res) => {
        answer(res);
        throw new Error('the mail could not be sent');
      });
      app.use((error: Error, _req: Request, res: ExpressResponse, next: NextFunction) => {
        handled.push([error.message, res.headersSent]);
        // After Express's own handler, which comes in the next turn.
        setImmediate(() => setImmediate(release));
        next(error);
      });
      const visitor = new Visitor((await serve(app)).url);
      const bare = await visitor.get('/bare');
      const held = await visitor.get('/throws');
      expect([held.status, await held.text(), held.headers.get('location')]).toEqual([
        bare.status,
        await bare.text(),
        bare.headers.get('location'),
      ]);
      expect(await visitor.json('/data')).toEqual({ theme: 'dark' });
      expect(handled).toEqual([1, 2].map(() => ['the mail could not be sent', true]));
    },
  );
});
