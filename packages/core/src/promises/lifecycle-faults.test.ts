import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Gate, type StoreCall } from '../testing/probe-store.ts';
import { turn } from '../testing/step-by-step.ts';
import { SessError } from '../errors.ts';
import {
  type AnySession,
  type Browser,
  type Route,
  type TestApp,
  type Visit,
  closeApps,
  startApp,
  watchEvents,
} from '../testing/test-app.ts';
import { writeElsewhere } from '../testing/other-process.ts';

const stray: unknown[] = [];
const noteStray = (error: unknown): void => void stray.push(error);

beforeEach(() => {
  process.on('unhandledRejection', noteStray);
});
afterEach(async () => {
  await closeApps();
  await turn();
  process.off('unhandledRejection', noteStray);
  if (stray.length > 0) throw new AggregateError(stray.splice(0), 'nothing may come from here');
});

const routes: Record<string, Route> = {
  '/data': ({ session }) => ({ ...session }),
  '/untouched': () => 'hello',
  '/write': ({ session }) => {
    session['n'] = Number(session['n'] ?? 0) + 1;
    return 'written';
  },
  '/logout': async ({ session }) => session.destroy(),
};

async function visitor(app: TestApp): Promise<Browser> {
  const browser = app.browser();
  await browser.get('/write');
  app.store.took();
  return browser;
}

/** Makes the store fail at these verbs, or at all. */
function fail(app: TestApp, ...verbs: StoreCall['verb'][]): void {
  app.store.before = ({ verb }) => {
    if (verbs.length === 0 || verbs.includes(verb)) throw new Error(`${verb} failed`);
  };
}

const hang = (): Promise<void> => new Promise(() => {});

const fault = {
  status: 503,
  setCookie: [],
  headers: { 'retry-after': '1', 'cache-control': 'no-store' },
};

describe('a fault of the store at open', () => {
  it.each<[string, Route]>([
    ['reads', ({ session }) => session['n']],
    ['lists', ({ session }) => Object.keys(session)],
    ['asks with in', ({ session }) => 'n' in session],
    ['writes', ({ session }) => void (session['n'] = 1)],
    ['deletes', ({ session }) => delete session['n']],
    ['serialises', ({ session }) => JSON.stringify(session)],
    ['asks for the handle', ({ session }) => session.handle],
    ['saves', async ({ session }) => session.save()],
    ['updates', async ({ session }) => session.update('n', () => 1)],
    ['logs in', async ({ session }) => session.regenerate({ owner: 'u1' })],
    ['logs out', async ({ session }) => session.destroy()],
    ['assigns a setting', ({ session }) => void (session.persistent = false)],
  ])('is a 503 to a request that %s, and the cookie stays good', async (_, look) => {
    const app = await startApp({ ...routes, '/look': look });
    const browser = await visitor(app);
    fail(app);
    expect(await browser.get('/look')).toMatchObject(fault);
    app.store.before = undefined;
    expect(JSON.parse((await browser.get('/data')).text)).toEqual({ n: 1 });
  });

  it('is nothing to a request that does not look', async () => {
    const app = await startApp(routes);
    const browser = await visitor(app);
    fail(app);
    const answer = await browser.get('/untouched');
    expect(answer).toMatchObject({ status: 200, text: '"hello"', setCookie: [] });
    expect(answer.headers).not.toHaveProperty('retry-after');
    expect(answer.headers).not.toHaveProperty('vary');
  });

  it('keeps an answer from caches even when the app gets over it', async () => {
    const app = await startApp({
      ...routes,
      '/guest': ({ session, response }) => {
        response.setHeader('Cache-Control', 'public, max-age=600');
        try {
          return session['n'];
        } catch {
          return 'guest';
        }
      },
    });
    const browser = await visitor(app);
    fail(app);
    const answer = await browser.get('/guest');
    expect(answer).toMatchObject({ status: 200, text: '"guest"', setCookie: [] });
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', vary: 'Cookie' });
  });

  it('that shows only in a value is a 503 too', async () => {
    const app = await startApp(routes);
    const browser = await visitor(app);
    for await (const key of app.store.walk()) await writeElsewhere(app.store, key, { set: { torn: '{"a":' } });
    expect(await browser.get('/data')).toMatchObject(fault);
  });

  it('is told by an event with the handle', async () => {
    const app = await startApp(routes);
    const browser = await visitor(app);
    fail(app);
    const events = watchEvents();
    await browser.get('/data');
    events.stop();
    expect(events.seen).toMatchObject([
      { name: 'storeError', event: { operation: 'read', code: 'STORE_UNAVAILABLE', handle: expect.any(String) } },
    ]);
  });
});

