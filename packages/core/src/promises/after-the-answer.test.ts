import { once } from 'node:events';
import { request } from 'node:http';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';

import { cookieSessions } from '../cookie/cookie-sessions.ts';
import { SessError } from '../errors.ts';
import { createSessions } from '../sessions.ts';
import type { SessionsOptions } from '../sessions-options.ts';
import {
  type AnySession,
  type Browser,
  type Route,
  type TestApp,
  type Visit,
  anySession,
  closeApps,
  startApp,
  testSecret,
  watchEvents,
} from '../testing/test-app.ts';
import { writeElsewhere } from '../testing/other-process.ts';

// What an app does with the session when its answer is out: an access log looks, a poll of Socket.IO changes.

afterEach(closeApps);

const down = (): never => {
  throw new SessError('STORE_UNAVAILABLE', 'down');
};

const begin: Route = ({ session }) => void Object.assign(session, { user: 'ada', count: 0, cart: ['tea'] });
const data: Route = ({ session }) => ({ ...session });

type Look = (session: AnySession) => unknown;

/** An app with an access log in front of the session, on both events; the log is told what to look at. */
async function loggedApp(look: Look, routes: Record<string, Route>): Promise<{ app: TestApp; log: unknown[] }> {
  let visit: Visit | undefined;
  const log: unknown[] = [];
  const seen = Object.fromEntries(
    Object.entries(routes).map(([path, route]): [string, Route] => [path, (now) => route((visit = now))]),
  );
  const app = await startApp({ '/begin': begin, ...seen });
  app.server.prependListener('request', (_request, response) => {
    for (const event of ['finish', 'close'] as const)
      response.on(event, () => {
        if (visit !== undefined) log.push(look(visit.session));
      });
  });
  return { app, log };
}

