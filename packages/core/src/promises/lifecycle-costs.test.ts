import { afterEach, describe, expect, it, vi } from 'vitest';

import { memoryStore } from '../storage/memory-store.ts';
import { probeStore } from '../testing/probe-store.ts';
import { type Route, type TestApp, closeApps, startApp, watchEvents } from '../testing/test-app.ts';
import * as tokens from '../cookie/token.ts';

afterEach(async () => {
  vi.restoreAllMocks();
  await closeApps();
});

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

const routes: Record<string, Route> = {
  '/untouched': () => 'hello',
  '/read': ({ session }) => ({ n: session['n'] ?? null }),
  '/has': ({ session }) => 'n' in session,
  '/keys': ({ session }) => Object.keys(session),
  '/spread': ({ session }) => ({ ...session }),
  '/json': ({ session }) => JSON.stringify(session),
  '/handle': ({ session }) => session.handle.length,
  '/is-new': ({ session }) => session.isNew,
  '/same': ({ session }) => {
    session['n'] ||= 1;
    session['list'] = session['list'] ?? null;
    return 'same';
  },
  '/write': ({ session }) => {
    session['n'] = Number(session['n'] ?? 0) + 1;
    return session['n'];
  },
  '/two': ({ session }) => {
    session['cart'] = ['a'.repeat(1000)];
    session['n'] = 1;
    return 'two';
  },
  '/push': ({ session }) => {
    const cart = session['cart'];
    if (Array.isArray(cart)) cart.push('b');
    return 'pushed';
  },
  '/save': async ({ session }) => {
    session['n'] = Number(session['n'] ?? 0) + 1;
    await session.save();
    return 'saved';
  },
  '/update': async ({ session }) => session.update('n', (n) => Number(n ?? 0) + 1),
  '/login': async ({ session }) => {
    await session.regenerate({ owner: 'u1' });
    return 'in';
  },
  '/rotate': async ({ session }) => {
    await session.regenerate({ keep: true });
    return 'rotated';
  },
  '/logout': async ({ session }) => {
    await session.destroy();
    return 'out';
  },
  '/touch': ({ session }) => {
    session.touch();
    return 'touched';
  },
  '/empty': ({ session }) => {
    session['gone'] = 1;
    delete session['gone'];
    return 'empty';
  },
};

const clockedStore = (clock: () => number) => probeStore(memoryStore({ clock }));

/** Leaves a session with `n` behind. */
async function visitor(app: TestApp) {
  const browser = app.browser();
  await browser.get('/two');
  app.store.took();
  return browser;
}

