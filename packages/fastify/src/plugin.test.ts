import { PassThrough, Readable } from 'node:stream';

import formbody from '@fastify/formbody';
import { type TestStore, Visitor, faultHeaders, makeTestSessions, takeDown } from '@sess/adapter-tests';
import type { Sessions } from '@sess/core';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { session } from './index.ts';

const secret = 'x7Kq-tests-of-the-fastify-adapter-only-Zr91Yb';

describe('the plugin on Fastify', () => {
  let store: TestStore;
  let sessions: Sessions;
  let app: FastifyInstance;
  let visitor: Visitor;
  const logged: string[] = [];

  beforeEach(async () => {
    ({ store, sessions } = await makeTestSessions(secret, {}));
    logged.length = 0;
    const stream = { write: (line: string) => void logged.push(line) };
    app = Fastify({ logger: { level: 'error', stream }, forceCloseConnections: true });
    await app.register(session, sessions);
    app.get('/data', (request) => request.session);
    app.get('/fill', (request) => {
      request.session.cart = ['book'];
      return 'filled';
    });
  });
  afterEach(() => app.close());

  const open = async (): Promise<void> => {
    visitor = new Visitor(await app.listen({ port: 0, host: '127.0.0.1' }));
  };

  it('keeps a visitor apart from others, from request to request', async () => {
    app.get('/count', (request) => request.session.update('views', (views = 0) => views + 1).then(String));
    await open();
    const bob = new Visitor(visitor.url);
    expect([await visitor.text('/count'), await visitor.text('/count'), await bob.text('/count')]).toEqual([
      '1',
      '2',
      '1',
    ]);
    expect(await store.size()).toBe(2);
  });

  it('costs nothing on a route that does not look: no store call, no header', async () => {
    app.get('/plain', () => 'plain');
    await open();
    const response = await visitor.get('/plain');
    expect([response.headers.get('vary'), response.headers.getSetCookie()]).toEqual([null, []]);
    expect(store.calls).toEqual([]);
  });

  /** Every way in which a handler may answer, and what a visitor gets. */
  const ways: Record<string, [answer: (reply: FastifyReply) => unknown, status: number, text: string]> = {
    'a text that is returned': [() => 'whole', 200, 'whole'],
    'an object': [() => ({ whole: true }), 200, '{"whole":true}'],
    'reply.send()': [(reply) => reply.code(201).send('whole'), 201, 'whole'],
    'reply.redirect()': [(reply) => reply.redirect('/data'), 302, ''],
    '204': [(reply) => reply.code(204).send(), 204, ''],
    'a stream': [(reply) => reply.send(Readable.from(['wh', 'ole'])), 200, 'whole'],
    'a web stream': [() => new Response('whole'), 200, 'whole'],
    'a stream that begins late': [
      (reply) => {
        const body = new PassThrough();
        setImmediate(() => body.end('whole'));
        return reply.send(body);
      },
      200,
      'whole',
    ],
    'reply.raw after reply.hijack()': [
      (reply) => {
        reply.hijack();
        reply.raw.writeHead(200, { 'Content-Type': 'text/plain' });
        reply.raw.end('whole');
      },
      200,
      'whole',
    ],
  };

  it.each(Object.keys(ways))('%s leaves when the session is stored, and with its cookie', async (way) => {
    const [answer, status, text] = ways[way] ?? [() => '', 0, ''];
    app.get('/way', (request, reply) => {
      request.session.theme = 'dark';
      return answer(reply);
    });
    await open();
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
    expect(logged).toEqual([]);
  });

  it.each(Object.keys(ways))('%s is a 503 when the session cannot be stored, and is logged', async (way) => {
    const [answer] = ways[way] ?? [() => ''];
    app.get('/way', (request, reply) => {
      request.session.theme = 'dark';
      return answer(reply);
    });
    await open();
    store.down.add('create');
    const response = await visitor.get('/way');
    expect(faultHeaders(response)).toEqual({ status: 503, retryAfter: '1', cacheControl: 'no-store', cookies: [] });
    expect(response.headers.get('location')).toBe(null);
    await expect.poll(() => logged.join('')).toContain('STORE_UNAVAILABLE');
  });

  it.each<[string, (failed: FastifyInstance) => void]>([
    ['without a handler of errors', () => {}],
    ['with a handler that knows only the status', (failed) => void failed.setErrorHandler(sorry)],
  ])('a fault at the first look is a 503, and nobody is logged out, %s', async (_, prepare) => {
    prepare(app);
    await open();
    await visitor.get('/fill');
    takeDown(store);
    const response = await visitor.get('/data');
    expect(faultHeaders(response)).toEqual({ status: 503, retryAfter: '1', cacheControl: 'no-store', cookies: [] });
    store.down.clear();
    expect(await visitor.json('/data')).toEqual({ cart: ['book'] });
  });

  it('after regenerate the session of the request is the new one, and the old token is worth nothing', async () => {
    app.get('/login', async (request) => {
      const fresh = await request.session.regenerate({ owner: 'ann' });
      request.session.theme = 'dark';
      return String(fresh === request.session);
    });
    await open();
    await visitor.get('/fill');
    const stolen = visitor.copy();
    expect(await visitor.text('/login')).toBe('true');
    expect([await visitor.json('/data'), await stolen.json('/data')]).toEqual([{ theme: 'dark' }, {}]);
  });

  it('a body of a form does not hinder it, and destroy() clears the cookie', async () => {
    await app.register(formbody);
    app.post('/logout', async (request, reply) => {
      await request.session.destroy();
      return reply.redirect('/');
    });
    await open();
    await visitor.get('/fill');
    const stolen = visitor.copy();
    await visitor.post('/logout', { sure: 'yes' });
    expect([visitor.cookies.size, await stolen.json('/data')]).toEqual([0, {}]);
  });

  it.each<[how: string, answer: (reply: FastifyReply) => unknown]>([
    ['a text that is returned', () => 'all is well'],
    ['an object that is sent', (reply) => void reply.send({ all: 'is well' })],
    ['a redirect', (reply) => reply.redirect('/data')],
    [
      'an answer in a timer',
      (reply) => void setTimeout(() => void reply.header('ETag', '"abc"').send('all is well'), 5),
    ],
    ['an answer without a body', (reply) => void reply.code(204).send()],
  ])("a mistake in the app's data goes to the app's error handler, in place of %s", async (_how, answer) => {
    const handled: unknown[] = [];
    app.setErrorHandler((error: Error & { code?: string; statusCode?: number }, _request, reply) => {
      handled.push(error.code);
      return reply.code(error.statusCode ?? 500).send('sorry');
    });
    app.get('/date', (request, reply) => {
      Object.assign(request.session, { day: new Date(0) });
      return answer(reply);
    });
    app.get('/async', async (request, reply) => {
      Object.assign(request.session, { day: new Date(0) });
      await Promise.resolve();
      return answer(reply) ?? reply;
    });
    await open();
    await visitor.get('/fill');
    for (const path of ['/date', '/async']) {
      const response = await visitor.get(path);
      expect([path, response.status, await response.text()]).toEqual([path, 500, 'sorry']);
      expect([response.headers.get('location'), response.headers.get('etag')]).toEqual([null, null]);
    }
    expect(handled).toEqual(['NOT_SERIALIZABLE', 'NOT_SERIALIZABLE']);
    expect(logged.join()).not.toContain('unhandled');
    expect(await visitor.json('/data')).toEqual({ cart: ['book'] });
  });

  it("a mistake in the app's data is answered by the library where Fastify has handed the reply over", async () => {
    app.get('/hijacked', (request, reply) => {
      Object.assign(request.session, { day: new Date(0) });
      reply.hijack();
      reply.raw.end('all is well');
    });
    await open();
    const response = await visitor.get('/hijacked');
    expect([response.status, await response.json()]).toMatchObject([500, { code: 'NOT_SERIALIZABLE' }]);
  });

  it('and, without a handler of its own, as Fastify answers every other error: logged once', async () => {
    app.get('/date', (request) => {
      Object.assign(request.session, { day: new Date(0) });
      return 'all is well';
    });
    await open();
    const response = await visitor.get('/date');
    expect(await response.json()).toMatchObject({ statusCode: 500, code: 'NOT_SERIALIZABLE' });
    expect(logged).toEqual([expect.stringContaining('session.day is a Date')]);
  });

  it('a change while the body streams is stored before the body ends, or breaks it off', async () => {
    app.get('/stream', (request, reply) => {
      async function* pieces(): AsyncGenerator<string> {
        yield 'first, ';
        await new Promise(setImmediate);
        request.session.theme = String(request.query && Reflect.get(Object(request.query), 'theme'));
        yield 'last';
      }
      return reply.send(Readable.from(pieces()));
    });
    await open();
    await visitor.get('/fill');
    expect(await visitor.text('/stream?theme=dark')).toBe('first, last');
    expect(await visitor.json('/data')).toEqual({ cart: ['book'], theme: 'dark' });
    store.down.add('replace');
    await expect(visitor.text('/stream?theme=light')).rejects.toThrow('terminated');
  });

  it('gives hooks and nested plugins the same session', async () => {
    const seen: unknown[] = [];
    app.addHook('preHandler', (request, _reply, done) => {
      seen.push(request.session.cart);
      done();
    });
    await app.register(
      async (nested) =>
        void nested.get('/cart', (request) => ({ cart: request.session.cart, same: nested.sessions === sessions })),
      { prefix: '/nested' },
    );
    await open();
    await visitor.get('/fill');
    expect(await visitor.json('/nested/cart')).toEqual({ cart: ['book'], same: true });
    expect(seen).toEqual([undefined, ['book']]);
  });

  it('app.inject() gets the cookie and the session', async () => {
    const first = await app.inject('/fill');
    const [cookie] = first.cookies;
    const again = await app.inject({ url: '/data', cookies: { [cookie?.name ?? '']: cookie?.value ?? '' } });
    expect([first.body, again.json()]).toEqual(['filled', { cart: ['book'] }]);
  });
});

function sorry(error: { statusCode?: number }, _request: unknown, reply: FastifyReply): void {
  void reply.code(error.statusCode ?? 500).send('sorry');
}

it('sessions that the plugin made close with the app, those that were given do not', async () => {
  const app = Fastify();
  await app.register(session, { secret, logger: false, env: { NODE_ENV: 'test' } });
  await app.ready();
  expect(app.sessions.backend.name).toBe('cookie');
  await app.close();
});

it('a wrong option is told when the app gets ready', async () => {
  const app = Fastify();
  void app.register(session, { secret: 'short', logger: false, env: { NODE_ENV: 'production' } });
  await expect(app.ready()).rejects.toMatchObject({ code: 'SECRET_INVALID' });
});
