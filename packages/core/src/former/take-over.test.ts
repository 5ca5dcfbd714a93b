import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { sign } from 'cookie-signature';
import { describe, expect, it } from 'vitest';

import { type ConnectSidOptions, connectSid, cookieSession } from '../formerly.ts';
import {
  type SessionStore,
  type SessionsOptions,
  cookieSessions,
  createSessions,
  currentSession,
  memoryStore,
} from '../index.ts';
import { type AnySession, anySession } from '../testing/test-app.ts';

const secret = 'PV3x8kN0qzq0m1Tt9yJ2bq7rGdLwXoEhYcUaSfIi4Zk';
const oldSecret = 'keyboard cat';

/** A store as express-session's users have it, whose answers and faults a test decides. */
class OldStore {
  readonly sessions = new Map<string, object>();
  reads = 0;
  removals = 0;
  isRemoving = true;
  answers: (answer: () => void) => void = setImmediate;
  get(id: string, callback: (error: unknown, session?: unknown) => void): void {
    this.reads += 1;
    const found = this.sessions.get(id);
    this.answers(() => callback(null, found));
  }
  destroy(id: string, callback: (error?: unknown) => void): void {
    this.removals += 1;
    if (this.isRemoving) this.sessions.delete(id);
    setImmediate(() => callback(this.isRemoving ? undefined : new Error('the old store is read-only')));
  }
}

function app(more: Partial<ConnectSidOptions> = {}, options: SessionsOptions = {}) {
  const old = new OldStore();
  const clock = { now: 1_000_000 };
  const store = memoryStore({ clock: () => clock.now });
  const formerly = connectSid({ secret: oldSecret, store: old, ...more });
  const start = () =>
    createSessions({ store, secret, formerly, logger: false, env: {}, clock: () => clock.now, ...options });
  return { old, store, clock, start, sessions: start() };
}

const oldCookie = (id: string, by = oldSecret): string => `connect.sid=${encodeURIComponent(`s:${sign(id, by)}`)}`;
const pair = (setCookie = ''): string => setCookie.split(';')[0] ?? '';
const AFTER_END_MARKER_MS = 61_000;