describe('what a request costs', () => {
  it.each(['/untouched', '/read', '/has', '/keys', '/json', '/is-new', '/empty'])(
    'an anonymous %s makes no store call and no cookie',
    async (path) => {
      const app = await startApp(routes);
      const { setCookie, status } = await app.get(path);
      expect({ status, setCookie, calls: app.store.took() }).toEqual({ status: 200, setCookie: [], calls: [] });
    },
  );

  it('an anonymous request that does not look at its session is answered as without sessions', async () => {
    const app = await startApp({ '/': ({ response }) => void response.end('hello') });
    const mint = vi.spyOn(tokens, 'mintToken');
    const serialised = vi.spyOn(JSON, 'stringify');
    const answer = await app.get('/');
    expect(serialised).not.toHaveBeenCalled();
    expect(mint).not.toHaveBeenCalled();
    expect(app.store.took()).toEqual([]);
    expect(Object.keys(answer.headers).toSorted()).toEqual(['connection', 'content-length', 'date'].toSorted());
    mint.mockRestore();
  });

  it('a token is made when the first change is stored, and not before', async () => {
    const app = await startApp(routes);
    const mint = vi.spyOn(tokens, 'mintToken');
    for (const path of ['/untouched', '/read', '/keys', '/json', '/empty', '/logout']) await app.get(path);
    expect(mint).not.toHaveBeenCalled();
    await app.get('/write');
    expect(mint).toHaveBeenCalledOnce();
  });

  it('an anonymous request is answered in the same turn: attach waits for nothing', async () => {
    const app = await startApp({
      '/': ({ request, response }) => {
        expect(app.sessions.attach(request, response)).not.toBeInstanceOf(Promise);
        return 'now';
      },
    });
    expect((await app.get('/')).status).toBe(200);
  });

  it.each(['/untouched', '/read', '/has', '/keys', '/spread', '/json', '/handle', '/same'])(
    '%s with a session is one read',
    async (path) => {
      const app = await startApp(routes);
      const browser = await visitor(app);
      app.store.calls.length = 0;
      await app.get('/same', browser.cookie);
      app.store.took();
      const { setCookie } = await browser.get(path);
      expect(app.store.took()).toEqual(['read']);
      expect(setCookie).toEqual([]);
    },
  );

  it('a change is one write more, with the changed keys alone', async () => {
    const app = await startApp(routes);
    const browser = await visitor(app);
    const { setCookie } = await browser.get('/write');
    expect(setCookie).toEqual([]);
    const [, write] = app.store.calls;
    expect(write?.record?.fields).toEqual({ cart: JSON.stringify(['a'.repeat(1000)]), n: '2' });
    expect(app.store.took()).toEqual(['read', 'replace']);
  });

  it('an object changed in place is written only where it still is', async () => {
    const app = await startApp(routes);
    const browser = await visitor(app);
    await browser.get('/push');
    expect(app.store.calls[1]?.record?.fields['cart']).toEqual(JSON.stringify(['a'.repeat(1000), 'b']));
  });

  it('a value that nobody looks at is neither parsed nor serialised', async () => {
    const app = await startApp({
      ...routes,
      '/bare': ({ session, response }) => void response.end(String(session['n'])),
    });
    const browser = await visitor(app);
    const parse = vi.spyOn(JSON, 'parse');
    const stringify = vi.spyOn(JSON, 'stringify');
    expect((await browser.get('/bare')).text).toBe('1');
    expect(parse.mock.calls).toEqual([['1']]);
    expect(stringify).not.toHaveBeenCalled();
  });

  it('an explicit save is not repeated at the end', async () => {
    const app = await startApp(routes);
    const browser = await visitor(app);
    await browser.get('/save');
    expect(app.store.took()).toEqual(['read', 'replace']);
    const newcomer = app.browser();
    const { setCookie } = await newcomer.get('/save');
    expect(app.store.took()).toEqual(['create']);
    expect(setCookie).toHaveLength(1);
  });

  it('an update is one write, without a read of its own', async () => {
    const app = await startApp(routes);
    const browser = await visitor(app);
    await browser.get('/update');
    expect(app.store.took()).toEqual(['read', 'replace']);
  });

  it('a first login is one create; with a session before it, also its end', async () => {
    const app = await startApp(routes);
    await app.browser().get('/login');
    expect(app.store.took()).toEqual(['create']);
    const browser = await visitor(app);
    await browser.get('/login');
    expect(app.store.took()).toEqual(['read', 'create', 'replace']);
    await browser.get('/rotate');
    expect(app.store.took()).toEqual(['read', 'create', 'replace']);
  });

  it('a logout is one destroy; without a session it is none, and leaves no record', async () => {
    const app = await startApp(routes);
    const browser = await visitor(app);
    await browser.get('/logout');
    expect(app.store.took()).toEqual(['read', 'destroy']);
    for (let hit = 0; hit < 20; hit += 1) await app.get('/logout');
    await app.get('/logout', 'sid=made.up');
    expect(app.store.took()).toEqual([]);
  });

  it('a touch is written when one is due, carries no data, and sends no cookie', async () => {
    let now = Date.now();
    const app = await startApp(routes, { clock: () => now });
    const browser = await visitor(app);
    now += hourMs;
    await browser.get('/untouched');
    expect(app.store.took()).toEqual(['read']);
    now += 1;
    const { setCookie, headers } = await browser.get('/untouched');
    expect(app.store.calls[1]?.record).toMatchObject({ touchedAt: now, expiresAt: now + dayMs });
    expect(app.store.took()).toEqual(['read', 'replace']);
    expect(setCookie).toEqual([]);
    expect(headers['vary']).toBeUndefined();
    await browser.get('/read');
    expect(app.store.took()).toEqual(['read']);
  });

  it('a touch goes along with a change, and can be asked for', async () => {
    let now = Date.now();
    const app = await startApp(routes, { clock: () => now });
    const browser = await visitor(app);
    now += 2 * hourMs;
    await browser.get('/write');
    expect(app.store.took()).toEqual(['read', 'replace']);
    await browser.get('/touch');
    expect(app.store.took()).toEqual(['read', 'replace']);
  });

  it('a cookie that we did not sign costs no store call and is not cleared', async () => {
    const app = await startApp(routes);
    const { cookie = '' } = await visitor(app);
    const events = watchEvents();
    const answer = await app.get('/read', `${cookie.slice(0, -1)}${cookie.endsWith('A') ? 'B' : 'A'}`);
    events.stop();
    expect(app.store.took()).toEqual([]);
    expect(answer.setCookie).toEqual([]);
    expect(events.names()).toEqual(['badSignature']);
  });
});