describe('a fault of the store at commit', () => {
  it('is a bare 503: nothing of the app and its answer is left', async () => {
    const app = await startApp({
      ...routes,
      '/write-all': ({ session, response }) => {
        session['n'] = 2;
        response.writeHead(302, {
          Location: '/data',
          ETag: '"1"',
          'Set-Cookie': 'theme=dark',
          'Cache-Control': 'public',
        });
        response.end('moved');
      },
    });
    const browser = await visitor(app);
    fail(app, 'replace');
    const answer = await browser.get('/write-all');
    expect(answer).toMatchObject(fault);
    expect(answer.headers).not.toHaveProperty('location');
    expect(answer.headers).not.toHaveProperty('etag');
    expect(answer.text).not.toContain('moved');
    app.store.before = undefined;
    expect(JSON.parse((await browser.get('/data')).text)).toEqual({ n: 1 });
  });

  it('of a first session is a 503 without a cookie', async () => {
    const app = await startApp(routes);
    fail(app, 'create');
    expect(await app.get('/write')).toMatchObject(fault);
  });

  it('of a logout is a 503 that leaves the cookie alone', async () => {
    const app = await startApp(routes);
    const browser = await visitor(app);
    fail(app, 'destroy');
    expect(await browser.get('/logout')).toMatchObject(fault);
    app.store.before = undefined;
    expect(JSON.parse((await browser.get('/data')).text)).toEqual({ n: 1 });
  });

  it('of a logout that was carried out is a 503 until a retry is confirmed', async () => {
    const app = await startApp(routes);
    const browser = await visitor(app);
    app.store.after = ({ verb }) => {
      if (verb === 'destroy') throw new Error('not confirmed');
    };
    const events = watchEvents();
    expect(await browser.get('/logout')).toMatchObject(fault);
    // The cookie is there still, and what it stood for has ended.
    expect(await browser.get('/logout')).toMatchObject(fault);
    app.store.after = undefined;
    expect(await browser.get('/logout')).toMatchObject({ status: 200, setCookie: [expect.stringMatching(/^sid=;/)] });
    events.stop();
    expect(events.names()).not.toContain('destroyed');
  });

  it('of a touch is an event and nothing else', async () => {
    let now = Date.now();
    const app = await startApp(routes, { clock: () => now });
    const browser = await visitor(app);
    now += 7_200_000;
    fail(app, 'replace');
    const events = watchEvents();
    const answer = await browser.get('/data');
    events.stop();
    expect(answer).toMatchObject({ status: 200, text: '{"n":1}', setCookie: [] });
    expect(answer.headers).not.toHaveProperty('retry-after');
    expect(events.names()).toEqual(['opened', 'storeError']);
  });

  it('is not tried once more when the app was told and answers with an error', async () => {
    const app = await startApp({
      ...routes,
      '/save': async ({ session }) => {
        session['n'] = 2;
        await session.save();
      },
    });
    const browser = await visitor(app);
    fail(app, 'replace');
    expect(await browser.get('/save')).toMatchObject(fault);
    expect(app.store.took()).toEqual(['read', 'replace']);
  });

  it.each(['save', 'logout'])('is not tried once more by the end that follows a head of its own: %s', async (deed) => {
    const app = await startApp({
      ...routes,
      '/told': async ({ session, response }) => {
        session['n'] = 2;
        const done = deed === 'save' ? session.save() : session.destroy();
        await done.catch((error: SessError) => response.writeHead(error.status, { 'Content-Length': 4 }));
        response.end('told');
      },
    });
    const browser = await visitor(app);
    const verb = deed === 'save' ? 'replace' : 'destroy';
    fail(app, verb);
    expect(await browser.get('/told')).toMatchObject({ ...fault, text: 'told', complete: true });
    expect(app.store.took()).toEqual(['read', verb]);
  });

  it('that the app got over does not cost a login its cookie', async () => {
    const app = await startApp({
      ...routes,
      '/login': async ({ session }) => {
        const fresh = await session.regenerate({ owner: 'u1' });
        fail(app, 'create');
        await fresh.save().catch(() => {});
        app.store.before = undefined;
        return 'in';
      },
    });
    const browser = await visitor(app);
    expect((await browser.get('/login')).setCookie).toHaveLength(1);
    expect(await app.sessions.list('u1')).toHaveLength(1);
    expect(JSON.parse((await browser.get('/data')).text)).toEqual({});
  });

  it('a session that is too large, or holds what JSON cannot hold, is a 500 and changes nothing', async () => {
    const app = await startApp(
      {
        ...routes,
        '/large': ({ session }) => void (session['big'] = 'x'.repeat(2000)),
        '/date': ({ session }) => void (session['at'] = new Date()),
      },
      { limits: { sessionBytes: 1000 } },
    );
    const browser = await visitor(app);
    for (const [path, code] of [
      ['/large', 'SESSION_TOO_LARGE'],
      ['/date', 'NOT_SERIALIZABLE'],
    ] as const) {
      const answer = await browser.get(path);
      expect(answer.status).toBe(500);
      expect(answer.text).toContain(code);
    }
    expect(app.store.calls.filter(({ verb }) => verb === 'replace')).toEqual([]);
  });

  it('a key that pollutes prototypes, as a stranger may send it, is a 400 at any depth', async () => {
    const sent: unknown = JSON.parse('{"filter":{"__proto__":{"admin":true}}}');
    const app = await startApp({
      ...routes,
      '/set': ({ session }) => void (session['search'] = sent),
      '/saved': ({ session }) => {
        session['search'] = sent;
        return session.save();
      },
      '/update': ({ session }) => session.update('search', () => sent),
      '/unawaited': ({ session }) => void session.update('search', () => sent),
    });
    const browser = await visitor(app);
    for (const path of ['/set', '/saved', '/update', '/unawaited']) {
      const { status, text } = await browser.get(path);
      expect([path, status, text]).toEqual([path, 400, expect.stringContaining('RESERVED_KEY')]);
    }
  });
});

