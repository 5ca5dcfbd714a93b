import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

import { afterEach, describe, expect, it } from 'vitest';

import { SessError, isSessError } from '../errors.ts';
import { cookieSessions } from '../cookie/cookie-sessions.ts';
import { createSessions } from '../sessions.ts';
import { Gate, probeStore } from '../testing/probe-store.ts';
import {
  type Browser,
  type Route,
  type TestApp,
  anySession,
  closeApps,
  startApp,
  testSecret,
} from '../testing/test-app.ts';

afterEach(closeApps);

const codes: unknown[] = [];
/** Nobody waits for it; what it rejects with is looked at later. */
function leave(work: Promise<unknown>): void {
  work.catch((error: unknown) => codes.push(isSessError(error) ? error.code : error));
}

const count = (n: unknown): number => Number(n) + 1;

const routes: Record<string, Route> = {
  '/start': ({ session }) => void Object.assign(session, { n: 1, cart: [] }),
  '/data': ({ session }) => ({ ...session, owner: session.owner }),
};

async function visitor(app: TestApp): Promise<Browser> {
  codes.length = 0;
  const browser = app.browser();
  await browser.get('/start');
  app.store.took();
  return browser;
}

async function dataOf(browser: Browser): Promise<unknown> {
  return JSON.parse((await browser.get('/data')).text);
}

describe.each(['production', 'development'])('in %s, what was begun before the end and not awaited', (NODE_ENV) => {
  const options = { env: { NODE_ENV }, cookie: { secure: false } };
  const begun: [string, Route][] = [
    [
      'an update',
      ({ session, response }) => {
        leave(session.update('n', count));
        response.end('ok');
      },
    ],
    [
      'an update behind a save that is over',
      async ({ session, response }) => {
        session['t'] = 1;
        await session.save();
        leave(session.update('n', count));
        response.end('ok');
      },
    ],
    [
      'an update behind a save that is under way',
      ({ session, response }) => {
        session['t'] = 1;
        leave(session.save());
        leave(session.update('n', count));
        response.end('ok');
      },
    ],
    [
      'an update behind a reload',
      async ({ session, response }) => {
        await session.reload();
        leave(session.update('n', count));
        response.end('ok');
      },
    ],
  ];
  it.each(begun)('is stored: %s', async (_, act) => {
    const app = await startApp({ ...routes, '/act': act }, options);
    const browser = await visitor(app);
    expect(await browser.get('/act')).toMatchObject({ status: 200, text: 'ok' });
    expect(codes).toEqual([]);
    expect(await dataOf(browser)).toMatchObject({ n: 2 });
  });

  it('is stored: a login behind an update', async () => {
    const app = await startApp(
      {
        ...routes,
        '/act': ({ session, response }) => {
          leave(session.update('n', count));
          leave(session.regenerate({ owner: 'ada', keep: true }));
          response.end('ok');
        },
      },
      options,
    );
    const browser = await visitor(app);
    expect((await browser.get('/act')).setCookie).toHaveLength(1);
    expect(codes).toEqual([]);
    expect(await dataOf(browser)).toMatchObject({ n: 2, owner: 'ada' });
  });
});

describe('a logout while the session is being stored', () => {
  const logins: [string, Route][] = [
    ['a new session', ({ session }) => void (session['user'] = 'ada')],
    ['a login', async ({ session }) => void (await session.regenerate({ owner: 'ada' }))],
  ];
  it.each(logins)('ends what is being stored: %s', async (_, login) => {
    const gate = new Gate();
    const loggedOut = new Gate();
    const app = await startApp({
      ...routes,
      '/act': async (visit) => {
        await login(visit);
        // Whatever regenerate() has put in its place.
        const exchangeSession = visit.session;
        visit.response.end('ok');
        await gate.reached;
        const ending = exchangeSession.destroy();
        gate.open();
        await ending;
        loggedOut.open();
      },
    });
    app.store.before = ({ verb }) => (verb === 'create' ? gate.pass() : undefined);
    const browser = app.browser();
    expect((await browser.get('/act')).status).toBe(200);
    await loggedOut.opened;
    app.store.before = undefined;
    expect(await dataOf(browser)).toEqual({});
    for await (const key of app.store.walk()) expect(key).toBe('none');
  });
});

