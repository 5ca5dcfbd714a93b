import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as wait } from 'node:timers/promises';

import { afterEach, describe, expect, it } from 'vitest';

import { isSessError } from '../errors.ts';
import { Gate } from '../testing/probe-store.ts';
import { type Browser, type Route, type TestApp, closeApps, startApp } from '../testing/test-app.ts';

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
    app.store.before = ({ verb }) => (verb === 'update' ? gate.pass() : undefined);
    const answers = Promise.all(['a', 'b', 'c'].map((id) => app.get(`/act?id=${id}`, browser.cookie)));
    await gate.reached;
    await wait(20);
    gate.open();
    await answers;
    expect(new Set(seen.map(([id]) => id))).toEqual(new Set(['a', 'b', 'c']));
    for (const [id, inside] of seen) expect(inside).toBe(id);
  });

  it('tells of a change in place that was made while it ran, which can not be kept', async () => {
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
    app.store.before = ({ verb }) => (verb === 'update' ? wait(550) : undefined);
    const started = performance.now();
    expect((await browser.get('/act')).status).toBe(503);
    expect(performance.now() - started).toBeLessThan(1_090);
  });
});