describe('what cannot be stored, where save() told the app', () => {
  const spoil: [string, (session: AnySession) => void][] = [
    ['NOT_SERIALIZABLE', (session) => (session['at'] = new Date())],
    ['SESSION_TOO_LARGE', (session) => (session['at'] = 'x'.repeat(2000))],
  ];

  function spoiling(change: (session: AnySession) => void, answer: (visit: Visit, code: string) => unknown): Route {
    return async (visit) => {
      visit.session['n'] = 7;
      change(visit.session);
      const told = await visit.session.save().catch((error: SessError) => error);
      return answer(visit, told?.code ?? 'nothing');
    };
  }

  function start(route: Route): Promise<TestApp> {
    return startApp({ ...routes, '/spoil': route }, { limits: { sessionBytes: 1000 } });
  }

  it.each(spoil)('%s: its error page leaves, and nothing is stored', async (code, change) => {
    const app = await start(
      spoiling(change, ({ response }, told) => {
        response.statusCode = 500;
        return `our own page: ${told}`;
      }),
    );
    const browser = await visitor(app);
    expect(await browser.get('/spoil')).toMatchObject({ status: 500, text: `"our own page: ${code}"`, setCookie: [] });
    expect(app.lines.join()).not.toContain(code);
    expect(JSON.parse((await browser.get('/data')).text)).toEqual({ n: 1 });
  });

  it.each(spoil)('%s: any other answer says that all went well, and does not leave', async (code, change) => {
    const app = await start(
      spoiling(change, ({ response }) => {
        response.statusCode = 400;
        return 'mind your input';
      }),
    );
    const answer = await (await visitor(app)).get('/spoil');
    expect(answer.status).toBe(500);
    expect(JSON.parse(answer.text)).toMatchObject({ code });
  });

  it.each(spoil)('%s: without what is wrong the rest is stored, whatever the answer', async (_, change) => {
    for (const status of [400, 500]) {
      const app = await start(
        spoiling(change, ({ response, session }) => {
          delete session['at'];
          response.statusCode = status;
          return 'mind your input';
        }),
      );
      const browser = await visitor(app);
      expect(await browser.get('/spoil')).toMatchObject({ status, text: '"mind your input"' });
      expect(JSON.parse((await browser.get('/data')).text)).toEqual({ n: 7 });
    }
  });

  it('an error page of an app that did not wait for save() is replaced, and the reason is logged', async () => {
    const app = await start(({ session, response }) => {
      session['at'] = new Date();
      void session.save();
      response.statusCode = 500;
      return 'our own page';
    });
    expect((await (await visitor(app)).get('/spoil')).text).toContain('NOT_SERIALIZABLE');
    expect(app.lines).toContainEqual(expect.stringContaining('session.at is a Date'));
  });

  it('a fault of the store in the commit is a 503 all the same', async () => {
    const app = await start(
      spoiling(
        (session) => (session['at'] = new Date()),
        ({ response, session }) => {
          delete session['at'];
          fail(app, 'replace');
          response.statusCode = 500;
          return 'our own page';
        },
      ),
    );
    expect(await (await visitor(app)).get('/spoil')).toMatchObject(fault);
  });
});