describe('a session of express-session', () => {
  it('goes on under a cookie of ours, with all its data', async () => {
    const { old, sessions } = app();
    const data = { user: 'u1', cart: ['x'], when: 0 };
    old.sessions.set('abc', { cookie: { originalMaxAge: null }, ...data, missing: undefined });
    const session = await sessions.open(oldCookie('abc'));
    expect(session.toJSON()).toEqual(data);
    const { setCookie, alsoClear } = await sessions.commit(session);
    expect(alsoClear).toEqual([expect.stringMatching(/^connect\.sid=; Max-Age=0; Path=\/; Expires=Thu, 01 Jan 1970/)]);
    expect(old.sessions.size).toBe(0);
    const next = await sessions.open(pair(setCookie));
    expect(next.toJSON()).toEqual(data);
    expect((await sessions.commit(next)).setCookie).toBeUndefined();
  });

  it('that a wrong secret does not open is told once a process, and each time as an event', async () => {
    const warnings: string[] = [];
    const told: unknown[] = [];
    const listener = (event: unknown): void => void told.push(event);
    subscribe('sess:badSignature', listener);
    const logger = { info() {}, warn: (line: string) => void warnings.push(line), error() {} };
    const name = `old.${randomUUID()}`;
    const header = (by: string): string => oldCookie('abc', by).replace('connect.sid', name);
    try {
      const { old, start } = app({ name }, { logger });
      old.sessions.set('abc', { cookie: {}, user: 'u1' });
      const workers = [start(), start()];
      await workers[0]?.open(undefined);
      await workers[0]?.open(header(oldSecret));
      await workers[0]?.open('other=1');
      expect([warnings, told]).toEqual([[], []]);
      for (const sessions of workers) await sessions.open(header('another secret'));
      expect(warnings).toEqual([
        expect.stringMatching(/^Session warning: a cookie old\.\S+ came that opens with no secret/),
      ]);
      expect(told).toEqual([{ cookie: name }, { cookie: name }]);
    } finally {
      unsubscribe('sess:badSignature', listener);
    }
  });

  it('is one session to all requests that bring the old cookie, in each worker', async () => {
    const { old, start } = app();
    old.sessions.set('abc', { cookie: {}, n: 0 });
    const workers = [start(), start()];
    const cookies = await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        const sessions = workers[index % 2] ?? start();
        const session = anySession(await sessions.open(oldCookie('abc')));
        await session.update('n', (n) => Number(n) + 1);
        return pair((await sessions.commit(session)).setCookie);
      }),
    );
    expect(new Set(cookies).size).toBe(1);
    expect(anySession(await start().open(cookies[0]))['n']).toBe(12);
  });

  it('is the same one whichever of the old secrets has signed its cookie', async () => {
    const { old, sessions } = app({ secret: ['second secret', oldSecret] });
    old.sessions.set('abc', { cookie: {}, user: 'u1' });
    const cookies = [oldCookie('abc'), oldCookie('abc', 'second secret')];
    const opened = await Promise.all(cookies.map((cookie) => sessions.open(cookie)));
    expect(new Set(opened.map(({ handle }) => handle)).size).toBe(1);
    expect(opened.map((session) => anySession(session)['user'])).toEqual(['u1', 'u1']);
  });

  it('lives as long as it did there, and its cookie ends with the browser if it did there', async () => {
    const { old, clock, sessions } = app({}, { absoluteTimeoutMs: 90 * 86_400_000 });
    const days = (count: number) => ({ originalMaxAge: count * 86_400_000 });
    old.sessions.set('remembered', { cookie: days(60) });
    old.sessions.set('for-ever', { cookie: { originalMaxAge: Number.MAX_SAFE_INTEGER } });
    old.sessions.set('browser', { cookie: { originalMaxAge: null } });
    // As stores leave it that only move their own deadline at a touch: what has ended, they do not find.
    old.sessions.set('touched', {
      cookie: { ...days(60), expires: new Date(clock.now - 1).toISOString() },
      user: 'u1',
    });
    const remembered = await sessions.open(oldCookie('remembered'));
    expect([remembered.persistent, remembered.idleTimeoutMs]).toEqual([true, 60 * 86_400_000]);
    expect((await sessions.open(oldCookie('for-ever'))).expiresAt.getTime()).toBe(clock.now + 90 * 86_400_000);
    const browser = await sessions.open(oldCookie('browser'));
    expect([browser.persistent, browser.idleTimeoutMs]).toEqual([false, 86_400_000]);
    expect((await sessions.commit(browser)).setCookie).not.toContain('Max-Age');
    const touched = await sessions.open(oldCookie('touched'));
    expect([touched.isNew, touched.expiresAt.getTime()]).toEqual([false, clock.now + 60 * 86_400_000]);
  });

  it('belongs to whom its data names', async () => {
    const { old, sessions } = app({ owner: ({ user }) => (typeof user === 'string' ? user : null) });
    old.sessions.set('abc', { cookie: {}, user: 'u1' });
    old.sessions.set('nobody', { cookie: {}, cart: [] });
    const session = await sessions.open(oldCookie('abc'));
    expect(session.owner).toBe('u1');
    await sessions.revokeAll('u1');
    expect((await sessions.open(oldCookie('abc'))).isNew).toBe(true);
    expect((await sessions.open(oldCookie('nobody'))).owner).toBeUndefined();
  });

  it('is not taken over for an owner that is no text, which is said', async () => {
    const mistake = (): never => {
      throw new TypeError("Cannot read properties of undefined (reading 'id')");
    };
    const owners = [() => 7 as never, () => '', mistake];
    for (const owner of owners) {
      const { old, sessions } = app({ owner });
      old.sessions.set('abc', { cookie: {} });
      const session = await sessions.open(oldCookie('abc'));
      expect(() => session.toJSON()).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
      expect(old.sessions.size).toBe(1);
    }
  });

  it('does not count beside a cookie of ours', async () => {
    const { old, sessions } = app();
    old.sessions.set('abc', { cookie: {}, user: 'old' });
    const ours = anySession(await sessions.open(undefined));
    ours['user'] = 'ours';
    const { setCookie } = await sessions.commit(ours);
    expect(anySession(await sessions.open(`${oldCookie('abc')}; ${pair(setCookie)}`))['user']).toBe('ours');
    expect(old.reads).toBe(0);
  });

  it('whose cookie has the name of ours is replaced by ours, which nothing clears', async () => {
    const { old, sessions } = app({ name: 'sid' });
    old.sessions.set('abc', { cookie: {}, user: 'u1' });
    const session = await sessions.open(oldCookie('abc').replace('connect.sid', 'sid'));
    expect(anySession(session)['user']).toBe('u1');
    const { setCookie, alsoClear } = await sessions.commit(session);
    expect(setCookie).toMatch(/^sid=[^;]{80}/);
    expect(alsoClear).toBeUndefined();
  });
});

