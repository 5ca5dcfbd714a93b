import {
  type TestStore,
  Visitor,
  checkPassword,
  serve,
  serveOAuthProvider,
  stopServers,
  takeDown,
} from '@sess/adapter-tests';
import express from 'express';
import express4 from 'express4';
import passport from 'passport';
import { Strategy as LocalStrategy } from 'passport-local';
import OAuth2Strategy from 'passport-oauth2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { testSessions, versions } from '../test/kit.ts';
import { session } from './index.ts';

interface User {
  id: string;
}

/** Every app has a passport of its own, as it would in a process of its own. */
function newPassport(): passport.PassportStatic {
  const { Passport } = passport as unknown as { Passport: new () => passport.PassportStatic };
  const fresh = new Passport();
  fresh.serializeUser((user, done) => done(null, (user as User).id));
  fresh.deserializeUser((id: string, done) => done(null, { id }));
  return fresh;
}

afterEach(stopServers);

describe.each(versions(express, express4))('passport on %s', (_version, express) => {
  let store: TestStore;
  let url: string;
  let visitor: Visitor;

  beforeEach(async () => {
    const test = await testSessions();
    ({ store } = test);
    const auth = newPassport();
    auth.use(new LocalStrategy(checkPassword));

    const app = express();
    app.use(session(test.sessions));
    app.post(
      '/login-without-session-strategy',
      express.urlencoded({ extended: false }),
      auth.authenticate('local', { successRedirect: '/me' }),
    );
    app.use(express.urlencoded({ extended: false }), auth.initialize(), auth.authenticate('session'));
    app.post('/login', auth.authenticate('local', { successRedirect: '/me', failureRedirect: '/failed' }));
    app.post(
      '/login-returning',
      auth.authenticate('local', { successReturnToOrRedirect: '/me', keepSessionInfo: true }),
    );
    app.post('/login-failing-with-message', auth.authenticate('local', { failureMessage: true }));
    app.post('/login-keeping', auth.authenticate('local', { successRedirect: '/me', keepSessionInfo: true }));
    app.post('/logout', (req, res, next) => {
      req.logout((error) => (error ? next(error) : res.redirect('/me')));
    });
    app.post('/logout-keeping', (req, res, next) => {
      req.logout({ keepSessionInfo: true }, (error) => (error ? next(error) : res.redirect('/me')));
    });
    app.get('/me', (req, res) => void res.json({ user: req.user ?? null, handle: req.sessionID }));
    app.get('/private', (req, res) => {
      if (req.isAuthenticated()) return void res.send('welcome');
      Object.assign(req.session, { returnTo: '/private' });
      res.redirect('/login');
    });
    app.get('/fill', (req, res) => {
      req.session.cart = ['book'];
      res.send('filled');
    });
    app.get('/data', (req, res) => void res.json(req.session));
    ({ url } = await serve(app));
    visitor = new Visitor(url);
  });

  const user = { username: 'ann', password: 'right' };

  it('logs in: the page behind the redirect knows the user, and so does every later one', async () => {
    const login = await visitor.post('/login', user);
    expect([login.status, login.headers.get('location')]).toEqual([302, '/me']);
    expect(login.headers.getSetCookie()).toHaveLength(1);
    expect(await visitor.json('/me')).toMatchObject({ user: { id: 'ann' } });
    const again = await visitor.get('/me');
    expect(again.headers.getSetCookie()).toEqual([]);
    expect(await again.json()).toMatchObject({ user: { id: 'ann' } });
  });

  it('a failing login redirects, makes no session and sets no cookie', async () => {
    const failed = await visitor.post('/login', { ...user, password: 'wrong' });
    expect([failed.status, failed.headers.get('location')]).toEqual([302, '/failed']);
    expect(failed.headers.getSetCookie()).toEqual([]);
    expect(await store.size()).toBe(0);
  });

  it('keeps the messages of failing logins in the session (failureMessage)', async () => {
    for (let n = 0; n < 2; n++) {
      const failed = await visitor.post('/login-failing-with-message', { ...user, password: 'wrong' });
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

  it('logging out with keepSessionInfo keeps the cart, without the user, under a new cookie', async () => {
    await visitor.get('/fill');
    await visitor.post('/login-keeping', user);
    const before = visitor.copy();
    await visitor.post('/logout-keeping');
    expect(await visitor.json('/data')).toEqual({ cart: ['book'], passport: {} });
    expect(await visitor.json('/me')).toMatchObject({ user: null });
    expect(await before.json('/data')).toEqual({});
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

describe.each(versions(express, express4))('passport-oauth2 on %s', (_version, express) => {
  it.each([{ pkce: false }, { pkce: true }])('keeps its state in the session ($pkce)', async ({ pkce }) => {
    const provider = await serveOAuthProvider();
    const { sessions } = await testSessions();
    const auth = newPassport();
    auth.use(
      'oauth',
      new OAuth2Strategy(
        {
          authorizationURL: `${provider}/authorize`,
          tokenURL: `${provider}/token`,
          clientID: 'client',
          clientSecret: 'secret',
          callbackURL: '/callback',
          state: true,
          ...(pkce ? { pkce: true } : {}),
        } as OAuth2Strategy.StrategyOptions,
        (accessToken: string, _refresh: string, _profile: object, done: OAuth2Strategy.VerifyCallback) =>
          done(null, { id: accessToken }),
      ),
    );
    const app = express();
    app.use(session(sessions), auth.authenticate('session'));
    app.get('/login', auth.authenticate('oauth'));
    app.get('/callback', auth.authenticate('oauth', { successRedirect: '/me' }));
    app.get('/me', (req, res) => void res.json({ user: req.user ?? null, session: req.session }));
    const { url } = await serve(app);

    const visitor = new Visitor(url);
    const toProvider = new URL((await visitor.get('/login')).headers.get('location') ?? '');
    const state = toProvider.searchParams.get('state') ?? '';
    expect(state).not.toBe('');
    const stranger = new Visitor(url);
    expect((await stranger.get(`/callback?code=abc&state=${encodeURIComponent(state)}`)).status).toBe(403);
    const back = await visitor.get(`/callback?code=abc&state=${encodeURIComponent(state)}`);
    expect(back.headers.get('location')).toBe('/me');
    expect(await visitor.json('/me')).toEqual({
      user: { id: 'for abc' },
      session: { passport: { user: 'for abc' } },
    });
    // The state was good for one time.
    expect((await visitor.get(`/callback?code=abc&state=${encodeURIComponent(state)}`)).status).toBe(403);
  });
});
