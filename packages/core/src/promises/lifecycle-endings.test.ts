import { afterEach, describe, expect, it } from 'vitest';

import { Gate, probeStore } from '../testing/probe-store.ts';
import { type Browser, type Route, type TestApp, closeApps, startApp, watchEvents } from '../testing/test-app.ts';
import { soon, writeElsewhere } from '../testing/other-process.ts';

afterEach(closeApps);

const data: Route = ({ session }) => ({ ...session });

const routes: Record<string, Route> = {
  '/data': data,
  '/about': ({ session }) => ({ handle: session.handle, isNew: session.isNew, owner: session.owner ?? null }),
  '/set': ({ session, url }) => {
    for (const [key, value] of url.searchParams) session[key] = value;
    return 'set';
  },
  '/login': async ({ session }) => {
    const fresh = await session.regenerate({ owner: 'u1' });
    Object.assign(fresh, { user: 'u1' });
    return 'in';
  },
  '/logout': async ({ session }) => {
    await session.destroy();
    return 'out';
  },
  '/rotate': async ({ session }) => void (await session.regenerate({ keep: true })),
};

/** An app with a route `/slow` that opens its session, waits for the gate, and then does its work. */
async function startWithSlow(work: Route, options: Parameters<typeof startApp>[1] = {}) {
  const gate = new Gate();
  const app = await startApp(
    {
      ...routes,
      '/slow': async (visit) => {
        await gate.pass();
        return work(visit);
      },
    },
    options,
  );
  return { app, gate };
}

async function visitor(app: TestApp, query = 'n=1'): Promise<Browser> {
  const browser = app.browser();
  await browser.get(`/set?${query}`);
  app.store.took();
  return browser;
}

/** What a browser with this cookie sees. */
async function seenBy(app: TestApp, cookie: string | undefined): Promise<unknown> {
  return JSON.parse((await app.get('/data', cookie)).text);
}

async function recordCount(app: TestApp): Promise<number> {
  let count = 0;
  for await (const _ of app.store.walk()) count += 1;
  return count;
}

describe('a session that ended while a request was under way', () => {
  const endings: Record<string, (app: TestApp, browser: Browser) => Promise<unknown>> = {
    'by a logout': (_, browser) => browser.get('/logout'),
    'by a login': (_, browser) => browser.get('/login'),
    'by a rotation': (_, browser) => browser.get('/rotate'),
    'by a revocation': async (app, { cookie }) => {
      const { handle } = JSON.parse((await app.get('/about', cookie)).text);
      return app.sessions.revoke(handle);
    },
    'in the store': async (app) => {
      for await (const key of app.store.walk()) await app.store.destroy(key, {}, soon());
    },
  };

  it.each(Object.entries(endings))('%s: the change is dropped with an event, without a cookie', async (_, end) => {
    const { app, gate } = await startWithSlow(({ session }) => {
      session['late'] = 1;
      return 'ok';
    });
    const browser = await visitor(app);
    const slow = browser.send('/slow');
    const old = browser.cookie;
    await gate.reached;
    await end(app, browser);
    const records = await recordCount(app);
    const events = watchEvents();
    gate.open();
    const answer = await slow;
    events.stop();
    expect(answer).toMatchObject({ status: 200, text: '"ok"', setCookie: [] });
    expect(events.names().filter((name) => name !== 'opened')).toEqual(['gone', 'dropped']);
    expect(events.seen.at(-1)?.event).toMatchObject({ keys: ['late'], reason: 'gone' });
    expect(await recordCount(app)).toBe(records);
    expect(await seenBy(app, old)).toEqual({});
  });

  it.each<[string, Route]>([
    [
      'save',
      async ({ session }) => {
        session['late'] = 1;
        await session.save();
      },
    ],
    ['update', async ({ session }) => session.update('n', () => 2)],
    ['reload', async ({ session }) => session.reload()],
  ])('an explicit %s is refused with 409', async (_, work) => {
    const { app, gate } = await startWithSlow(work);
    const browser = await visitor(app);
    const slow = browser.send('/slow');
    const old = browser.cookie;
    await gate.reached;
    await browser.get('/logout');
    gate.open();
    expect(await slow).toMatchObject({ status: 409, text: 'SESSION_GONE', setCookie: [] });
    expect(await seenBy(app, old)).toEqual({});
    expect(await recordCount(app)).toBe(0);
  });

  it('a due touch of it brings nothing back', async () => {
    let now = Date.now();
    const { app, gate } = await startWithSlow(() => 'ok', { clock: () => now });
    const browser = await visitor(app);
    const slow = browser.send('/slow');
    await gate.reached;
    await browser.get('/logout');
    now += 7_200_000;
    gate.open();
    expect(await slow).toMatchObject({ status: 200, setCookie: [] });
    expect(await recordCount(app)).toBe(0);
  });

  it('an object changed in place does not undo a delete elsewhere', async () => {
    const { app, gate } = await startWithSlow(({ session }) => {
      (session['user'] as { seen?: number }).seen = 1;
      return 'ok';
    });
    const browser = app.browser();
    app.store.before = undefined;
    await browser.get('/set?n=1');
    const { handle } = JSON.parse((await browser.get('/about')).text);
    await writeElsewhere(app.store, handle, { set: { user: '{"id":1}' } });
    const slow = browser.send('/slow');
    await gate.reached;
    await writeElsewhere(app.store, handle, { unset: ['user'] });
    gate.open();
    expect((await slow).status).toBe(200);
    expect(await seenBy(app, browser.cookie)).toEqual({ n: '1' });
  });
});