describe('what the app does not wait for', () => {
  const works: [string, StoreCall['verb'], Route][] = [
    [
      'save',
      'replace',
      ({ session }) => {
        session['n'] = 2;
        void session.save();
      },
    ],
    ['update', 'replace', ({ session }) => void session.update('n', () => 2)],
    ['destroy', 'destroy', ({ session }) => void session.destroy()],
  ];

  it.each(works)('a slow %s is waited for by the answer', async (_, verb, work) => {
    const app = await startApp({ ...routes, '/work': work });
    const browser = await visitor(app);
    const gate = new Gate();
    app.store.before = (call) => (call.verb === verb ? gate.pass() : undefined);
    let isAnswered = false;
    const answer = browser.get('/work').finally(() => (isAnswered = true));
    await gate.reached;
    await wait(20);
    expect(isAnswered).toBe(false);
    gate.open();
    expect((await answer).status).toBe(200);
  });

  it.each(works)('a %s that fails at once is a 503', async (_, verb, work) => {
    const app = await startApp({ ...routes, '/work': work });
    const browser = await visitor(app);
    fail(app, verb);
    expect(await browser.get('/work')).toMatchObject(fault);
  });

  it.each(works)('a %s that failed long before the answer is a 503, or is made good', async (_, verb, work) => {
    const app = await startApp({
      ...routes,
      '/work': async (visit) => {
        await work(visit);
        await wait(20);
        return 'done';
      },
    });
    const browser = await visitor(app);
    fail(app, verb);
    expect(await browser.get('/work')).toMatchObject(fault);
  });

  it('a failure that the app waited for and got over is its own affair', async () => {
    const app = await startApp({
      ...routes,
      '/work': async ({ session }) => session.update('n', () => 2).catch(() => 'could not count'),
    });
    const browser = await visitor(app);
    fail(app, 'replace');
    expect(await browser.get('/work')).toMatchObject({ status: 200, text: '"could not count"' });
  });

  it('also by callback, a failure reaches the app and not the process', async () => {
    const app = await startApp({
      ...routes,
      '/work': ({ session, response }) => {
        session['n'] = 2;
        session.save((error) => {
          response.statusCode = error === undefined ? 200 : 503;
          response.end('told');
        });
        return once(response, 'finish');
      },
    });
    const browser = await visitor(app);
    fail(app, 'replace');
    const answer = await browser.get('/work');
    expect(answer).toMatchObject(fault);
    expect(answer.text).toBe('told');
  });

  it('a mistake of the app in it is not hidden either', async () => {
    const app = await startApp({
      ...routes,
      '/work': ({ session }) => {
        session['n'] = 2;
        void session.update('n', () => 3);
      },
    });
    const browser = await visitor(app);
    expect(await browser.get('/work')).toMatchObject({ status: 500, text: expect.stringContaining('UPDATE_PENDING') });
  });

  it('what its function throws is the fault of the app, not of the store', async () => {
    const app = await startApp({
      ...routes,
      '/work': ({ session }) => {
        void session.update('n', () => {
          throw new TypeError('n is not a number');
        });
      },
    });
    const browser = await visitor(app);
    const answer = await browser.get('/work');
    expect(answer).toMatchObject({ status: 500, text: expect.stringContaining('UPDATE_THREW') });
    expect(answer.headers['retry-after']).toBeUndefined();
    expect(app.lines.join('\n')).toContain('n is not a number');
    expect(JSON.parse((await browser.get('/data')).text)).toEqual({ n: 1 });
  });

  it('a session that ended meanwhile is no failure', async () => {
    const app = await startApp({
      ...routes,
      '/work': async ({ session }) => {
        await app.sessions.revoke(session.handle);
        void session.update('n', () => 3);
      },
    });
    const browser = await visitor(app);
    expect((await browser.get('/work')).status).toBe(200);
  });
});

