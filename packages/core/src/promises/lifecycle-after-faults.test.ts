import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';

import { SessError } from '../errors.ts';
import { Gate, type StoreCall } from '../testing/probe-store.ts';
import {
  type Browser,
  type Route,
  type TestApp,
  type Visit,
  anySession,
  closeApps,
  startApp,
} from '../testing/test-app.ts';

// What an app does in the same request after a fault of the store that it got over.

afterEach(closeApps);

const busy = (): never => {
  throw new SessError('STORE_BUSY', 'too many');
};

/** The next call of the verb fails: before its work, or so that nobody knows of its work. */
function failOnce(app: TestApp, verb: StoreCall['verb'], moment: 'before' | 'after' = 'before'): void {
  app.store[moment] = (call) => {
    if (call.verb !== verb) return;
    app.store[moment] = undefined;
    busy();
  };
}

const login: Route = async ({ session }) => {
  const fresh = anySession(await session.regenerate({ owner: 'ada' }));
  fresh['cart'] = ['tea'];
};
const data: Route = ({ session }) => ({ ...session });

interface Scene {
  app: TestApp;
  /** Logged in. Its next `/act` is told by the test. */
  browser: Browser;
  /** With the cookie that the browser has now. */
  twin(): Browser;
}

async function scene(
  act: (visit: Visit, scene: Scene) => unknown,
  options: Parameters<typeof startApp>[1] = {},
): Promise<Scene> {
  const add: Route = ({ session }) => void (session['theme'] = 'dark');
  const routes: Record<string, Route> = { '/login': login, '/data': data, '/add': add };
  const app = await startApp({ ...routes, '/act': (visit) => act(visit, all) }, options);
  const browser = app.browser();
  const all: Scene = {
    app,
    browser,
    twin() {
      const twin = app.browser();
      twin.cookie = browser.cookie;
      return twin;
    },
  };
  await browser.get('/login');
  app.store.took();
  return all;
}

async function dataOf(browser: Browser): Promise<unknown> {
  return JSON.parse((await browser.get('/data')).text);
}

const rotate = async ({ session }: Visit): Promise<void> => {
  await session.regenerate({ keep: true });
};

/** As far as the new session is stored, and the old one still there. */
async function rotateHalf(visit: Visit, app: TestApp): Promise<void> {
  failOnce(app, 'replace');
  await rotate(visit);
  await expect(visit.session.save()).rejects.toMatchObject({ code: 'STORE_BUSY' });
}

describe('a rotation that came halfway', () => {
  it.each<[string, (visit: Visit) => Promise<unknown>]>([
    ['rotation', rotate],
    ['login', ({ session }) => session.regenerate({ owner: 'bob', keep: true })],
    ['logout', ({ session }) => session.destroy()],
  ])('and is followed by another %s leaves no old session behind', async (_, next) => {
    const { app, browser, twin } = await scene(async (visit, { app }) => {
      await rotateHalf(visit, app);
      await next(visit);
    });
    const old = twin();
    expect((await browser.get('/act')).status).toBe(200);
    expect(await dataOf(old)).toEqual({});
    expect(await app.sessions.count()).toMatchObject({ count: browser.cookie === undefined ? 0 : 1 });
  });

  it('and then a logout that came halfway are over when the next session begins', async () => {
    const { browser, twin } = await scene(async (visit, { app }) => {
      await rotateHalf(visit, app);
      let destroyed = 0;
      app.store.before = ({ verb }) => {
        if (verb === 'destroy' && ++destroyed === 2) busy();
      };
      await expect(visit.session.destroy()).rejects.toMatchObject({ code: 'STORE_BUSY' });
      app.store.before = undefined;
      await visit.session.regenerate();
      visit.session['fresh'] = true;
    });
    const old = twin();
    expect((await browser.get('/act')).status).toBe(200);
    expect(await dataOf(old)).toEqual({});
    expect(await dataOf(browser)).toEqual({ fresh: true });
  });

  it('takes over what others change in the first session, through the one in between', async () => {
    const { browser } = await scene(async (visit, { app, twin }) => {
      await rotateHalf(visit, app);
      await twin().get('/add');
      await rotate(visit);
    });
    expect((await browser.get('/act')).status).toBe(200);
    expect(await dataOf(browser)).toEqual({ cart: ['tea'], theme: 'dark' });
  });

  it('takes it over at the next try, where that failed when the first session had ended', async () => {
    const { browser } = await scene(async (visit, { app, twin }) => {
      await rotate(visit);
      await twin().get('/add');
      failOnce(app, 'replace');
      await expect(visit.session.save()).rejects.toMatchObject({ code: 'STORE_BUSY' });
    });
    expect((await browser.get('/act')).status).toBe(200);
    expect(await dataOf(browser)).toEqual({ cart: ['tea'], theme: 'dark' });
  });

  it('reads what it replaces no second time: it would miss what others change', async () => {
    const { browser } = await scene(async (visit, { twin }) => {
      const old = visit.session;
      await rotate(visit);
      await twin().get('/add');
      await expect(old.reload()).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    });
    await browser.get('/act');
    expect(await dataOf(browser)).toEqual({ cart: ['tea'], theme: 'dark' });
  });
});