describe('the cookie of an ended session', () => {
  it('gets an empty session whose changes are dropped, without a cookie', async () => {
    const app = await startApp(routes);
    const browser = await visitor(app);
    const old = browser.cookie;
    await browser.get('/logout');
    expect(browser.cookie).toBeUndefined();
    const events = watchEvents();
    const answer = await app.get('/set?a=1', old);
    events.stop();
    expect(answer).toMatchObject({ status: 200, setCookie: [] });
    expect(events.seen.map(({ name, event }) => [name, event['reason'] ?? event['outcome']])).toEqual([
      ['opened', 'ended'],
      ['dropped', 'ended'],
    ]);
    expect(await seenBy(app, old)).toEqual({});
    expect(await recordCount(app)).toBe(0);
  });

  it('makes a session only by an explicit regenerate', async () => {
    const app = await startApp(routes);
    const browser = await visitor(app);
    const old = browser.cookie;
    await browser.get('/logout');
    const late = app.browser();
    late.cookie = old;
    expect((await late.get('/login')).setCookie).toHaveLength(1);
    expect(late.cookie).not.toBe(old);
    expect(await seenBy(app, late.cookie)).toEqual({ user: 'u1' });
    expect(await seenBy(app, old)).toEqual({});
  });

  it('is remembered for the configured time, then it is as any unknown one', async () => {
    let now = Date.now();
    const { memoryStore } = await import('../storage/memory-store.ts');
    const app = await startApp(routes, {
      clock: () => now,
      endMarkerMs: 5_000,
      store: probeStore(memoryStore({ clock: () => now })),
    });
    const browser = await visitor(app);
    const old = browser.cookie;
    await browser.get('/logout');
    now += 4_999;
    expect((await app.get('/set?a=1', old)).setCookie).toEqual([]);
    now += 1;
    expect((await app.get('/set?a=1', old)).setCookie).toHaveLength(1);
  });
});

