import { once } from 'node:events';
import { connect } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';

import { type TestStore, Visitor, stopServers } from '@sess/adapter-tests';
import Koa from 'koa';
import Koa2 from 'koa2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { serve, testSessions, versions } from '../test/kit.ts';
import { session } from './index.ts';

afterEach(stopServers);

describe.each(versions(Koa, Koa2))('answers on %s', (version, Koa) => {
  let store: TestStore;
  let app: Koa;
  let at: Record<string, Koa.Middleware>;
  let visitor: Visitor;
  let told: unknown[];

  beforeEach(async () => {
    const test = await testSessions();
    ({ store } = test);
    told = [];
    at = {
      '/data': (ctx) => void (ctx.body = ctx.session.toJSON()),
      '/fill'(ctx) {
        ctx.session.cart = ['book'];
        ctx.body = 'filled';
      },
    };
    app = new Koa();
    app.on('error', (error: unknown) => void told.push(error));
    app.use(session(test.sessions));
    app.use((ctx, next) => at[ctx.path]?.(ctx, next));
    visitor = new Visitor((await serve(app)).url);
  });

  const change = (ctx: Koa.Context): void => void (ctx.session.theme = 'dark');

  /** Every way in which a handler may answer, and what a visitor gets. */
  const ways: Record<string, [answer: Koa.Middleware, status: number, text: string]> = {
    'a text': [(ctx) => void (ctx.body = 'whole'), 200, 'whole'],
    JSON: [(ctx) => void (ctx.body = { whole: true }), 200, '{"whole":true}'],
    bytes: [(ctx) => void (ctx.body = Buffer.from('whole')), 200, 'whole'],
    'a stream': [(ctx) => void (ctx.body = Readable.from(['wh', 'ole'])), 200, 'whole'],
    'a large stream': [
      (ctx) => void (ctx.body = Readable.from(Array(64).fill('x'.repeat(16_384)))),
      200,
      'x'.repeat(2 ** 20),
    ],
    'a stream that begins late': [
      (ctx) => {
        const body = new PassThrough();
        ctx.body = body;
        setImmediate(() => body.end('whole'));
      },
      200,
      'whole',
    ],
    'an empty stream': [(ctx) => void (ctx.body = Readable.from([])), 200, ''],
    'a status alone': [(ctx) => void (ctx.status = 404), 404, 'Not Found'],
    '204': [(ctx) => void (ctx.status = 204), 204, ''],
    'an empty body': [(ctx) => void (ctx.body = null), 204, ''],
    'a redirect': [(ctx) => ctx.redirect('/data'), 302, 'Redirecting to /data.'],
    'ctx.res with ctx.respond = false': [
      (ctx) => {
        ctx.respond = false;
        ctx.res.writeHead(201, { 'Content-Type': 'text/plain' });
        ctx.res.write('wh');
        ctx.res.end('ole');
      },
      201,
      'whole',
    ],
    'ctx.res later, with ctx.respond = false': [
      (ctx) => {
        ctx.respond = false;
        ctx.status = 200;
        setImmediate(() => ctx.res.end('whole'));
      },
      200,
      'whole',
    ],
    'ctx.res, and Koa answers too': [
      (ctx) => {
        ctx.status = 200;
        ctx.res.end('whole');
        ctx.body = 'another';
      },
      200,
      'whole',
    ],
    'flushed headers': [
      async (ctx) => {
        ctx.status = 200;
        ctx.flushHeaders();
        await turn();
        ctx.body = 'whole';
      },
      200,
      'whole',
    ],
  };

  it.each(Object.keys(ways))('%s leaves when the session is stored, and with its cookie', async (way) => {
    const [answer, status, text] = ways[way] ?? [() => {}, 0, ''];
    at['/way'] = (ctx, next) => {
      change(ctx);
      return answer(ctx, next);
    };
    const release = store.hold();
    let answered = false;
    const asked = visitor.get('/way').then((response) => {
      answered = true;
      return response;
    });
    await expect.poll(() => store.calls).toEqual(['create']);
    await fetch(`${visitor.url}/nothing-here`);
    expect(answered).toBe(false);
    release();
    const response = await asked;
    expect([response.status, (await response.text()).slice(0, text.length + 1)]).toEqual([status, text]);
    expect(response.headers.getSetCookie()).toHaveLength(1);
    expect(response.headers.get('cache-control')).toBe('private, no-store');
    expect(await visitor.json('/data')).toEqual({ theme: 'dark' });
    expect(told).toEqual([]);
  });

  it('an answer that Node refuses once a login is stored gives way to one with the cookie', async () => {
    at['/login'] = async (ctx) => {
      const own = await ctx.session.regenerate({ owner: 'ann' });
      await own.save();
      ctx.body = 'in';
      ctx.res.statusMessage = 'W✓';
    };
    await visitor.get('/fill');
    const response = await visitor.get('/login');
    expect([response.status, response.headers.getSetCookie().length]).toEqual([500, 1]);
    at['/owner'] = (ctx) => void (ctx.body = ctx.session.owner);
    expect(await (await visitor.get('/owner')).text()).toBe('ann');
  });

  it.each(Object.keys(ways))('%s is a 503 when the session cannot be stored', async (way) => {
    const [answer] = ways[way] ?? [() => {}];
    at['/way'] = (ctx, next) => {
      change(ctx);
      return answer(ctx, next);
    };
    store.down.add('create');
    const response = await visitor.get('/way');
    expect([response.status, response.headers.getSetCookie()]).toEqual([503, []]);
    expect(await response.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect.poll(() => told).toContainEqual(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }));
  });

  /** Reads an answer until the app was told of this error. Koa leaves some of them open: who reads gives up then. */
  const isWhole = async (path: string, error: string): Promise<boolean> => {
    const reader = new AbortController();
    const response = await visitor.request(path, { signal: reader.signal });
    const reading = response.text().then(
      () => true,
      () => false,
    );
    await expect.poll(() => told).toContainEqual(expect.objectContaining({ message: error }));
    reader.abort();
    return reading;
  };

  it('HEAD says what GET would, the cookie included, without a body', async () => {
    at['/page'] = (ctx) => {
      change(ctx);
      ctx.body = 'whole';
    };
    const head = await visitor.request('/page', { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '5', '']);
    expect(head.headers.getSetCookie()).toHaveLength(1);
    expect(await visitor.json('/data')).toEqual({ theme: 'dark' });
  });

  it('ctx.headerSent and ctx.writable are what they are without a session', async () => {
    const seen: unknown[] = [];
    at['/look'] = (ctx) => {
      change(ctx);
      ctx.respond = false;
      seen.push([ctx.headerSent, ctx.writable]);
      ctx.res.write('begun');
      seen.push([ctx.headerSent, ctx.writable]);
      ctx.res.end();
      seen.push([ctx.headerSent, ctx.writable]);
    };
    await visitor.text('/look');
    expect(seen).toEqual([
      [false, true],
      [true, true],
      [true, false],
    ]);
  });

  describe('a stream', () => {
    it('that changes the session on its way is whole when the change is stored', async () => {
      await visitor.get('/fill');
      at['/stream'] = (ctx) => {
        ctx.body = Readable.from(
          (async function* () {
            yield 'first, ';
            await turn();
            ctx.session.theme = 'dark';
            yield 'last';
          })(),
        );
      };
      expect(await visitor.text('/stream')).toBe('first, last');
      expect(await visitor.json('/data')).toEqual({ cart: ['book'], theme: 'dark' });
    });

    it('whose late change cannot be stored is broken off: nobody takes it for whole', async () => {
      await visitor.get('/fill');
      at['/stream'] = (ctx) => {
        ctx.body = Readable.from(
          (async function* () {
            yield 'first, ';
            await turn();
            ctx.session.theme = 'dark';
            yield 'last';
          })(),
        );
      };
      store.down.add('replace');
      const response = await visitor.get('/stream');
      expect(response.status).toBe(200);
      await expect(response.text()).rejects.toThrow('terminated');
      await expect.poll(() => told).toContainEqual(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }));
    });

    it('that fails before its first byte is an error of the app', async () => {
      at['/failing'] = (ctx) => {
        change(ctx);
        ctx.body = new Readable({
          read() {
            this.destroy(new Error('no such thing'));
          },
        });
      };
      const outcome = await visitor.get('/failing').then(
        (response) => [response.status, response.headers.getSetCookie().length],
        () => 'connection closed',
      );
      // Koa 3 closes the connection of such an answer, with or without a session.
      expect(outcome).toEqual(version === 'Koa 3' ? 'connection closed' : [500, 1]);
      expect(told).toContainEqual(expect.objectContaining({ message: 'no such thing' }));
    });

    it('that fails behind its first byte is told, and never looks whole', async () => {
      at['/failing'] = (ctx) => {
        change(ctx);
        const body = new PassThrough();
        body.write('first');
        ctx.body = body;
        setImmediate(() => body.destroy(new Error('torn')));
      };
      expect(await isWhole('/failing', 'torn')).toBe(false);
      expect(await visitor.json('/data')).toEqual({ theme: 'dark' });
    });

    it('whose reader leaves is destroyed', async () => {
      const body = new PassThrough();
      at['/endless'] = (ctx) => {
        change(ctx);
        body.write('first');
        ctx.body = body;
      };
      const gone = new AbortController();
      await visitor.request('/endless', { signal: gone.signal });
      gone.abort();
      await expect.poll(() => body.destroyed).toBe(true);
      expect(await visitor.json('/data')).toEqual({ theme: 'dark' });
    });
  });

  it('a client that leaves in the middle of the work stores nothing and harms nobody', async () => {
    await visitor.get('/fill');
    let arrived = (): void => {};
    let go = (): void => {};
    const isHere = new Promise<void>((resolve) => (arrived = resolve));
    const mayGo = new Promise<void>((resolve) => (go = resolve));
    let closed = false;
    at['/slow'] = async (ctx) => {
      change(ctx);
      ctx.res.on('close', () => (closed = true));
      arrived();
      await mayGo;
      ctx.body = 'to nobody';
    };
    const socket = connect(Number(new URL(visitor.url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(`GET /slow HTTP/1.1\r\nHost: x\r\nCookie: ${visitor.cookieHeader}\r\n\r\n`);
    await isHere;
    socket.destroy();
    await expect.poll(() => closed).toBe(true);
    go();
    expect(await visitor.json('/data')).toEqual({ cart: ['book'] });
  });

  it('an answer in the middle of which the app fails is its first part, with the cookie', async () => {
    at['/torn'] = (ctx) => {
      change(ctx);
      ctx.status = 200;
      ctx.res.write('first');
      throw new Error('torn');
    };
    expect(await isWhole('/torn', 'torn')).toBe(false);
    expect(told).toEqual([expect.objectContaining({ message: 'torn', headerSent: true })]);
    expect(await visitor.json('/data')).toEqual({ theme: 'dark' });
  });
});
