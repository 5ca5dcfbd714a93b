import { type TestStore, Visitor, grantConfig, serve, serveOAuthProvider, stopServers } from '@sess/adapter-tests';
import compression from 'compression';
import flash from 'connect-flash';
import { csrfSync } from 'csrf-sync';
import express, { type RequestHandler } from 'express';
import express4 from 'express4';
import grant from 'grant';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { testSessions, versions } from '../test/kit.ts';
import { session } from './index.ts';

// Its types know `express` only as an option.
const { express: grantMiddleware } = grant as unknown as {
  express: (config: object) => RequestHandler;
};

afterEach(stopServers);

describe.each(versions(express, express4))('on %s', (_version, express) => {
  let store: TestStore;
  let app: ReturnType<typeof express>;

  beforeEach(async () => {
    const test = await testSessions();
    ({ store } = test);
    app = express();
    app.set('env', 'test');
    app.use(session(test.sessions));
    app.get('/data', (req, res) => void res.json(req.session));
  });

  const open = async (): Promise<Visitor> => new Visitor((await serve(app)).url);

  describe('connect-flash', () => {
    beforeEach(() => {
      app.use(flash());
      app.post('/save', (req, res) => {
        req.flash('info', 'saved');
        req.flash('info', ['once', 'twice']);
        res.redirect('/page');
      });
      app.get('/page', (req, res) => void res.json(req.flash('info')));
      app.get('/all', (req, res) => void res.json(req.flash()));
      app.get('/careful', (req, res) => void res.json(req.session.isNew ? [] : req.flash('info')));
    });

    it('shows its messages on the next page, and once', async () => {
      const visitor = await open();
      await visitor.post('/save');
      expect(await visitor.json('/page')).toEqual(['saved', 'once', 'twice']);
      expect(await visitor.json('/page')).toEqual([]);
      await visitor.post('/save');
      expect(await visitor.json('/all')).toEqual({ info: ['saved', 'once', 'twice'] });
      expect(await visitor.json('/all')).toEqual({});
    });

    it('writes nothing where it finds nothing in a session that is stored', async () => {
      const visitor = await open();
      await visitor.post('/save');
      await visitor.get('/page');
      store.calls.length = 0;
      for (const path of ['/page', '/all']) await visitor.get(path);
      expect(store.calls).toEqual(['read', 'read']);
    });

    // It assigns `{}` to a key that is not there. That is data, so it is kept like any other.
    it('begins a session for whoever is shown a page that asks for messages', async () => {
      const visitor = await open();
      expect((await visitor.get('/page')).headers.getSetCookie()).toHaveLength(1);
      expect(await store.size()).toBe(1);
    });

    it('begins none where only sessions that are there are asked for messages', async () => {
      const visitor = await open();
      expect((await visitor.get('/careful')).headers.getSetCookie()).toEqual([]);
      expect(store.calls).toEqual([]);
      await visitor.post('/save');
      expect(await visitor.json('/careful')).toEqual(['saved', 'once', 'twice']);
    });
  });

  describe('csrf-sync', () => {
    it('lets pass who has the token of the session, and nobody else', async () => {
      const { generateToken, revokeToken, csrfSynchronisedProtection } = csrfSync();
      app.get('/token', (req, res) => void res.json(generateToken(req)));
      app.get('/revoke', (req, res) => {
        revokeToken(req);
        res.end();
      });
      app.post('/change', csrfSynchronisedProtection, (_req, res) => void res.send('changed'));
      const visitor = await open();
      const token = String(await visitor.json('/token'));
      expect(await visitor.json('/token')).toBe(token);
      const change = (who: Visitor, header: string) =>
        who.request('/change', { method: 'POST', headers: { 'x-csrf-token': header } });
      expect(await (await change(visitor, token)).text()).toBe('changed');
      expect((await change(visitor, 'guessed')).status).toBe(403);
      expect((await change(new Visitor(visitor.url), token)).status).toBe(403);
      expect((await visitor.post('/change')).status).toBe(403);
      await visitor.get('/revoke');
      expect((await change(visitor, token)).status).toBe(403);
      expect(await visitor.json('/data')).toEqual({});
    });
  });

  describe('grant', () => {
    async function openApp(): Promise<Visitor> {
      const provider = await serveOAuthProvider();
      // Its own address is part of its configuration, so it listens before it has routes.
      const visitor = await open();
      app.use(grantMiddleware(grantConfig(visitor.url, provider)));
      app.get('/done', (req, res) => {
        res.json(Reflect.get(req.session, 'grant'));
      });
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

    it('refuses the answer of a login that another browser began', async () => {
      const visitor = await openApp();
      const toProvider = (await visitor.get('/connect/fake')).headers.get('location') ?? '';
      const toCallback = (await fetch(toProvider, { redirect: 'manual' })).headers.get('location') ?? '';
      const victim = new Visitor(visitor.url);
      await victim.get('/connect/fake');
      await victim.get(toCallback);
      expect(await victim.json('/done')).toMatchObject({ response: { error: expect.anything() } });
    });

    it('does not send the browser away before its state is stored', async () => {
      const visitor = await openApp();
      const release = store.hold();
      let answered = false;
      const answer = visitor.get('/connect/fake').then(() => (answered = true));
      await expect.poll(() => store.calls).toContain('create');
      await fetch(`${visitor.url}/data`);
      expect(answered).toBe(false);
      release();
      await answer;
      // It saved by itself, and what is saved is not written once more with the answer.
      expect(store.calls).toEqual(['create']);
    });

    it('gives a 503, and no way to the provider, when its state cannot be stored', async () => {
      const visitor = await openApp();
      store.down.add('create');
      const response = await visitor.get('/connect/fake');
      expect([response.status, response.headers.get('location')]).toEqual([503, null]);
    });
  });

  describe.each(['before', 'behind'])('compression %s it', (place) => {
    it('compresses pages with sessions, whole', async () => {
      const { sessions } = await testSessions();
      const page = 'The session was stored before this page left. '.repeat(2000);
      const squeezed = express();
      const compress = compression({ threshold: 0 });
      squeezed.use(...(place === 'before' ? [compress, session(sessions)] : [session(sessions), compress]));
      squeezed.get('/page', (req, res) => {
        req.session.views = (req.session.views ?? 0) + 1;
        res.send(page);
      });
      squeezed.get('/stream', (req, res) => {
        res.type('text');
        req.session.views = (req.session.views ?? 0) + 1;
        for (let n = 0; n < 2000; n++) res.write('The session was stored before this page left. ');
        res.end();
      });
      const visitor = new Visitor((await serve(squeezed)).url);
      for (const path of ['/page', '/stream']) {
        const response = await visitor.get(path);
        expect(response.headers.get('content-encoding')).toMatch(/gzip|br/);
        expect(response.headers.get('vary')?.split(', ').toSorted()).toEqual(['Accept-Encoding', 'Cookie']);
        expect(await response.text()).toBe(page);
      }
    });

    it.each(['on', 'once'] as const)('tells of room where its own is larger, to a listener by %s()', async (by) => {
      const { sessions } = await testSessions();
      const squeezed = express();
      const compress = compression({ threshold: 0, highWaterMark: 2 ** 20 });
      squeezed.use(...(place === 'before' ? [compress, session(sessions)] : [session(sessions), compress]));
      squeezed.get('/', (req, res) => {
        res.type('text');
        req.session.views = 1;
        let left = 20;
        const more = (): void => {
          while (left > 0) {
            left -= 1;
            if (res.write('x'.repeat(10_000))) continue;
            if (by === 'once') res.once('drain', more);
            return;
          }
          if (!res.writableEnded) res.end();
        };
        if (by === 'on') res.on('drain', more);
        more();
      });
      const visitor = new Visitor((await serve(squeezed)).url);
      const response = await visitor.request('/', { headers: { 'accept-encoding': 'gzip' } });
      expect([response.headers.get('content-encoding'), (await response.text()).length]).toEqual(['gzip', 200_000]);
    });
  });
});