describe('a cookie that we signed and whose session is not there', () => {
  it('is never adopted: the next session has a token of its own', async () => {
    const app = await startApp(routes);
    const browser = await visitor(app);
    const old = browser.cookie;
    for await (const key of app.store.walk()) await app.store.destroy(key, {}, soon());
    const events = watchEvents();
    expect((await browser.get('/set?a=1')).setCookie).toHaveLength(1);
    events.stop();
    expect(events.names()).toContain('unknownCookie');
    expect(browser.cookie).not.toBe(old);
    expect(await seenBy(app, old)).toEqual({});
    expect(await seenBy(app, browser.cookie)).toEqual({ a: '1' });
  });

  it('is not cleared by a request that only reads', async () => {
    const app = await startApp(routes);
    const browser = await visitor(app);
    for await (const key of app.store.walk()) await app.store.destroy(key, {}, soon());
    expect((await browser.get('/data')).setCookie).toEqual([]);
    expect((await browser.get('/logout')).setCookie[0]).toMatch(/^sid=; Max-Age=0;/);
  });

  it('beside another valid one counts as none, and neither session is touched', async () => {
    const app = await startApp(routes);
    const [a, b] = [await visitor(app, 'who=a'), await visitor(app, 'who=b')];
    const events = watchEvents();
    const answer = await app.get('/data', `${a.cookie}; ${b.cookie}`);
    events.stop();
    expect(JSON.parse(answer.text)).toEqual({});
    expect(events.names()).toEqual(['ambiguousCookie']);
    expect(app.store.took()).toEqual(['read', 'read']);
    expect(await seenBy(app, `${a.cookie}; sid=forged; ${a.cookie}`)).toEqual({ who: 'a' });
  });
});