describe('the cookie', () => {
  const cookieOf = async (path: string, options: Parameters<typeof startApp>[1] = {}) => {
    const app = await startApp(routes, options);
    return (await app.get(path)).setCookie;
  };

  it('is HttpOnly, SameSite=Lax and lasts as long as the session can', async () => {
    const [line] = await cookieOf('/write');
    expect(line).toMatch(/^sid=[\w-]{43}\.[\w-]{43}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/);
  });

  it('in production has the prefix that ties it to this host and to https', async () => {
    const [line] = await cookieOf('/write', { env: { NODE_ENV: 'production' } });
    expect(line).toMatch(/^__Host-sid=.*; Secure/);
  });

  it('is sent at create, regenerate, destroy and a changed persistence, and at nothing else', async () => {
    const app = await startApp({
      ...routes,
      '/forget-me': ({ session }) => void (session.persistent = false),
      '/remember-me': ({ session }) => void (session.persistent = true),
      '/idle': ({ session }) => void (session.idleTimeoutMs = hourMs),
    });
    const browser = app.browser();
    const sent: Record<string, number> = {};
    for (const path of [
      '/write',
      '/read',
      '/save',
      '/update',
      '/touch',
      '/idle',
      '/forget-me',
      '/remember-me',
      '/login',
      '/rotate',
      '/logout',
    ])
      sent[path] = (await browser.get(path)).setCookie.length;
    expect(sent).toEqual({
      '/write': 1,
      '/read': 0,
      '/save': 0,
      '/update': 0,
      '/touch': 0,
      '/idle': 0,
      '/forget-me': 1,
      '/remember-me': 1,
      '/login': 1,
      '/rotate': 1,
      '/logout': 1,
    });
  });

  it('ends with the browser where the session is not persistent, and says so again when that changes', async () => {
    const app = await startApp(
      {
        ...routes,
        '/remember-me': ({ session }) => void (session.persistent = true),
        '/as-it-is': ({ session }) => {
          const { persistent } = session;
          session.persistent = persistent;
        },
      },
      { cookie: { persistent: false } },
    );
    const browser = app.browser();
    expect((await browser.get('/write')).setCookie[0]).not.toContain('Max-Age');
    expect((await browser.get('/as-it-is')).setCookie).toEqual([]);
    const { cookie } = browser;
    expect((await browser.get('/remember-me')).setCookie[0]).toMatch(/; Max-Age=25\d{5};/);
    expect(browser.cookie).toBe(cookie);
    expect((await browser.get('/write')).setCookie).toEqual([]);
  });

  it('after a rotation lasts only what is left of the absolute timeout', async () => {
    let now = Date.now();
    const app = await startApp(routes, { clock: () => now, idleTimeoutMs: 2 * dayMs, absoluteTimeoutMs: 3 * dayMs });
    const browser = await visitor(app);
    now += dayMs;
    expect((await browser.get('/rotate')).setCookie[0]).toContain(`Max-Age=${(2 * dayMs) / 1000};`);
    expect((await browser.get('/login')).setCookie[0]).toContain(`Max-Age=${(3 * dayMs) / 1000};`);
  });

  it('of another browser is never put on an answer, even when the app keeps its own array', async () => {
    const own = ['theme=dark'];
    const app = await startApp({
      '/': ({ session, response }) => {
        session['n'] = 1;
        response.setHeader('Set-Cookie', own);
        return 'ok';
      },
    });
    await app.get('/');
    const { setCookie } = await app.get('/');
    expect(setCookie).toHaveLength(2);
    expect(own).toEqual(['theme=dark']);
  });
});