describe('answered means stored', () => {
  it('a redirect after a login is not followed before the login is there, with a store that takes 200 ms', async () => {
    const app = await startApp({
      ...routes,
      '/login': async ({ session, response }) => {
        Object.assign(await session.regenerate({ owner: 'u1' }), { user: 'u1' });
        response.writeHead(302, { Location: '/data' }).end();
      },
    });
    const browser = await visitor(app);
    app.store.before = () => wait(200);
    const started = performance.now();
    expect((await browser.get('/login')).status).toBe(302);
    expect(performance.now() - started).toBeGreaterThan(590);
    app.store.before = undefined;
    expect(JSON.parse((await browser.get('/data')).text)).toEqual({ user: 'u1' });
  });

  it('the first byte of a stream leaves after the commit, the last after the late one', async () => {
    const app = await startApp({
      ...routes,
      '/stream': async ({ session, response }) => {
        session['first'] = 1;
        response.write('begin ');
        await moved;
        session['second'] = 2;
        response.end('end');
      },
    });
    const browser = await visitor(app);
    const gates = [new Gate(), new Gate()];
    let move = (): void => {};
    const moved = new Promise<void>((resolve) => (move = resolve));
    let writes = 0;
    app.store.before = ({ verb }) => (verb === 'replace' ? gates[writes++]?.pass() : undefined);
    const seen = listen(app, '/stream', browser.cookie);
    await gates[0]?.reached;
    await wait(20);
    expect(seen.text).toBe('');
    gates[0]?.open();
    await seen.until('begin ');
    move();
    await gates[1]?.reached;
    await wait(20);
    expect(seen.text).not.toContain('0\r\n\r\n');
    gates[1]?.open();
    await seen.until('0\r\n\r\n');
    app.store.before = undefined;
    expect(JSON.parse((await browser.get('/data')).text)).toEqual({ n: 1, first: 1, second: 2 });
  });

  it('a late commit that fails breaks the stream off', async () => {
    const app = await startApp({
      ...routes,
      '/stream': async ({ session, response }) => {
        response.write('begin ');
        await turn();
        fail(app, 'replace');
        session['late'] = 2;
        response.end('end');
      },
    });
    const browser = await visitor(app);
    const answer = await browser.get('/stream').catch(() => ({ complete: false }));
    expect(answer.complete).toBe(false);
  });

  it('a late change that needs a cookie is refused where it is made', async () => {
    const codes: unknown[] = [];
    const noteCode = (error: unknown): void => void codes.push(Reflect.get(Object(error), 'code'));
    const app = await startApp({
      ...routes,
      '/stream': async ({ session, response }) => {
        response.write('begin ');
        try {
          session['late'] = 1;
        } catch (error) {
          noteCode(error);
        }
        await session.regenerate({ owner: 'u1' }).catch(noteCode);
        response.end('end');
      },
    });
    for (const cookie of [undefined, (await visitor(app)).cookie])
      expect(await app.get('/stream', cookie)).toMatchObject({ text: 'begin end', setCookie: [] });
    expect(codes).toEqual(['HEADERS_SENT', 'HEADERS_SENT', 'HEADERS_SENT']);
    expect(await app.sessions.list('u1')).toEqual([]);
  });

  it.each([
    ['in production is dropped with an event', 'production', undefined],
    ['elsewhere is an error too', 'development', 'SESSION_SEALED'],
  ])('a change after the end %s', async (_, NODE_ENV, code) => {
    let caught: unknown;
    const app = await startApp(
      {
        ...routes,
        '/late': ({ session, response }) => {
          response.end('ended');
          try {
            session['late'] = 1;
          } catch (error) {
            caught = Reflect.get(Object(error), 'code');
          }
        },
      },
      { env: { NODE_ENV }, cookie: { secure: false } },
    );
    const browser = await visitor(app);
    const events = watchEvents();
    expect((await browser.get('/late')).text).toBe('ended');
    events.stop();
    expect(caught).toBe(code);
    expect(events.seen.at(-1)).toMatchObject({ name: 'dropped', event: { keys: ['late'], reason: 'sealed' } });
    expect(JSON.parse((await browser.get('/data')).text)).toEqual({ n: 1 });
  });
});