describe('a session that is stored under its new token', () => {
  it('is the browser’s, also where the answer is an error behind another fault', async () => {
    const { browser } = await scene(async (visit, { app }) => {
      failOnce(app, 'replace');
      await visit.session.update('views', () => 1).catch(() => {});
      await rotate(visit);
      await visit.session.save();
      throw new Error('the page is broken');
    });
    const answer = await browser.get('/act');
    expect([answer.status, answer.setCookie.length]).toEqual([500, 1]);
    expect(answer.headers).toMatchObject({ 'retry-after': '1', 'cache-control': 'no-store' });
    expect(await dataOf(browser)).toEqual({ cart: ['tea'] });
  });

  it('is the browser’s, also where the commit of what comes behind fails', async () => {
    const { browser } = await scene(async (visit, { app }) => {
      await rotate(visit);
      await visit.session.save();
      visit.session['late'] = 1;
      failOnce(app, 'replace');
    });
    const answer = await browser.get('/act');
    expect([answer.status, answer.setCookie.length]).toEqual([503, 1]);
    expect(await dataOf(browser)).toEqual({ cart: ['tea'] });
  });

  it('is the browser’s, also where its save() is not waited for and something else failed', async () => {
    const { browser } = await scene(async (visit, { app }) => {
      failOnce(app, 'replace');
      void visit.session.update('views', () => 1);
      await rotate(visit);
      void visit.session.save();
    });
    const answer = await browser.get('/act');
    expect([answer.status, answer.setCookie.length]).toEqual([503, 1]);
    expect(await dataOf(browser)).toEqual({ cart: ['tea'] });
  });

  it('is not the browser’s, where it only may be stored', async () => {
    const { browser } = await scene(async (visit, { app }) => {
      await rotate(visit);
      failOnce(app, 'replace', 'before');
    });
    expect(await browser.get('/act')).toMatchObject({ status: 503, setCookie: [] });
    expect(await dataOf(browser)).toEqual({ cart: ['tea'] });
  });
});

it('a logout that is not waited for is waited for by the answer, also by an error page behind a fault', async () => {
  const { browser } = await scene(async (visit, { app }) => {
    failOnce(app, 'replace');
    await visit.session.update('views', () => 1).catch(() => {});
    const gate = new Gate();
    app.store.before = ({ verb }) => (verb === 'destroy' ? gate.pass() : undefined);
    void visit.session.destroy();
    setTimeout(() => gate.open(), 30);
    throw new Error('the page is broken');
  });
  expect(await browser.get('/act')).toMatchObject({ status: 500, setCookie: [expect.stringContaining('Max-Age=0')] });
  expect(await dataOf(browser)).toEqual({});
});

it('what a save() that took too long could not store is stored by the commit', async () => {
  const { browser } = await scene(
    async (visit, { app }) => {
      const gate = new Gate();
      app.store.before = async ({ verb }) => {
        app.store.before = undefined;
        expect(verb).toBe('replace');
        await gate.pass();
        busy();
      };
      visit.session['theme'] = 'dark';
      await expect(visit.session.save()).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
      gate.open();
    },
    { timeouts: { commitMs: 100 } },
  );
  expect((await browser.get('/act')).status).toBe(200);
  expect(await dataOf(browser)).toEqual({ cart: ['tea'], theme: 'dark' });
});

it('a login whose first try was stored, and nobody knew, is one session', async () => {
  const { app, browser } = await scene(async (visit, { app }) => {
    await visit.session.destroy();
    const fresh = await visit.session.regenerate({ owner: 'bob' });
    failOnce(app, 'create', 'after');
    await fresh.save().catch(() => {});
    await fresh.save();
  });
  expect((await browser.get('/act')).status).toBe(200);
  expect(await app.sessions.list('bob')).toHaveLength(1);
});

describe('a touch that the store does not answer', () => {
  let now = Date.now();
  const reads: [string, (visit: Visit) => unknown][] = [
    ['at once', ({ session }) => session['cart']],
    [
      'in two steps',
      ({ session, response }) => {
        response.writeHead(200);
        response.end(JSON.stringify(session['cart']));
      },
    ],
    [
      'as a stream',
      async ({ session, response }) => {
        response.write(JSON.stringify(session['cart']));
        await wait(5);
        response.end();
      },
    ],
  ];

  it.each(reads)('fails no request, and is tried once by one that answers %s', async (_, act) => {
    const { app, browser } = await scene(act, {
      clock: () => now,
      timeouts: { operationMs: 60, commitMs: 100 },
    });
    now += 7_200_000;
    app.store.before = ({ verb }) => (verb === 'replace' ? new Promise(() => {}) : undefined);
    expect(await browser.get('/act')).toMatchObject({ status: 200, text: '["tea"]' });
    expect(app.store.took()).toEqual(['read', 'replace']);
  });

  it('fails none of several requests that wait for each other', async () => {
    const { app, browser } = await scene(({ session }) => session['cart'], {
      clock: () => now,
      timeouts: { operationMs: 60, commitMs: 100 },
    });
    now += 7_200_000;
    app.store.before = ({ verb }) => (verb === 'replace' ? new Promise(() => {}) : undefined);
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => browser.send('/act')));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  });
});