describe('the old cookie of a session that has ended', () => {
  it('is nobody, and is cleared with the logout', async () => {
    const { old, clock, sessions } = app();
    old.sessions.set('abc', { cookie: {}, user: 'u1' });
    const session = await sessions.open(oldCookie('abc'));
    await session.destroy();
    const { setCookie, alsoClear = [] } = await sessions.commit(session);
    expect(setCookie).toMatch(/^sid=; Max-Age=0/);
    expect(alsoClear).toHaveLength(1);
    expect((await sessions.open(oldCookie('abc'))).isNew).toBe(true);
    clock.now += AFTER_END_MARKER_MS;
    expect((await sessions.open(oldCookie('abc'))).isNew).toBe(true);
  });

  it('is nobody, though an old worker that was still answering has saved its record again', async () => {
    const { old, clock, sessions } = app();
    const record = { cookie: {}, user: 'u1' };
    old.sessions.set('abc', record);
    const session = await sessions.open(oldCookie('abc'));
    old.sessions.set('abc', record);
    await session.destroy();
    await sessions.commit(session);
    for (const laterMs of [0, AFTER_END_MARKER_MS, 29 * 86_400_000]) {
      clock.now += laterMs;
      expect((await sessions.open(oldCookie('abc'))).isNew).toBe(true);
    }
  });

  it('is nobody where the old record could not be removed: no logout is confirmed before it is', async () => {
    const { old, clock, sessions } = app();
    old.sessions.set('abc', { cookie: {}, user: 'u1' });
    old.isRemoving = false;
    const session = await sessions.open(oldCookie('abc'));
    await expect(session.destroy()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    const failed = await sessions.commit(session, 503);
    expect([failed.setCookie, failed.alsoClear]).toEqual([undefined, undefined]);

    old.isRemoving = true;
    const again = await sessions.open(oldCookie('abc'));
    expect(anySession(again)['user']).toBe('u1');
    await again.destroy();
    clock.now += AFTER_END_MARKER_MS;
    expect((await sessions.open(oldCookie('abc'))).isNew).toBe(true);
  });

  it('is nobody after a login, whose session has another token', async () => {
    const { old, clock, sessions } = app();
    old.sessions.set('abc', { cookie: {}, cart: ['x'] });
    const session = anySession(await sessions.open(oldCookie('abc')));
    const fresh = anySession(await session.regenerate({ owner: 'u1', keep: true }));
    fresh['user'] = 'u1';
    const { setCookie } = await sessions.commit(fresh);
    expect((await sessions.open(oldCookie('abc'))).toJSON()).toEqual({});
    clock.now += AFTER_END_MARKER_MS;
    expect((await sessions.open(oldCookie('abc'))).toJSON()).toEqual({});
    expect((await sessions.open(pair(setCookie))).toJSON()).toEqual({ cart: ['x'], user: 'u1' });
  });

  it('is nobody to a request that has waited for the old store meanwhile', async () => {
    const { old, clock, sessions } = app();
    old.sessions.set('abc', { cookie: {}, user: 'u1' });
    let answer = (): void => {};
    const isWaiting = new Promise<void>((resolve) => {
      old.answers = (given) => {
        answer = given;
        resolve();
      };
    });
    const late = sessions.open(oldCookie('abc'));
    await isWaiting;
    old.answers = setImmediate;
    await (await sessions.open(oldCookie('abc'))).destroy();
    answer();
    expect((await late).toJSON()).toEqual({});
    clock.now += AFTER_END_MARKER_MS;
    expect((await sessions.open(oldCookie('abc'))).isNew).toBe(true);
  });

  it('is not taken for nobody by a request that another one overtakes', async () => {
    const { old, store, sessions } = app();
    old.sessions.set('abc', { cookie: {}, user: 'u1' });
    const read = old.get.bind(old);
    let answer = (): void => {};
    const isAsked = new Promise<void>((resolve) => {
      old.get = (_, callback) => {
        answer = () => callback(null);
        resolve();
      };
    });
    // Our session was not there yet, and the old record is not there any more.
    const late = sessions.open(oldCookie('abc'));
    await isAsked;
    old.get = read;
    expect(anySession(await sessions.open(oldCookie('abc')))['user']).toBe('u1');
    answer();
    expect(anySession(await late)['user']).toBe('u1');

    // Our session was not there yet, and then the marker says that it is.
    old.sessions.set('def', { cookie: {}, user: 'u2' });
    let letRead = (): void => {};
    const isReleased = new Promise<void>((resolve) => (letRead = resolve));
    let reads = 0;
    const slow: SessionStore = {
      ...store,
      async read(key, by) {
        reads += 1;
        if (reads === 2) await isReleased;
        return store.read(key, by);
      },
    };
    const overtaken = app({ store: old }, { store: slow }).sessions.open(oldCookie('def'));
    expect(anySession(await sessions.open(oldCookie('def')))['user']).toBe('u2');
    letRead();
    expect(anySession(await overtaken)['user']).toBe('u2');
  });

  it('asks the old store no more, once its session has been taken over', async () => {
    const { old, sessions } = app();
    old.sessions.set('abc', { cookie: {}, user: 'u1' });
    for (const _ of [1, 2, 3]) expect(anySession(await sessions.open(oldCookie('abc')))['user']).toBe('u1');
    expect([old.reads, old.removals]).toEqual([1, 1]);
  });
});

describe('formerly', () => {
  it('lets an old store that does not answer fail the request in time, and keeps the cookie', async () => {
    const { old, sessions } = app({}, { timeouts: { openMs: 50 } });
    old.sessions.set('abc', { cookie: {}, user: 'u1' });
    let answer = (): void => {};
    old.answers = (given) => void (answer = given);
    const session = await sessions.open(oldCookie('abc'));
    expect(() => session.toJSON()).toThrow(expect.objectContaining({ code: 'STORE_TIMEOUT', status: 503 }));
    expect(await sessions.commit(session, 503)).toMatchObject({ fault: true });
    // Nothing is made of an answer that comes after all.
    answer();
    await new Promise(setImmediate);
    expect(old.sessions.size).toBe(1);
    old.answers = setImmediate;
    expect(anySession(await sessions.open(oldCookie('abc')))['user']).toBe('u1');
  });

  it('says of a fault of the old store that it was the old one', async () => {
    const lines: string[] = [];
    const error = (line: string): void => void lines.push(line);
    const { old, sessions } = app({}, { logger: { info: () => {}, warn: () => {}, error } });
    old.get = (_, callback) => callback(new Error('no route to redis://:hidden@old'));
    const session = await sessions.open(oldCookie('abc'));
    expect(() => session.toJSON()).toThrow(/The old session store failed to read a session/);
    expect(lines).toEqual([
      'Session error STORE_UNAVAILABLE: The old session store failed to read a session, so it is not taken over.',
    ]);
  });

  it('of several takes the first library whose cookie is genuine', async () => {
    const { old, sessions } = app({}, {});
    const library = connectSid({ secret: oldSecret, store: old });
    const several = createSessions({
      store: memoryStore(),
      secret,
      formerly: [cookieSession({ keys: ['k'] }), library],
      logger: false,
      env: {},
    });
    old.sessions.set('abc', { cookie: {}, user: 'u1' });
    const session = await several.open(`session=e30=; session.sig=forged; ${oldCookie('abc')}`);
    expect(anySession(session)['user']).toBe('u1');
    expect((await sessions.open(undefined)).isNew).toBe(true);
  });

  it('needs a store of ours, and what it is given must be of @sess/core/formerly', () => {
    const formerly = cookieSession({ keys: ['k'] });
    const create = (options: object) => () => createSessions({ secret, logger: false, env: {}, ...options });
    expect(create({ formerly, store: cookieSessions() })).toThrow(/Option formerly needs a store/);
    expect(create({ formerly: 'express-session', store: memoryStore() })).toThrow(/Option formerly must come from/);
    expect(create({ formerly, env: { NODE_ENV: 'test' } })).not.toThrow();
  });

  it('a slow answer sends its cookie only if no login, rotation or logout came in between', async () => {
    const verbs = {
      login: async (session: AnySession) => void anySession(await session.regenerate({ owner: 'ada' })),
      rotation: async (session: AnySession) => void (await session.rotate()),
      logout: async (session: AnySession) => session.destroy(),
    };
    for (const verb of Object.values(verbs)) {
      const { old, sessions } = app();
      old.sessions.set('abc', { cookie: {}, user: 'ada' });
      const slow = await sessions.open(oldCookie('abc'));
      const quick = anySession(await sessions.open(oldCookie('abc')));
      await verb(quick);
      await sessions.commit(currentSession(quick));
      expect((await sessions.commit(slow)).setCookie).toBeUndefined();
    }
  });

  it('that lives for longer than a month does not come back after a logout in all that time', async () => {
    const { old, clock, sessions } = app({}, { absoluteTimeoutMs: 400 * 86_400_000 });
    const record = { cookie: { originalMaxAge: 365 * 86_400_000 }, user: 'ada' };
    old.sessions.set('abc', record);
    const session = await sessions.open(oldCookie('abc'));
    await session.destroy();
    await sessions.commit(session);
    // An old worker saves it again.
    old.sessions.set('abc', record);
    clock.now += 300 * 86_400_000;
    expect((await sessions.open(oldCookie('abc'))).isNew).toBe(true);
  });
});