it('a stream that goes on after its commit has failed changes nothing, and is told of no mistake', async () => {
  const told: unknown[] = [];
  const app = await startApp(
    {
      ...routes,
      '/stream': ({ session, response }) => {
        session['seen'] = 1;
        response.write('begin');
        setTimeout(() => {
          try {
            session['seen'] = 2;
            told.push('dropped');
          } catch (error) {
            told.push(error);
          }
          response.end('end');
        }, 30);
      },
    },
    { env: { NODE_ENV: 'development' } },
  );
  const browser = await visitor(app);
  const events = watchEvents();
  app.store.before = ({ verb }) => {
    if (verb === 'replace') throw new SessError('STORE_UNAVAILABLE', 'down');
  };
  expect((await browser.get('/stream')).status).toBe(503);
  await expect.poll(() => told).toEqual(['dropped']);
  events.stop();
  expect(events.seen.at(-1)).toMatchObject({ name: 'dropped', event: { keys: ['seen'], reason: 'sealed' } });
});

describe('a client that goes away', () => {
  it('before the end: nothing is committed, and what was saved stays', async () => {
    const gate = new Gate();
    let finish = (): void => {};
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const app = await startApp({
      ...routes,
      '/slow': async ({ session, response }) => {
        session['saved'] = 1;
        await session.save();
        session['unsaved'] = 1;
        void gate.pass();
        await once(response, 'close');
        await session.update('explicit', () => 1);
        session['later'] = 1;
        response.end('done');
        await turn();
        finish();
      },
    });
    const browser = await visitor(app);
    const events = watchEvents();
    const seen = listen(app, '/slow', browser.cookie);
    await gate.reached;
    seen.socket.destroy();
    await finished;
    events.stop();
    expect(events.seen.filter(({ name }) => name === 'dropped')).toMatchObject([
      { event: { keys: ['unsaved'], reason: 'abandoned' } },
    ]);
    expect(JSON.parse((await browser.get('/data')).text)).toEqual({ n: 1, saved: 1, explicit: 1 });
  });

  it.each<[string, (session: AnySession) => unknown, string[]]>([
    ['an object changed in place', ({ cart }) => Object(cart).push(2), ['cart']],
    ['what was there already', (session) => (session['theme'] = 'dark'), []],
    ['what cannot be stored', (session) => (session['when'] = new Date(0)), ['when']],
    ['what is being saved', (session) => void (Object(session['cart']).push(2), session.save()), []],
  ])('before the end: the event tells of what was lost, of %s too', async (_, change, keys) => {
    const closed = new Gate();
    const ready = new Gate();
    const app = await startApp({
      '/begin': ({ session }) => Object.assign(session, { cart: [1], theme: 'dark' }),
      '/slow': async ({ session, response }) => {
        change(session);
        void ready.pass();
        await once(response, 'close');
        closed.open();
      },
    });
    const browser = app.browser();
    await browser.get('/begin');
    const saving = new Gate();
    app.store.before = ({ verb }) => (verb === 'replace' ? saving.pass() : undefined);
    const events = watchEvents();
    const seen = listen(app, '/slow', browser.cookie);
    await ready.reached;
    await turn();
    seen.socket.destroy();
    await closed.opened;
    await turn();
    saving.open();
    await turn();
    events.stop();
    const dropped = events.seen.filter(({ name }) => name === 'dropped');
    expect(dropped).toMatchObject(keys.length === 0 ? [] : [{ event: { keys, reason: 'abandoned' } }]);
    expect(dropped).toHaveLength(Math.min(1, keys.length));
  });

  it('after the end: the commit finishes', async () => {
    const app = await startApp(routes);
    const browser = await visitor(app);
    const gate = new Gate();
    app.store.before = ({ verb }) => (verb === 'replace' ? gate.pass() : undefined);
    const seen = listen(app, '/write', browser.cookie);
    await gate.reached;
    seen.socket.destroy();
    await once(seen.socket, 'close');
    gate.open();
    await turn();
    app.store.before = undefined;
    await app.sessions.close();
    expect(JSON.parse((await browser.get('/data')).text)).toEqual({ n: 2 });
  });
});