describe('regenerate', () => {
  it('at login drops the data, takes a new token and ends the old one', async () => {
    const app = await startApp(routes);
    const browser = await visitor(app, 'basket=1');
    const old = browser.cookie;
    await browser.get('/login');
    expect(browser.cookie).not.toBe(old);
    expect(await seenBy(app, browser.cookie)).toEqual({ user: 'u1' });
    expect(await seenBy(app, old)).toEqual({});
    expect(await recordCount(app)).toBe(1);
  });

  it('keeps what it is told to keep, with what others changed in it until then', async () => {
    const { app, gate } = await startWithSlow(async ({ session }) => {
      session['mine'] = 'm2';
      const fresh = await session.regenerate({ owner: 'u1', keep: ['cart', 'mine', 'added', 'removed'] });
      return { ...fresh };
    });
    const browser = await visitor(app, 'cart=c1&mine=m1&removed=r1&dropped=d1');
    const slow = browser.send('/slow');
    await gate.reached;
    const { handle } = JSON.parse((await browser.get('/about')).text);
    const set = { cart: '"c2"', mine: '"other"', added: '"a1"', dropped: '"d2"' };
    await writeElsewhere(app.store, handle, { set, unset: ['removed'] });
    gate.open();
    browser.receive(await slow);
    expect(await seenBy(app, browser.cookie)).toEqual({ cart: 'c2', mine: 'm2', added: 'a1' });
  });

  it('lets a change that this request made in place of a kept value win, like any other write', async () => {
    const { app, gate } = await startWithSlow(async ({ session }) => {
      const fresh = await session.regenerate({ owner: 'u1', keep: true });
      const list: unknown = Reflect.get(fresh, 'list');
      if (Array.isArray(list)) list.push('mine');
      return 'ok';
    });
    const browser = await visitor(app, 'n=1');
    const { handle } = JSON.parse((await browser.get('/about')).text);
    await writeElsewhere(app.store, handle, { set: { list: '[]' } });
    const slow = browser.send('/slow');
    await gate.reached;
    await writeElsewhere(app.store, handle, { set: { list: '["other"]', n: '2' } });
    gate.open();
    browser.receive(await slow);
    expect(await seenBy(app, browser.cookie)).toEqual({ n: 2, list: ['mine'] });
  });

  it('twice keeps what both keep, ends the stored session, and leaves one record', async () => {
    const { app, gate } = await startWithSlow(async ({ session }) => {
      const first = await session.regenerate({ keep: ['a', 'b'] });
      Reflect.set(first, 'b', 'between');
      await first.regenerate({ keep: ['b', 'c'] });
      return 'ok';
    });
    const browser = await visitor(app, 'a=1&b=1&c=1');
    const old = browser.cookie;
    const { handle } = JSON.parse((await browser.get('/about')).text);
    const slow = browser.send('/slow');
    await gate.reached;
    await writeElsewhere(app.store, handle, { set: { b: '"other"' } });
    gate.open();
    const answer = await slow;
    browser.receive(answer);
    expect(answer.setCookie).toHaveLength(1);
    expect(await seenBy(app, browser.cookie)).toEqual({ b: 'between' });
    expect(await seenBy(app, old)).toEqual({});
    expect(await recordCount(app)).toBe(1);
  });

  it('and then destroy leaves neither session, and clears the cookie', async () => {
    const app = await startApp({
      ...routes,
      '/both': async ({ session }) => {
        const fresh = await session.regenerate({ owner: 'u1' });
        await fresh.destroy();
      },
      '/saved': async ({ session }) => {
        const fresh = await session.regenerate({ owner: 'u1' });
        await fresh.save();
        await fresh.destroy();
      },
    });
    for (const path of ['/both', '/saved']) {
      const browser = await visitor(app);
      expect((await browser.get(path)).setCookie).toEqual([expect.stringMatching(/^sid=; Max-Age=0;/)]);
      expect(await recordCount(app)).toBe(0);
    }
  });

  it('a second destroy costs nothing, and is told once', async () => {
    const app = await startApp({
      ...routes,
      '/twice': async ({ session }) => {
        await session.destroy();
        await session.destroy();
      },
    });
    const browser = await visitor(app);
    const events = watchEvents();
    await browser.get('/twice');
    expect(app.store.took()).toEqual(['read', 'destroy']);
    events.stop();
    expect(events.names().filter((name) => name === 'destroyed')).toHaveLength(1);
  });

  it('after destroy begins a session of its own', async () => {
    const app = await startApp({
      ...routes,
      '/both': async ({ session }) => {
        await session.destroy();
        const fresh = await session.regenerate();
        Reflect.set(fresh, 'flash', 'bye');
      },
    });
    const browser = await visitor(app);
    const old = browser.cookie;
    await browser.get('/both');
    expect(await seenBy(app, browser.cookie)).toEqual({ flash: 'bye' });
    expect(await seenBy(app, old)).toEqual({});
    expect(await recordCount(app)).toBe(1);
  });

  it('after a destroy that nobody waited for does so too', async () => {
    const app = await startApp({
      ...routes,
      '/both': async ({ session }) => {
        void session.destroy();
        const fresh = await session.regenerate();
        Reflect.set(fresh, 'flash', 'bye');
      },
    });
    const browser = await visitor(app);
    await browser.get('/both');
    expect(await seenBy(app, browser.cookie)).toEqual({ flash: 'bye' });
    expect(await recordCount(app)).toBe(1);
  });

  it('after a destroy that failed ends the old session and begins a new one', async () => {
    const app = await startApp({
      ...routes,
      '/both': async ({ session }) => {
        app.store.after = () => {
          app.store.after = undefined;
          throw new Error('the answer was lost');
        };
        await session.destroy().catch(() => {});
        const fresh = await session.regenerate();
        Reflect.set(fresh, 'flash', 'bye');
      },
    });
    const browser = await visitor(app);
    const old = browser.cookie;
    expect(await browser.get('/both')).toMatchObject({ status: 200, setCookie: [expect.any(String)] });
    expect(await seenBy(app, browser.cookie)).toEqual({ flash: 'bye' });
    expect(await seenBy(app, old)).toEqual({});
  });

  it('without data and owner makes no record and clears the cookie, even when nothing can be written', async () => {
    const app = await startApp({
      ...routes,
      '/passport-logout': async ({ session }) => void (await session.regenerate()),
    });
    const browser = await visitor(app);
    const old = browser.cookie;
    app.store.before = ({ verb }) => {
      if (verb === 'create' || verb === 'replace') throw new Error('out of memory');
    };
    const answer = await browser.get('/passport-logout');
    expect(answer).toMatchObject({ status: 200, setCookie: [expect.stringMatching(/^sid=; Max-Age=0;/)] });
    expect(await recordCount(app)).toBe(0);
    expect(await seenBy(app, old)).toEqual({});
  });

  it.each([
    ['with an owner stays, when the old session has gone: that was a login', { owner: 'u2' }, 1],
    ['without one is destroyed again, when the old session has gone', { keep: true as const }, 0],
    ['of nothing but keys is destroyed again too', { keep: ['n'] }, 0],
    ['stays without an owner, too, where it has nothing of the old session: that was a login of passport', {}, 1],
  ])('%s', async (_, options, records) => {
    const { app, gate } = await startWithSlow(async ({ session }) => {
      const fresh = await session.regenerate(options);
      Reflect.set(fresh, 'a', 1);
      return 'ok';
    });
    const browser = await visitor(app);
    const slow = browser.send('/slow');
    await gate.reached;
    await browser.get('/logout');
    gate.open();
    const answer = await slow;
    expect(answer.status).toBe(200);
    expect(answer.setCookie).toHaveLength(records);
    expect(await recordCount(app)).toBe(records);
  });

  it('by hand, with a key carried over, does not outlive a logout elsewhere, also where its value has changed', async () => {
    const { app, gate } = await startWithSlow(async ({ session }) => {
      const fresh = await session.regenerate();
      Reflect.set(fresh, 'n', 'another value');
      Reflect.set(fresh, 'rotatedAt', 1);
      return 'ok';
    });
    const browser = await visitor(app);
    const slow = browser.send('/slow');
    await gate.reached;
    await browser.get('/logout');
    gate.open();
    expect((await slow).setCookie).toEqual([]);
    expect(await recordCount(app)).toBe(0);
  });

  it('of a visitor who sends a login form twice makes two sessions, and no error', async () => {
    const login: Route = async ({ session }) => {
      const fresh = await session.regenerate();
      Reflect.set(fresh, 'user', 'ann');
      await fresh.save();
      return 'ok';
    };
    const gate = new Gate();
    const app = await startApp({
      ...routes,
      '/first': login,
      '/second': async (visit) => {
        await gate.pass();
        return login(visit);
      },
    });
    const browser = await visitor(app);
    const second = browser.send('/second');
    await gate.reached;
    expect(await browser.get('/first')).toMatchObject({ status: 200, setCookie: [expect.any(String)] });
    gate.open();
    expect(await second).toMatchObject({ status: 200, setCookie: [expect.any(String)] });
    expect(await recordCount(app)).toBe(2);
  });

  it("that rotates a user's session does not outlive a logout elsewhere", async () => {
    const { app, gate } = await startWithSlow(async ({ session }) => {
      await session.regenerate({ keep: true });
      return 'ok';
    });
    const browser = app.browser();
    await browser.get('/login');
    const slow = browser.send('/slow');
    await gate.reached;
    await browser.get('/logout');
    gate.open();
    const answer = await slow;
    expect(answer.setCookie).toEqual([]);
    expect(await recordCount(app)).toBe(0);
    expect(await app.sessions.list('u1')).toEqual([]);
  });

  it('refuses the old object, which stays readable', async () => {
    const app = await startApp({
      ...routes,
      '/old': async ({ session }) => {
        await session.regenerate({ keep: true });
        const codes = [session['n']];
        for (const misuse of [
          async () => void (session['n'] = 2),
          () => session.save(),
          () => session.destroy(),
          () => session.regenerate(),
          () => session.update('n', () => 3),
        ])
          codes.push(await misuse().catch((error: unknown) => Reflect.get(Object(error), 'code')));
        return codes;
      },
    });
    const browser = await visitor(app);
    expect(JSON.parse((await browser.get('/old')).text)).toEqual(['1', ...Array<string>(5).fill('SESSION_ENDED')]);
  });

  it('carries over an update that was still under way', async () => {
    const app = await startApp({
      ...routes,
      '/both': async ({ session }) => {
        app.store.before = () => new Promise((resolve) => setTimeout(resolve, 10));
        void session.update('n', (n) => Number(n) + 1);
        const fresh = await session.regenerate({ keep: true });
        return Reflect.get(fresh, 'n');
      },
    });
    const browser = await visitor(app);
    expect((await browser.get('/both')).status).toBe(200);
    app.store.before = undefined;
    expect(await seenBy(app, browser.cookie)).toEqual({ n: 2 });
  });

  it('carries over a save that was still under way, and leaves no second record', async () => {
    const app = await startApp({
      ...routes,
      '/both': async ({ session }) => {
        app.store.before = () => new Promise((resolve) => setTimeout(resolve, 10));
        session['n'] = 1;
        void session.save();
        await session.regenerate({ keep: true });
      },
    });
    const browser = app.browser();
    await browser.get('/both');
    app.store.before = undefined;
    expect(await seenBy(app, browser.cookie)).toEqual({ n: 1 });
    expect(await recordCount(app)).toBe(1);
  });
});

