import { afterEach, describe, expect, it } from 'vitest';

import type { CookieOptions } from '../cookie/cookie.ts';
import { cookieSessions } from '../cookie/cookie-sessions.ts';
import { SessError } from '../errors.ts';
import { type Sessions, createSessions } from '../sessions.ts';
import { type ProbeStore, probeStore } from '../testing/probe-store.ts';
import { type AnySession, anySession, testSecret, watchEvents } from '../testing/test-app.ts';

// A browser keeps a cookie by its name, domain and path: after a deploy that changes one of these it sends two.

let watched: ReturnType<typeof watchEvents> | undefined;

afterEach(() => watched?.stop());

function configured(store: ProbeStore, cookie: CookieOptions): Sessions {
  return createSessions({ store, secret: testSecret, logger: false, env: {}, cookie: { name: 'sid', ...cookie } });
}

/** A browser below all paths in question, which knows a cookie's scope. */
class Jar {
  readonly cookies = new Map<string, string>();

  receive(line: string): void {
    const scope = /Domain=[^;]+/i.exec(line)?.[0] + ' ' + /Path=[^;]+/i.exec(line)?.[0];
    if (/Max-Age=0/.test(line)) this.cookies.delete(scope);
    else this.cookies.set(scope, line.split(';', 1)[0] ?? '');
  }

  get header(): string | undefined {
    return this.cookies.size === 0 ? undefined : [...this.cookies.values()].join('; ');
  }

  async visit<T>(sessions: Sessions, work: (session: AnySession) => T | Promise<T>): Promise<T> {
    const session = anySession(await sessions.open(this.header));
    const result = await work(session);
    const { setCookie, alsoClear = [] } = await sessions.commit(session);
    for (const line of [...alsoClear, ...(setCookie === undefined ? [] : [setCookie])]) this.receive(line);
    return result;
  }
}

const login = async (session: AnySession): Promise<void> => {
  anySession(await session.regenerate({ owner: 'ada' }))['user'] = 'ada';
};
const passportsLogin = async (session: AnySession): Promise<void> => {
  anySession(await session.regenerate())['user'] = 'ada';
};
const user = (session: AnySession): unknown => session['user'];

const changes: [string, CookieOptions, CookieOptions][] = [
  ['a domain', {}, { domain: 'example.com' }],
  ['no domain any more', { domain: 'example.com' }, {}],
  ['another domain', { domain: 'a.example.com' }, { domain: 'example.com' }],
  ['a path', {}, { path: '/app' }],
  ['no path any more', { path: '/app' }, {}],
  ['a domain and a path', {}, { domain: 'example.com', path: '/app' }],
];

describe.each(changes)('a deploy that sets %s', (_, before, after) => {
  it.each([
    ['owner', login],
    ['no owner', passportsLogin],
  ])('logs nobody out, and whoever logs out can log in again (with %s)', async (_name, login) => {
    const store = probeStore();
    const [old, now] = [configured(store, before), configured(store, after)];
    const jar = new Jar();
    await jar.visit(old, login);
    expect(await jar.visit(now, user)).toBe('ada');
    await jar.visit(now, (session) => session.destroy());
    for (let times = 0; times < 2; times += 1) {
      await jar.visit(now, login);
      expect(await jar.visit(now, user)).toBe('ada');
    }
    expect((await now.count()).count).toBe(1);
  });

  it.each([
    ['owner', login],
    ['no owner', passportsLogin],
  ])(
    'and a browser with two sessions that live: a login counts, and ends the others (with %s)',
    async (_name, login) => {
      const store = probeStore();
      const [old, now] = [configured(store, before), configured(store, after)];
      const jar = new Jar();
      await jar.visit(now, login);
      const other = new Jar();
      await other.visit(old, login);
      for (const [scope, value] of other.cookies) jar.cookies.set(scope, value);
      watched = watchEvents(['ambiguousCookie', 'destroyed']);
      expect(await jar.visit(now, user)).toBeUndefined();
      expect(watched.names()).toEqual(['ambiguousCookie']);
      await jar.visit(now, login);
      expect(watched.names()).toEqual(['ambiguousCookie', 'ambiguousCookie', 'destroyed', 'destroyed']);
      expect(await jar.visit(now, user)).toBe('ada');
      expect((await now.count()).count).toBe(1);
    },
  );

  it('and a browser with two sessions that live: a logout ends both', async () => {
    const store = probeStore();
    const [old, now] = [configured(store, before), configured(store, after)];
    const jar = new Jar();
    await jar.visit(now, login);
    const other = new Jar();
    await other.visit(old, login);
    for (const [scope, value] of other.cookies) jar.cookies.set(scope, value);
    await jar.visit(now, (session) => session.destroy());
    expect((await now.count()).count).toBe(0);
    expect(await jar.visit(now, user)).toBeUndefined();
  });
});