describe('while the answer is being stored', () => {
  /** An answer whose first commit waits at the gate while the app goes on. */
  async function meanwhile(act: Route, options: Parameters<typeof startApp>[1] = {}) {
    const gate = new Gate();
    const app = await startApp(
      {
        ...routes,
        '/act': async (visit) => {
          visit.session['n'] = 2;
          visit.session['cart'] = [1];
          visit.response.write('begun ');
          const acting = act(visit);
          gate.open();
          await acting;
          visit.response.end('ended');
        },
      },
      options,
    );
    const browser = await visitor(app);
    app.store.before = ({ verb }) => (verb === 'replace' ? gate.pass() : undefined);
    return { browser, answer: await browser.get('/act') };
  }

  it('an update of a key that is just being stored waits for that', async () => {
    const { browser, answer } = await meanwhile(({ session }) =>
      session.update('cart', (cart) => [...(cart as []), 2]),
    );
    expect(answer).toMatchObject({ status: 200, text: 'begun ended' });
    expect(await dataOf(browser)).toMatchObject({ n: 2, cart: [1, 2] });
  });

  it('no session takes the place of the one that the answer names', async () => {
    const { browser, answer } = await meanwhile(({ session }) => leave(session.regenerate({ owner: 'ada' })));
    expect(codes).toEqual(['HEADERS_SENT']);
    expect(answer.setCookie).toEqual([]);
    expect(await dataOf(browser)).toMatchObject({ n: 2 });
  });

  it.each([cookieSessions(), cookieSessions({ encrypt: true })])(
    'a logout of a cookie session clears it',
    async (store) => {
      const sessions = createSessions({ store, secret: testSecret, logger: false, env: {} });
      const server = createServer((request, response) => {
        void (async () => {
          const { session } = await sessions.attach(request, response);
          Object.assign(session, { n: 1 });
          response.write('begun ');
          void session.destroy();
          response.end('ended');
        })();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const begun = await sessions.open(undefined);
      Object.assign(begun, { n: 0 });
      const { setCookie = '' } = await sessions.commit(begun);
      for (const cookie of [undefined, setCookie.split(';', 1)[0] ?? '']) {
        const answer = await fetch(`http://127.0.0.1:${port}`, { headers: cookie === undefined ? {} : { cookie } });
        expect(answer.status).toBe(200);
        const lines = answer.headers.getSetCookie();
        expect(lines.filter((line) => !line.includes('Max-Age=0'))).toEqual([]);
        expect(lines).toHaveLength(cookie === undefined ? 0 : 1);
      }
      server.closeAllConnections();
      server.close();
    },
  );
});

describe('a session that is committed again and again', () => {
  it('has the whole bound each time', async () => {
    const store = probeStore();
    const sessions = createSessions({ store, secret: testSecret, logger: false, env: {}, timeouts: { commitMs: 400 } });
    const session = anySession(await sessions.open(undefined));
    store.before = () => wait(90);
    for (let n = 0; n < 8; n += 1) {
      session['n'] = n;
      await sessions.commit(session);
    }
    expect(session['n']).toBe(7);
  });
});

describe('update()', () => {
  it("runs its function in its own request's context", async () => {
    const context = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[][] = [];
    const app = await startApp({
      ...routes,
      '/act': ({ session, url }) => {
        const id = url.searchParams.get('id') ?? '';
        return context.run(id, () =>
          session.update('n', (n) => {
            seen.push([id, context.getStore()]);
            return count(n);
          }),
        );
      },
    });
    const browser = await visitor(app);
    const gate = new Gate();
    app.store.before = ({ verb }) => (verb === 'replace' ? gate.pass() : undefined);
    const answers = Promise.all(['a', 'b', 'c'].map((id) => app.get(`/act?id=${id}`, browser.cookie)));
    await gate.reached;
    await wait(20);
    gate.open();
    await answers;
    expect(new Set(seen.map(([id]) => id))).toEqual(new Set(['a', 'b', 'c']));
    for (const [id, inside] of seen) expect(inside).toBe(id);
  });

  it('is not failed by what another key holds', async () => {
    const app = await startApp({
      ...routes,
      '/act': async ({ session }) => {
        const pushed = session.update('cart', (cart) => [...(cart as number[]), 1]);
        expect(session['cart']).toEqual([]);
        session['bad'] = 10n;
        const cart = await pushed;
        delete session['bad'];
        return [cart, session['cart']];
      },
    });
    const browser = await visitor(app);
    expect(await browser.get('/act')).toMatchObject({ status: 200, text: '[[1],[1]]' });
  });

  it('tells of a change in place that was made while it ran, which cannot be kept', async () => {
    const app = await startApp({
      ...routes,
      '/act': async ({ session }) => {
        const pushed = session.update('cart', (cart) => [...(cart as number[]), 1]);
        (session['cart'] as number[]).push(2);
        await pushed;
      },
      '/look': async ({ session }) => {
        const pushed = session.update('cart', (cart) => [...(cart as number[]), 3]);
        expect(session['cart']).toEqual([1]);
        await pushed;
        return session['cart'];
      },
    });
    const browser = await visitor(app);
    expect(await browser.get('/act')).toMatchObject({ status: 500, text: expect.stringContaining('UPDATE_PENDING') });
    expect(await dataOf(browser)).toMatchObject({ cart: [1] });
    expect(await browser.get('/look')).toMatchObject({ status: 200, text: '[1,3]' });
  });
});

describe('an answer that is stored twice at its end', () => {
  it('has one bound for both', async () => {
    const app = await startApp(
      {
        ...routes,
        '/act': ({ session, response }) => {
          session['a'] = 1;
          response.write('begun ');
          session['b'] = 1;
          response.end('ended');
        },
      },
      { timeouts: { commitMs: 800, operationMs: 800 } },
    );
    const browser = await visitor(app);
    app.store.before = ({ verb }) => (verb === 'replace' ? wait(550) : undefined);
    const started = performance.now();
    expect((await browser.get('/act')).status).toBe(503);
    expect(performance.now() - started).toBeLessThan(1_090);
  });

  it('gives a browser that has logged in its cookie, also where the second fails', async () => {
    const gate = new Gate();
    const app = await startApp({
      ...routes,
      '/login': async ({ session, response }) => {
        const own = anySession(await session.regenerate({ owner: 'ada' }));
        response.write('begun ');
        await gate.reached;
        own['late'] = 1;
        response.end('ended');
        gate.open();
      },
    });
    const browser = await visitor(app);
    let writes = 0;
    app.store.before = ({ verb }) => {
      if (verb === 'create') return gate.pass();
      if (verb === 'replace' && (writes += 1) > 1) throw new SessError('STORE_UNAVAILABLE', 'The store is away.');
      return undefined;
    };
    expect((await browser.get('/login')).status).toBe(503);
    app.store.before = undefined;
    expect(await dataOf(browser)).toEqual({ owner: 'ada' });
  });
});

describe('a rotation', () => {
  it.each([true, false])('is behind an update that began before it (awaited: %s)', async (isAwaited) => {
    const app = await startApp({
      ...routes,
      '/act': async ({ session }) => {
        const counted = session.update('n', count);
        await session.rotate();
        if (isAwaited) await counted;
        else leave(counted);
      },
    });
    const browser = await visitor(app);
    expect((await browser.get('/act')).status).toBe(200);
    expect(await dataOf(browser)).toMatchObject({ n: 2 });
  });
});

describe('operations of one request', () => {
  it('run in the order in which they were begun: a logout ends what a save before it has made', async () => {
    const app = await startApp({
      ...routes,
      '/change-of-mind': ({ session }) => {
        session['user'] = 'ada';
        leave(session.save());
        leave(session.destroy());
      },
    });
    app.store.before = ({ verb }) => (verb === 'create' ? wait(30) : undefined);
    const browser = app.browser();
    expect(await browser.get('/change-of-mind')).toMatchObject({ status: 200 });
    expect(app.store.took()).toEqual(['create', 'destroy']);
    expect([browser.cookie, await dataOf(browser)]).toEqual([undefined, {}]);
  });

  it('run in the order in which they were begun: a reload reads what a save before it has stored', async () => {
    const app = await startApp({
      ...routes,
      async '/again'({ session }) {
        session['n'] = 2;
        leave(session.save());
        await session.reload();
        return session['n'];
      },
    });
    const browser = await visitor(app);
    app.store.before = ({ verb }) => (verb === 'replace' ? wait(30) : undefined);
    expect((await browser.get('/again')).text).toBe('2');
  });
});