describe('time', () => {
  async function took<T>(work: Promise<T>): Promise<[T, number]> {
    const started = performance.now();
    return [await work, performance.now() - started];
  }

  it('a store that hangs costs a request the bound of one operation, at open and at commit', async () => {
    const app = await startApp(routes, { timeouts: { operationMs: 60 } });
    const browser = await visitor(app);
    app.store.before = hang;
    const [atOpen, openMs] = await took(browser.get('/data'));
    app.store.before = ({ verb }) => (verb === 'replace' ? hang() : undefined);
    const [atCommit, commitMs] = await took(browser.get('/write'));
    expect(atOpen).toMatchObject(fault);
    expect(atCommit).toMatchObject(fault);
    expect(openMs).toBeGreaterThan(50);
    expect(openMs).toBeLessThan(1060);
    expect(commitMs).toBeLessThan(1060);
  });

  it('open has a bound of its own', async () => {
    const app = await startApp(routes, { timeouts: { openMs: 40, operationMs: 5_000 } });
    const browser = await visitor(app);
    app.store.before = hang;
    const [answer, ms] = await took(browser.get('/data'));
    expect(answer).toMatchObject(fault);
    expect(ms).toBeLessThan(1040);
  });

  it('the operations of one commit share one bound', async () => {
    const app = await startApp(
      { ...routes, '/rotate': async ({ session }) => void (await session.regenerate({ keep: true })) },
      { timeouts: { operationMs: 5_000, commitMs: 100 } },
    );
    const browser = await visitor(app);
    app.store.before = ({ verb }) => (verb === 'create' ? wait(60) : verb === 'replace' ? hang() : undefined);
    const [answer, ms] = await took(browser.get('/rotate'));
    expect(answer).toMatchObject(fault);
    expect(ms).toBeLessThan(1100);
  });

  it('by default an operation has one second, and a request that waits for a dead store is told within two', async () => {
    const app = await startApp(routes);
    const browser = await visitor(app);
    app.store.before = hang;
    const opens = took(browser.get('/data'));
    const untouched = took(browser.get('/untouched'));
    const commits = took(app.get('/write'));
    const [[opened, openMs], [, untouchedMs], [committed, commitMs]] = await Promise.all([opens, untouched, commits]);
    expect(opened).toMatchObject(fault);
    expect(committed).toMatchObject(fault);
    for (const ms of [openMs, untouchedMs, commitMs]) {
      expect(ms).toBeGreaterThan(950);
      expect(ms).toBeLessThan(3000);
    }
  });

  it('a stalled event loop is not a dead store', async () => {
    const app = await startApp(
      {
        ...routes,
        '/stall': async ({ session }) => {
          const update = session.update('n', (n) => Number(n) + 1);
          const until = performance.now() + 150;
          while (performance.now() < until);
          return update;
        },
      },
      { timeouts: { operationMs: 50, commitMs: 50 } },
    );
    const browser = await visitor(app);
    app.store.after = () => turn();
    expect(await browser.get('/stall')).toMatchObject({ status: 200, text: '2' });
  });
});

/** A client that sees bytes as they come. */
function listen(app: TestApp, path: string, cookie = '') {
  const socket = connect(app.port, '127.0.0.1');
  const seen = {
    socket,
    text: '',
    async until(part: string): Promise<void> {
      while (!seen.text.includes(part)) await once(socket, 'data');
    },
  };
  socket.on('data', (chunk) => (seen.text += String(chunk))).on('error', () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: test\r\nCookie: ${cookie}\r\n\r\n`);
  return seen;
}