describe('several valid cookies', () => {
  const store = probeStore();
  const sessions = configured(store, {});

  /** Cookies of this many sessions; those of the numbers are ended from elsewhere. */
  async function header(count: number, ended: readonly number[] = []): Promise<string> {
    const cookies = [];
    for (let index = 0; index < count; index += 1) {
      const jar = new Jar();
      const handle = await jar.visit(sessions, (session) => ((session['user'] = `u${index}`), session.handle));
      if (ended.includes(index)) await sessions.revoke(handle);
      cookies.push(jar.header);
    }
    store.took();
    return cookies.join('; ');
  }

  it('the only one that lives counts, wherever it stands; the others are events', async () => {
    for (const living of [0, 1, 2]) {
      const cookies = await header(
        3,
        [0, 1, 2].filter((index) => index !== living),
      );
      watched = watchEvents(['unknownCookie', 'ambiguousCookie', 'opened']);
      expect(anySession(await sessions.open(cookies))['user']).toBe(`u${living}`);
      watched.stop();
      expect(watched.names()).toEqual(['unknownCookie', 'unknownCookie', 'opened']);
    }
  });

  it('none that lives is a visitor, whom a session is made for', async () => {
    const jar = new Jar();
    watched = watchEvents(['unknownCookie', 'ambiguousCookie']);
    const session = anySession(await sessions.open(await header(2, [0, 1])));
    expect(watched.names()).toEqual(['unknownCookie', 'unknownCookie']);
    session['user'] = 'new';
    jar.receive((await sessions.commit(session)).setCookie ?? '');
    expect(await jar.visit(sessions, user)).toBe('new');
  });

  it('cost a read each, and more than four none: they count as none', async () => {
    await sessions.open(await header(4, [0, 1, 2]));
    expect(store.took()).toEqual(Array(4).fill('read'));
    const five = await header(5, [0, 1, 2, 3]);
    watched = watchEvents(['ambiguousCookie']);
    expect(anySession(await sessions.open(five))['user']).toBeUndefined();
    expect([store.took(), watched.names()]).toEqual([[], ['ambiguousCookie']]);
  });

  it('one of which cannot be read is a fault, never a guess', async () => {
    const cookies = await header(2, [0]);
    let reads = 0;
    store.before = ({ verb }) => {
      if (verb === 'read' && (reads += 1) === 1) throw new SessError('STORE_UNAVAILABLE', 'down');
    };
    const session = anySession(await sessions.open(cookies));
    store.before = undefined;
    expect(() => session['user']).toThrow('down');
  });

  it('are not ended by a rotation, nor by a plain write', async () => {
    const cookies = await header(2);
    const size = (await sessions.count()).count;
    for (const work of [
      (session: AnySession) => session.regenerate({ keep: true }),
      (session: AnySession) => void (session['user'] = 'new'),
    ]) {
      const session = anySession(await sessions.open(cookies));
      await work(session);
      await sessions.commit(session);
    }
    expect((await sessions.count()).count).toBe(size + 1);
  });

  it('that hold the sessions themselves: a login clears that of this host alone, where there is a domain now', async () => {
    const holding = (cookie: CookieOptions): Sessions =>
      createSessions({
        store: cookieSessions(),
        secret: testSecret,
        logger: false,
        env: {},
        cookie: { name: 'sid', ...cookie },
      });
    const now = holding({ domain: 'example.com', path: '/app' });
    const jar = new Jar();
    await jar.visit(now, login);
    for (const cookie of [{}, { path: '/app' }, { domain: 'example.com' }]) {
      const other = new Jar();
      await other.visit(holding(cookie), login);
      for (const [scope, value] of other.cookies) jar.cookies.set(scope, value);
    }
    expect(await jar.visit(now, user)).toBeUndefined();
    await jar.visit(now, login);
    expect([jar.cookies.size, await jar.visit(now, user)]).toEqual([1, 'ada']);
  });
});