describe('an access log while the store is down', () => {
  it.each<[string, Look, unknown]>([
    ['session.user', (session) => session['user'], undefined],
    ['JSON.stringify', (session) => JSON.stringify(session), '{}'],
    ['Object.keys', (session) => Object.keys(session), []],
    ["'user' in session", (session) => 'user' in session, false],
    ['a spread', (session) => ({ ...session }), {}],
    ['Object.hasOwn', (session) => Object.hasOwn(session, 'user'), false],
    ['inspect', (session) => inspect(session), 'Session [STORE_UNAVAILABLE]'],
    ['session.owner', (session) => session.owner, undefined],
    ['session.cookie.path', (session) => session.cookie.path, '/'],
    ['session.expiresAt', (session) => session.expiresAt instanceof Date, true],
    ['session.handle', (session) => /^[0-9a-f]{64}$/.test(session.handle), true],
  ])('gets what is known from %s', async (_, look, said) => {
    const { app, log } = await loggedApp(look, {
      '/plain': () => 'needs no session',
      '/guarded': ({ session }) => session.handle,
      async '/unsaved'({ session }) {
        await session.save().catch(() => {});
        return 'saved?';
      },
    });
    const browser = app.browser();
    await browser.get('/begin');
    app.store.before = down;
    for (const [path, status] of [
      ['/plain', 200],
      ['/guarded', 503],
      ['/unsaved', 200],
    ] as const) {
      expect((await browser.get(path)).status).toBe(status);
      await expect.poll(() => log.splice(0)).toEqual([said, said]);
    }
  });

  it('names the same handle as the store', async () => {
    const { app, log } = await loggedApp((session) => session.handle, { '/plain': () => 'needs no session' });
    const browser = app.browser();
    await browser.get('/begin');
    const [created] = app.store.calls.filter(({ verb }) => verb === 'create');
    app.store.before = down;
    await browser.get('/plain');
    await expect.poll(() => log).toEqual([created?.key, created?.key]);
  });

  it('lives when the client went away before the answer', async () => {
    let reach: () => void = () => {};
    const reached = new Promise<void>((resolve) => (reach = resolve));
    const { app, log } = await loggedApp((session) => session['user'], {
      async '/slow'({ response }) {
        reach();
        await once(response, 'close');
      },
    });
    const browser = app.browser();
    await browser.get('/begin');
    app.store.before = down;
    const sent = request({ port: app.port, path: '/slow', headers: { cookie: browser.cookie ?? '' } });
    sent.on('error', () => {}).end();
    await reached;
    sent.destroy();
    await expect.poll(() => log).toEqual([undefined]);
  });

  it.each(['a reset', 'an abort'])('lives when it hears of %s before the response has closed', async (how) => {
    let reach: () => void = () => {};
    const reached = new Promise<void>((resolve) => (reach = resolve));
    const log: unknown[] = [];
    const app = await startApp({
      '/begin': begin,
      async '/slow'({ session, request: asked, response }) {
        // Where on-finished of morgan and Koa listens, and where an app does.
        asked.socket.prependListener('error', () => log.push(session['user']));
        asked.once('aborted', () => log.push(session['user']));
        reach();
        await once(response, 'close');
      },
    });
    const browser = app.browser();
    await browser.get('/begin');
    app.store.before = down;
    const sent = request({ port: app.port, path: '/slow', headers: { cookie: browser.cookie ?? '' } });
    sent.on('error', () => {}).end();
    await reached;
    if (how === 'a reset') sent.socket?.resetAndDestroy();
    else sent.destroy();
    await expect.poll(() => log).toEqual(how === 'a reset' ? [undefined, undefined] : [undefined]);
  });

  it('lives when the answer was replaced by the error of its commit', async () => {
    const { app, log } = await loggedApp((session) => session['user'], {
      '/write': ({ session }) => void (session['theme'] = 'dark'),
    });
    const browser = app.browser();
    await browser.get('/begin');
    app.store.before = ({ verb }) => (verb === 'replace' ? down() : undefined);
    expect((await browser.get('/write')).status).toBe(503);
    await expect.poll(() => log).toEqual(['ada', 'ada']);
  });

  it('gets nothing for a value that is damaged, and the request before it the fault', async () => {
    const { app, log } = await loggedApp((session) => JSON.stringify(session), { '/plain': () => 'needs no session' });
    const browser = app.browser();
    await browser.get('/begin');
    const [created] = app.store.calls.filter(({ verb }) => verb === 'create');
    await writeElsewhere(app.store, created?.key ?? '', { set: { user: '{' } });
    await browser.get('/plain');
    await expect.poll(() => log).toEqual(Array(2).fill('{"count":0,"cart":["tea"]}'));
  });

  it('of a framework without responses of Node, after commit', async () => {
    const { app } = await loggedApp(() => {}, {});
    const browser = app.browser();
    await browser.get('/begin');
    app.store.before = down;
    const session = anySession(await app.sessions.open(browser.cookie));
    expect(() => session['user']).toThrow('down');
    await app.sessions.commit(session, 503);
    expect(session['user']).toBeUndefined();
    await expect(session.save()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});

interface Scene {
  app: TestApp;
  browser: Browser;
  /** Visits `/late`, which answers and then does this. What came of it, or the code of what it threw. */
  late(act: (session: AnySession) => unknown): Promise<unknown>;
  data(): Promise<unknown>;
}

async function scene(options: Pick<SessionsOptions, 'store' | 'env'> = {}): Promise<Scene> {
  let act: (session: AnySession) => unknown = () => {};
  let settle: (outcome: unknown) => void = () => {};
  const { store, env = { NODE_ENV: 'production' } } = options;
  const app = await startApp(
    {
      '/begin': begin,
      '/data': data,
      async '/late'({ session, response }) {
        response.end('out');
        await once(response, 'finish');
        settle(await (async () => act(session))().catch((error: { code?: string }) => error.code ?? error));
      },
    },
    { env, cookie: { secure: false } },
  );
  if (store !== undefined)
    app.sessions.attach = createSessions({
      store,
      secret: testSecret,
      logger: false,
      env,
      cookie: { secure: false },
    }).attach;
  const browser = app.browser();
  await browser.get('/begin');
  return {
    app,
    browser,
    async late(next) {
      act = next;
      const outcome = new Promise((resolve) => (settle = resolve));
      await browser.get('/late');
      return outcome;
    },
    data: async () => JSON.parse((await browser.get('/data')).text),
  };
}

const begun = { user: 'ada', count: 0, cart: ['tea'] };

describe('an explicit call after the answer', () => {
  it.each(['production', 'development'])('reload(), a change and save() store it (%s)', async (NODE_ENV) => {
    const { late, data } = await scene({ env: { NODE_ENV } });
    const click = async (session: AnySession): Promise<unknown> => {
      for (let times = 0; times < 2; times += 1) {
        await session.reload();
        session['count'] = Number(session['count']) + 1;
        await session.save();
      }
      return session['count'];
    };
    expect(await late(click)).toBe(2);
    expect(await data()).toEqual({ ...begun, count: 2 });
  });

  it.each<[string, (session: AnySession) => void]>([
    ['an assignment', (session) => void (session['count'] = 1)],
    ['a deletion', (session) => void delete session['user']],
    [
      'Object.defineProperty',
      (session) =>
        void Object.defineProperty(session, 'count', {
          value: 1,
          writable: true,
          enumerable: true,
          configurable: true,
        }),
    ],
    ['the idle timeout', (session) => void (session.idleTimeoutMs = 1000)],
    ['cookie.maxAge', (session) => void (session.cookie.maxAge = 1000)],
  ])('save() rejects for a change that was dropped: %s', async (_, change) => {
    const { late, data } = await scene();
    const events = watchEvents(['dropped']);
    const outcome = await late(async (session) => {
      change(session);
      await session.save();
    });
    events.stop();
    expect([outcome, events.seen]).toMatchObject(['SESSION_SEALED', [{ event: { reason: 'sealed' } }]]);
    expect(await data()).toEqual(begun);
  });

  it('save() rejects where the throw at the assignment was caught, until reload()', async () => {
    const { late, data } = await scene({ env: {} });
    const codes: unknown[] = [];
    const note = (error: { code?: string }): void => void codes.push(error.code);
    await late(async (session) => {
      expect(() => (session['count'] = 1)).toThrow('reload() first');
      await session.save().catch(note);
      await session.reload();
      session['count'] = 5;
      await session.save();
    });
    expect(codes).toEqual(['SESSION_SEALED']);
    expect(await data()).toEqual({ ...begun, count: 5 });
  });

  it('stores an object that was changed in place, and an update', async () => {
    const { late, data } = await scene();
    await late(async (session) => {
      (session['cart'] as string[]).push('cake');
      await session.save();
      await session.update('count', (count) => Number(count) + 7);
    });
    expect(await data()).toEqual({ ...begun, cart: ['tea', 'cake'], count: 7 });
  });

  it('rejects for a visitor without a session, whom no cookie reaches any more', async () => {
    const { app, browser, late } = await scene();
    browser.cookie = undefined;
    app.store.took();
    const codes: unknown[] = [];
    const note = (error: { code?: string }): void => void codes.push(error.code);
    await late(async (session) => {
      session['count'] = 1;
      await session.save().catch(note);
      await session.update('count', () => 1).catch(note);
      await session.reload().catch(note);
      await session.regenerate({ owner: 'ada' }).catch(note);
    });
    expect(codes).toEqual(['SESSION_SEALED', 'HEADERS_SENT', 'SESSION_GONE', 'HEADERS_SENT']);
    expect(app.store.took()).toEqual([]);
  });

  it('rejects for a session that was logged out meanwhile', async () => {
    const { app, late } = await scene();
    const outcome = await late(async (session) => {
      await app.sessions.revoke(session.handle);
      await session.reload();
    });
    expect(outcome).toBe('SESSION_GONE');
  });

  it('rejects where the session is in its cookie', async () => {
    const { late } = await scene({ store: cookieSessions() });
    const codes: unknown[] = [];
    const note = (error: { code?: string }): void => void codes.push(error.code);
    await late(async (session) => {
      await session.reload().catch(note);
      session['count'] = 1;
      await session.save().catch(note);
      await session.update('count', () => 1).catch(note);
      await session.destroy().catch(note);
    });
    expect(codes).toEqual(['HEADERS_SENT', 'SESSION_SEALED', 'HEADERS_SENT', 'HEADERS_SENT']);
  });

  it('touch() and save() say whether the deadline was moved', async () => {
    const { app, late } = await scene();
    const outcomes: unknown[] = [];
    await late(async (session) => {
      const touch = async (): Promise<unknown> => {
        await session.touch().save();
        return 'moved';
      };
      const note = async (): Promise<void> => {
        outcomes.push(await touch().catch((error: { code?: string }) => error.code));
      };
      await note();
      app.store.before = down;
      await note();
      app.store.before = undefined;
      await app.sessions.revoke(session.handle);
      await note();
      await note();
    });
    expect(outcomes).toEqual(['moved', 'STORE_UNAVAILABLE', 'SESSION_GONE', 'SESSION_GONE']);
  });
});