describe('reload', () => {
  it('of a session that came to its absolute timeout meanwhile says that it is gone', async () => {
    let now = Date.now();
    const { app, gate } = await startWithSlow(async ({ session }) => session.reload(), {
      clock: () => now,
      idleTimeoutMs: 60_000,
      absoluteTimeoutMs: 60_000,
    });
    const browser = await visitor(app);
    const slow = browser.send('/slow');
    await gate.reached;
    now += 60_000;
    gate.open();
    expect(await slow).toMatchObject({ status: 409, text: expect.stringContaining('SESSION_GONE') });
  });

  it('brings what others stored, and lets go of what was not saved', async () => {
    const { app, gate } = await startWithSlow(async ({ session }) => {
      session['mine'] = 1;
      session.persistent = false;
      await session.reload();
      return { ...session };
    });
    const browser = await visitor(app);
    const slow = browser.send('/slow');
    await gate.reached;
    await browser.get('/set?theirs=1');
    gate.open();
    const answer = await slow;
    expect(JSON.parse(answer.text)).toEqual({ n: '1', theirs: '1' });
    expect(answer.setCookie).toEqual([]);
    expect(await seenBy(app, browser.cookie)).toEqual({ n: '1', theirs: '1' });
  });
});

describe('update', () => {
  it('refuses a key with an assignment that is not stored, and leaves others alone', async () => {
    const app = await startApp({
      ...routes,
      '/both': async ({ session }) => {
        session['n'] = 5;
        const code = await session.update('n', () => 6).catch((error: unknown) => Reflect.get(Object(error), 'code'));
        await session.update('m', () => 7);
        return code;
      },
    });
    const browser = await visitor(app);
    expect((await browser.get('/both')).text).toBe('"UPDATE_PENDING"');
    expect(await seenBy(app, browser.cookie)).toEqual({ n: 5, m: 7 });
  });

  it('does not swallow an assignment that is made while it is under way', async () => {
    const app = await startApp({
      ...routes,
      '/both': async ({ session }) => {
        const update = session.update('n', (n) => Number(n) + 1);
        session['n'] = 'assigned';
        await update;
        return session['n'];
      },
    });
    const browser = await visitor(app);
    expect((await browser.get('/both')).text).toBe('"assigned"');
    expect(await seenBy(app, browser.cookie)).toEqual({ n: 'assigned' });
  });

  it('is not undone by an equal assignment before it', async () => {
    const app = await startApp({
      ...routes,
      '/both': async ({ session }) => {
        session['n'] = '1';
        await session.update('n', (n) => `${String(n)}!`);
        return session['n'];
      },
    });
    const browser = await visitor(app);
    expect((await browser.get('/both')).text).toBe('"1!"');
    expect(await seenBy(app, browser.cookie)).toEqual({ n: '1!' });
  });

  it('of a session that is not stored yet works on it, and is stored with the answer', async () => {
    const app = await startApp({
      ...routes,
      '/update': async ({ session }) => session.update('n', (n) => Number(n ?? 0) + 1),
    });
    const browser = app.browser();
    expect((await browser.get('/update')).text).toBe('1');
    expect(app.store.took()).toEqual(['create']);
    expect(await seenBy(app, browser.cookie)).toEqual({ n: 1 });
  });
});
