import {
  type PassportApp,
  Visitor,
  checkPassword,
  serve,
  serveOAuthProvider,
  stopServers,
  testPassport,
} from '@sess/adapter-tests';
import express from 'express';
import express4 from 'express4';
import passport from 'passport';
import { Strategy as LocalStrategy } from 'passport-local';
import OAuth2Strategy from 'passport-oauth2';
import { afterEach, describe, expect, it } from 'vitest';

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
  async function start(): Promise<PassportApp> {
    const { sessions, store } = await testSessions();
    const auth = newPassport();
    auth.use(new LocalStrategy(checkPassword));

    const app = express();
    app.use(session(sessions));
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
    app.post('/login-with-message', auth.authenticate('local', { failureMessage: true }));
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
    const { url } = await serve(app);
    return { url, store };
  }

  testPassport(start, ['/login']);

  it('logging out with keepSessionInfo keeps the cart, without the user, under a new cookie', async () => {
    const { url } = await start();
    const visitor = new Visitor(url);
    await visitor.get('/fill');
    await visitor.post('/login-keeping', { username: 'ann', password: 'right' });
    const before = visitor.copy();
    await visitor.post('/logout-keeping');
    expect(await visitor.json('/data')).toEqual({ cart: ['book'], passport: {} });
    expect(await visitor.json('/me')).toMatchObject({ user: null });
    expect(await before.json('/data')).toEqual({});
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
