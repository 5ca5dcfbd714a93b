import { beforeEach, expect, it } from 'vitest';
import { type TestStore, takeDown } from './test-store.ts';
import { Visitor } from './visitor.ts';

export interface PassportApp {
  url: string;
  store: TestStore;
}

/**
 * What passport and its kin need of a session, whichever framework they run on.
 * @param start serves an app with these routes:
 * - `POST /login` leads to `/me` or `/failed`; `/login-returning` to where the visitor came from, and keeps the data;
 *   `/login-keeping` keeps the data; `/login-with-message` answers 401 and keeps `failureMessage`;
 *   `/login-without-session-strategy` stands in front of passport's own middleware
 * - `POST /logout` leads to `/me`
 * - `GET /me` tells user and handle, `/private` wants a login, `/fill` puts a book in the cart, `/data` tells all
 * @param logins what logs in, and leads to `/me`
 */
export function testPassport(start: () => Promise<PassportApp>, logins: readonly string[]): void {
  let store: TestStore;
  let visitor: Visitor;

  beforeEach(async () => {
    const app = await start();
    ({ store } = app);
    visitor = new Visitor(app.url);
  });

  const user = { username: 'ann', password: 'right' };

  it.each(logins)(
    'logs in at %s: the page behind the redirect knows the user, and so does every later one',
    async (path) => {
      const login = await visitor.post(path, user);
      expect([login.status, login.headers.get('location')]).toEqual([302, '/me']);
      expect(login.headers.getSetCookie()).toHaveLength(1);
      expect(await visitor.json('/me')).toMatchObject({ user: { id: 'ann' } });
      const again = await visitor.get('/me');
      expect(again.headers.getSetCookie()).toEqual([]);
      expect(await again.json()).toMatchObject({ user: { id: 'ann' } });
    },
  );

  it('a failing login redirects, makes no session and sets no cookie', async () => {
    const failed = await visitor.post('/login', { ...user, password: 'wrong' });
    expect([failed.status, failed.headers.get('location')]).toEqual([302, '/failed']);
    expect(failed.headers.getSetCookie()).toEqual([]);
    expect(await store.size()).toBe(0);
  });

  it('keeps the messages of failing logins in the session (failureMessage)', async () => {
    for (let n = 0; n < 2; n++) {
      const failed = await visitor.post('/login-with-message', { ...user, password: 'wrong' });
      expect(failed.status).toBe(401);
    }
    expect(await visitor.json('/data')).toEqual({ messages: ['wrong password', 'wrong password'] });
  });

  it('returns to the page that asked for the login, once', async () => {
    expect((await visitor.get('/private')).headers.get('location')).toBe('/login');
    expect((await visitor.post('/login-returning', user)).headers.get('location')).toBe('/private');
    expect(await visitor.text('/private')).toBe('welcome');
    expect(await visitor.json('/data')).not.toHaveProperty('returnTo');
  });

  it('session fixation: the cookie from before the login is dead, and its data is not taken over', async () => {
    await visitor.get('/fill');
    const attacker = visitor.copy();
    const before = await visitor.json('/me');
    await visitor.post('/login', user);
    expect(visitor.cookieHeader).not.toBe(attacker.cookieHeader);
    expect(await visitor.json('/me')).not.toMatchObject({ handle: Reflect.get(before as object, 'handle') });
    expect(await attacker.json('/me')).toMatchObject({ user: null });
    expect(await attacker.json('/data')).toEqual({});
    expect(await visitor.json('/data')).toEqual({ passport: { user: 'ann' } });
    expect(await store.size()).toBe(1);
  });

  it('keepSessionInfo takes the data over to the new session', async () => {
    await visitor.get('/fill');
    const old = visitor.copy();
    await visitor.post('/login-keeping', user);
    expect(await visitor.json('/data')).toEqual({ cart: ['book'], passport: { user: 'ann' } });
    expect(await old.json('/data')).toEqual({});
  });

  it('logs out: nothing is left, neither of the user nor of the session, and a copied cookie is dead', async () => {
    await visitor.post('/login', user);
    const thief = visitor.copy();
    expect(await thief.json('/me')).toMatchObject({ user: { id: 'ann' } });
    const logout = await visitor.post('/logout');
    expect(logout.headers.get('location')).toBe('/me');
    expect(visitor.cookies.size).toBe(0);
    expect(await visitor.json('/me')).toMatchObject({ user: null });
    expect(await thief.json('/me')).toMatchObject({ user: null });
    expect(await store.size()).toBe(0);
  });

  it('logging in again as somebody else leaves nothing of the first user', async () => {
    await visitor.post('/login', user);
    const first = visitor.copy();
    await visitor.post('/login', { username: 'bob', password: 'right' });
    expect(await visitor.json('/me')).toMatchObject({ user: { id: 'bob' } });
    expect(await first.json('/me')).toMatchObject({ user: null });
  });

  it('a login that cannot be stored is a 503, and no cookie', async () => {
    store.down.add('create');
    const login = await visitor.post('/login', user);
    expect([login.status, login.headers.get('retry-after')]).toEqual([503, '1']);
    expect(login.headers.getSetCookie()).toEqual([]);
    store.down.clear();
    expect((await visitor.post('/login', user)).status).toBe(302);
  });

  it('a logout that cannot be stored is a 503, and the user is still logged in', async () => {
    await visitor.post('/login', user);
    store.down.add('destroy').add('replace');
    const logout = await visitor.post('/logout');
    expect([logout.status, logout.headers.getSetCookie()]).toEqual([503, []]);
    store.down.clear();
    expect(await visitor.json('/me')).toMatchObject({ user: { id: 'ann' } });
    expect((await visitor.post('/logout')).status).toBe(302);
    expect(await visitor.json('/me')).toMatchObject({ user: null });
  });

  it('while the store is down a known visitor gets a 503, never a logged-out page', async () => {
    await visitor.post('/login', user);
    takeDown(store);
    const page = await visitor.get('/me');
    expect([page.status, page.headers.getSetCookie()]).toEqual([503, []]);
  });

  it('a login looks at the session first in a callback: the fault is passed on, not thrown at nobody', async () => {
    await visitor.post('/login', user);
    takeDown(store);
    const login = await visitor.post('/login-without-session-strategy', user);
    expect([login.status, login.headers.get('retry-after')]).toEqual([503, '1']);
  });
}
