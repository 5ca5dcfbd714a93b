import { bodyParser } from '@koa/bodyparser';
import Router from '@koa/router';
import { type TestStore, Visitor, checkPassword, stopServers, takeDown } from '@sess/adapter-tests';
import Koa from 'koa';
import koaPassport from 'koa-passport';
import Koa2 from 'koa2';
import { Strategy as LocalStrategy } from 'passport-local';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { serve, testSessions, versions } from '../test/kit.ts';
import { session } from './index.ts';

interface User {
  id: string;
}

/** Every app has a passport of its own, as it would in a process of its own. */
function newPassport(): InstanceType<typeof koaPassport.KoaPassport> {
  const fresh = new koaPassport.KoaPassport();
  fresh.serializeUser((user, done) => done(null, (user as User).id));
  fresh.deserializeUser((id: string, done) => done(null, { id }));
  fresh.use(new LocalStrategy(checkPassword));
  return fresh;
}

afterEach(stopServers);

describe.each(versions(Koa, Koa2))('koa-passport on %s', (_version, Koa) => {
  let store: TestStore;
  let visitor: Visitor;

  beforeEach(async () => {
    const test = await testSessions();
    ({ store } = test);
    const auth = newPassport();
    const app = new Koa();
    app.silent = true;
    app.use(session(test.sessions));
    app.use(bodyParser());
    app.use(auth.initialize());

    const early = new Router();
    early.post('/login-without-session-strategy', auth.authenticate('local', { successRedirect: '/me' }));
    app.use(early.routes());

    app.use(auth.session());
    const router = new Router();
    router.post('/login', auth.authenticate('local', { successRedirect: '/me', failureRedirect: '/failed' }));
    router.post(
      '/login-returning',
      auth.authenticate('local', { successReturnToOrRedirect: '/me', keepSessionInfo: true }),
    );
    router.post('/login-with-message', auth.authenticate('local', { failureMessage: true }));
    router.post('/login-keeping', auth.authenticate('local', { successRedirect: '/me', keepSessionInfo: true }));
    router.post('/login-by-hand', (ctx, next) =>
      auth.authenticate('local', async (_error: unknown, user: User | false) => {
        if (user === false) ctx.throw(401);
        await ctx.login(user);
        ctx.redirect('/me');
      })(ctx, next),
    );
    router.post('/logout', async (ctx) => {
      await ctx.logout();
      ctx.redirect('/me');
    });
    router.get('/me', (ctx) => void (ctx.body = { user: ctx.state['user'] ?? null, handle: ctx.session.handle }));
    router.get('/private', (ctx) => {
      if (ctx.isAuthenticated()) return void (ctx.body = 'welcome');
      Object.assign(ctx.session, { returnTo: '/private' });
      ctx.redirect('/login');
    });
    router.get('/fill', (ctx) => {
      ctx.session.cart = ['book'];
      ctx.body = 'filled';
    });
    router.get('/data', (ctx) => void (ctx.body = ctx.session.toJSON()));
    app.use(router.routes());
    visitor = new Visitor((await serve(app)).url);
  });

  const user = { username: 'ann', password: 'right' };

  it.each(['/login', '/login-by-hand'])(
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

  // With koa-session the data goes along: its regenerate() changes the id alone.
  it('session fixation: the cookie from before the login is dead, and its data is not taken over', async () => {
    await visitor.get('/fill');
    const attacker = visitor.copy();
    await visitor.post('/login', user);
    expect(visitor.cookieHeader).not.toBe(attacker.cookieHeader);
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

  it('a login that can not be stored is a 503, and no cookie', async () => {
    store.down.add('create');
    const login = await visitor.post('/login', user);
    expect([login.status, login.headers.get('retry-after')]).toEqual([503, '1']);
    expect(login.headers.getSetCookie()).toEqual([]);
    store.down.clear();
    expect((await visitor.post('/login', user)).status).toBe(302);
  });

  it('a logout that can not be stored is a 503, and the user is still logged in', async () => {
    await visitor.post('/login', user);
    store.down.add('destroy').add('update');
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
});