describe('caches', () => {
  it.each(['/read', '/has', '/keys', '/spread', '/json', '/handle', '/is-new', '/same'])(
    '%s looks at the session, so the answer varies with the cookie',
    async (path) => {
      const app = await startApp(routes);
      const browser = await visitor(app);
      for (const cookie of [undefined, browser.cookie])
        expect((await app.get(path, cookie)).headers['vary']).toBe('Cookie');
    },
  );

  it('an answer of a request that did not look does not vary', async () => {
    const app = await startApp(routes);
    const browser = await visitor(app);
    expect((await browser.get('/untouched')).headers['vary']).toBeUndefined();
  });

  it("an answer with our cookie is for nobody else, over the app's own word", async () => {
    const app = await startApp({
      '/': ({ session, response }) => {
        session['n'] = 1;
        response.writeHead(200, { 'Cache-Control': 'public, s-maxage=31536000', Vary: 'Accept' });
        response.end('page');
      },
    });
    const { headers } = await app.get('/');
    expect(headers['cache-control']).toBe('private, no-store');
    expect(headers['vary']).toBe('Accept, Cookie');
  });

  it("a reader's answer keeps the app's caching", async () => {
    const app = await startApp({
      '/write': routes['/write']!,
      '/': ({ session, response }) => {
        response.setHeader('Cache-Control', 'private, max-age=60');
        return session['n'];
      },
    });
    const browser = app.browser();
    await browser.get('/write');
    expect((await browser.get('/')).headers['cache-control']).toBe('private, max-age=60');
  });
});

describe('expiry', () => {
  it('ends a session that was idle for too long, and one that is too old, whatever the cookie says', async () => {
    let now = Date.now();
    const app = await startApp(routes, {
      clock: () => now,
      idleTimeoutMs: dayMs,
      absoluteTimeoutMs: 3 * dayMs,
      store: clockedStore(() => now),
    });
    const idler = await visitor(app);
    const busy = await visitor(app);
    for (let half = 1; half < 6; half += 1) {
      now += dayMs / 2;
      expect(JSON.parse((await busy.get('/read')).text)).toEqual({ n: 1 });
    }
    expect(JSON.parse((await idler.get('/read')).text)).toEqual({ n: null });
    now += dayMs / 2;
    expect(JSON.parse((await busy.get('/read')).text)).toEqual({ n: null });
  });

  it('is never stored beyond the absolute timeout, so that a busy session leaves the store in time too', async () => {
    let now = Date.now();
    const end = now + 3 * dayMs;
    const app = await startApp(routes, { clock: () => now, idleTimeoutMs: 2 * dayMs, absoluteTimeoutMs: 3 * dayMs });
    const browser = await visitor(app);
    now += 2 * dayMs - 1;
    await browser.get('/write');
    await browser.get('/rotate');
    const stored = app.store.calls.flatMap(({ record }) => [record?.expiresAt]);
    expect(stored.filter((at) => at !== undefined)).toEqual([end, end]);
  });

  it('is refused by core too, when a store forgets to: the absolute timeout is in the record', async () => {
    let now = Date.now();
    const app = await startApp(routes, { clock: () => now, idleTimeoutMs: dayMs, absoluteTimeoutMs: dayMs });
    const browser = await visitor(app);
    now += dayMs;
    expect(JSON.parse((await browser.get('/read')).text)).toEqual({ n: null });
  });

  it('can be set for one session alone, and lasts', async () => {
    let now = Date.now();
    const store = clockedStore(() => now);
    const app = await startApp(
      {
        ...routes,
        '/idle': ({ session }) => void (session.idleTimeoutMs = hourMs),
        '/idle?': ({ session }) => session.idleTimeoutMs,
      },
      { clock: () => now, store },
    );
    const short = await visitor(app);
    const usual = await visitor(app);
    await short.get('/idle');
    now += hourMs - 1;
    expect(JSON.parse((await short.get('/read')).text)).toEqual({ n: 1 });
    now += hourMs - 1;
    expect(JSON.parse((await short.get('/read')).text)).toEqual({ n: 1 });
    now += hourMs;
    expect(JSON.parse((await short.get('/read')).text)).toEqual({ n: null });
    expect(JSON.parse((await usual.get('/read')).text)).toEqual({ n: 1 });
  });

  it('of the old session goes over to a rotated one, and a login begins anew', async () => {
    let now = Date.now();
    const app = await startApp(
      { ...routes, '/created': ({ session }) => session.createdAt.getTime() },
      { clock: () => now },
    );
    const began = now;
    const browser = await visitor(app);
    now += hourMs;
    await browser.get('/rotate');
    expect((await browser.get('/created')).text).toBe(String(began));
    await browser.get('/login');
    expect((await browser.get('/created')).text).toBe(String(now));
  });
});
