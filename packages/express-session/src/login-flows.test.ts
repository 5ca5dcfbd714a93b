import { ExpressAuth, getSession } from '@auth/express';
import credentials from '@auth/express/providers/credentials';
import { Visitor, checkPassword, grantConfig, serveOAuthProvider, stopServers } from '@sess/adapter-tests';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { afterEach } from 'vitest';

import { type Flow, type Told, goOnAsBefore, got, line, set } from '../test/flow.ts';
import { secret } from '../test/kit.ts';
import { openNest } from '../test/nest-app.ts';
import { serveOpenIdProvider } from '../test/openid-provider.ts';
import {
  type Auth,
  Passport,
  ensureLoggedIn,
  ensureLoggedOut,
  grant,
  openIdConnect,
  passportLocal,
  passportOAuth2,
  passportOpenId,
} from '../test/others.ts';

afterEach(stopServers);

const form = express.urlencoded({ extended: false });
const user = { username: 'ann', password: 'right' };

function newPassport(): Auth {
  const auth = new Passport();
  auth.serializeUser(({ id }, done) => done(null, id));
  auth.deserializeUser((id, done) => done(null, { id }));
  return auth;
}

function accountRoutes(app: Express): void {
  app.get('/me', (req, res) => {
    const data = Object.entries(req.session).filter(([name]) => name !== 'cookie');
    res.json({ user: Reflect.get(req, 'user') ?? null, data: Object.fromEntries(data) });
  });
  app.post('/logout', (req, res, next) => {
    Reflect.apply(Reflect.get(req, 'logout'), req, [(error: unknown) => (error ? next(error) : res.redirect('/me'))]);
  });
}

/** The way of a login at a provider: there, back, and once more with the same state. */
async function loginAt(visitor: Visitor, path: string, onAway: (away: URL) => void = () => {}): Promise<Told> {
  const there = await visitor.get(path);
  const away = new URL(there.headers.get('location') ?? '');
  onAway(away);
  const back = `/callback?code=abc&state=${encodeURIComponent(away.searchParams.get('state') ?? '')}`;
  const stranger = await new Visitor(visitor.url).get(back);
  const told = [await line(there), [stranger.status], await line(await visitor.get(back))];
  const again = await visitor.get(back);
  return [...told, [again.status], await line(await visitor.get('/me'))];
}

const flows: Record<string, Flow> = {
  'passport-local': {
    ends: '"user":null',
    async tell({ app, visitor }) {
      const auth = newPassport();
      auth.use('local', new passportLocal.Strategy(checkPassword));
      app.use(form, auth.authenticate('session'));
      app.post('/login', auth.authenticate('local', { successReturnToOrRedirect: '/me', failureRedirect: '/failed' }));
      app.post('/keep', auth.authenticate('local', { successRedirect: '/me', keepSessionInfo: true }));
      app.get('/private', (req, res) => {
        set(req, { returnTo: '/private', cart: ['book'] });
        res.redirect('/login');
      });
      accountRoutes(app);
      const told = [];
      told.push(await line(await visitor.post('/login', { ...user, password: 'wrong' })));
      told.push(await line(await visitor.get('/private')));
      const before = visitor.copy();
      told.push(await line(await visitor.post('/keep', user)));
      told.push(await line(await visitor.get('/me')));
      told.push(await line(await before.get('/me')));
      told.push(await line(await visitor.post('/login', user)));
      told.push(await line(await visitor.get('/me')));
      await visitor.post('/logout');
      told.push(await line(await visitor.get('/me')));
      return told;
    },
  },
  'passport-oauth2, with its state and PKCE in the session': {
    ends: '"user":{"id":"for abc"}',
    async tell({ app, visitor }) {
      const provider = await serveOAuthProvider();
      const auth = newPassport();
      const at = { authorizationURL: `${provider}/authorize`, tokenURL: `${provider}/token`, callbackURL: '/callback' };
      const client = { clientID: 'client', clientSecret: 'secret', state: true, pkce: true };
      const verify = (
        token: string,
        _refresh: string,
        _profile: object,
        done: (error: unknown, user: object) => void,
      ) => done(null, { id: token });
      auth.use('oauth', new passportOAuth2.Strategy({ ...at, ...client }, verify));
      app.use(auth.authenticate('session'));
      app.get('/login', auth.authenticate('oauth'));
      app.get('/callback', auth.authenticate('oauth', { successRedirect: '/me' }));
      accountRoutes(app);
      return loginAt(visitor, '/login');
    },
  },
  'passport-openidconnect': {
    ends: '"user":{"id":"ann"}',
    async tell({ app, visitor }) {
      const provider = await serveOpenIdProvider('HS256');
      const auth = newPassport();
      const options = {
        issuer: provider.url,
        authorizationURL: `${provider.url}/authorize`,
        tokenURL: `${provider.url}/token`,
        userInfoURL: `${provider.url}/userinfo`,
        clientID: 'client',
        clientSecret: 'secret',
        callbackURL: '/callback',
        skipUserProfile: true,
      };
      const verify = (_issuer: string, profile: { id: string }, done: (error: unknown, user: object) => void) =>
        done(null, { id: profile.id });
      auth.use('openid', new passportOpenId.Strategy(options, verify));
      app.use(auth.authenticate('session'));
      app.get('/login', auth.authenticate('openid'));
      app.get('/callback', auth.authenticate('openid', { successRedirect: '/me' }));
      accountRoutes(app);
      return loginAt(visitor, '/login', (away) => (provider.nonce = away.searchParams.get('nonce') ?? undefined));
    },
  },
  grant: {
    ends: 'for abc',
    async tell({ app, visitor, url }) {
      app.use(grant.express(grantConfig(url, await serveOAuthProvider())));
      app.get('/done', (req, res) => {
        const { response } = Object(got(req, 'grant'));
        res.json(response);
      });
      const away = new URL((await visitor.get('/connect/fake')).headers.get('location') ?? '');
      const back = `/connect/fake/callback?code=abc&state=${away.searchParams.get('state')}`;
      const stranger = await line(await new Visitor(url).get(back));
      return [stranger, await line(await visitor.get(back)), await line(await visitor.get('/done'))];
    },
  },
  'connect-ensure-login, with passport-local': {
    ends: '"user":{"id":"ann"}',
    async tell({ app, visitor }) {
      const auth = newPassport();
      auth.use('local', new passportLocal.Strategy(checkPassword));
      app.use(form, auth.authenticate('session'));
      app.get('/login', ensureLoggedOut('/me'), (_req, res) => void res.send('who?'));
      const options = { successReturnToOrRedirect: '/me', failureRedirect: '/login', keepSessionInfo: true };
      app.post('/login', auth.authenticate('local', options));
      app.get('/private', ensureLoggedIn('/login'), (_req, res) => void res.send('welcome'));
      accountRoutes(app);
      const told = [];
      for (const path of ['/private', '/me', '/login']) told.push(await line(await visitor.get(path)));
      told.push(await line(await visitor.post('/login', { ...user, password: 'wrong' })));
      told.push(await line(await visitor.post('/login', user)));
      for (const path of ['/private', '/login', '/me']) told.push(await line(await visitor.get(path)));
      return told;
    },
  },
  'express-openid-connect, whose own sessions are in a store of this library': {
    ends: '{"user":null,"views":4}',
    async tell({ app, visitor, url, newStore }) {
      const provider = await serveOpenIdProvider('RS256');
      const client = { clientID: 'client', clientSecret: 'secret', authorizationParams: { response_type: 'code' } };
      const at = { issuerBaseURL: provider.url, baseURL: url, authRequired: false, idpLogout: false };
      app.use(openIdConnect({ ...client, ...at, secret, session: { store: newStore() } }));
      app.get('/me', (req, res) => {
        const views = Number(got(req, 'views') ?? 0) + 1;
        set(req, { views });
        res.json({ user: Object(Reflect.get(req, 'oidc')).user?.sub ?? null, views });
      });
      app.use(((error, _req, res, _next) => void res.status(error.status ?? 500).end()) as ErrorRequestHandler);
      const told = [await line(await visitor.get('/me'))];
      told.push(
        ...(await loginAt(visitor, '/login', (away) => (provider.nonce = away.searchParams.get('nonce') ?? undefined))),
      );
      const copy = visitor.copy();
      told.push(await line(await visitor.get('/logout')));
      for (const who of [visitor, copy]) told.push(await line(await who.get('/me')));
      return told;
    },
  },
  '@auth/express, beside the session': {
    ends: '{"user":null,"views":3}',
    async tell({ app, visitor }) {
      const ask = { username: {}, password: {} };
      const provider = credentials({
        credentials: ask,
        authorize: ({ username, password }) => (password === 'right' ? { name: String(username) } : null),
      });
      const logger = { error: () => {} };
      const config = { providers: [provider], secret, trustHost: true, basePath: '/auth', logger };
      app.use('/auth', ExpressAuth({ ...config }));
      app.get('/me', async (req, res) => {
        const views = Number(got(req, 'views') ?? 0) + 1;
        set(req, { views });
        res.json({ user: (await getSession(req, { ...config }))?.user?.name ?? null, views });
      });
      const token = async (): Promise<string> => {
        const { csrfToken } = Object(await visitor.json('/auth/csrf'));
        return String(csrfToken);
      };
      const post = async (path: string, more: object = {}): Promise<Told[number]> =>
        line(await visitor.post(path, { csrfToken: await token(), callbackUrl: '/me', ...more }));
      const told = [await line(await visitor.get('/me'))];
      told.push(await post('/auth/callback/credentials', { ...user, password: 'wrong' }));
      told.push(await post('/auth/callback/credentials', user));
      told.push(await line(await visitor.get('/me')));
      told.push(await post('/auth/signout'));
      told.push(await line(await visitor.get('/me')));
      return told;
    },
  },
  'NestJS with @nestjs/passport': {
    ends: '"Forbidden resource"',
    async tell({ app, visitor }) {
      const nest = await openNest(app);
      const told = [];
      told.push(await line(await visitor.get('/private')));
      told.push(await line(await visitor.post('/login', { ...user, password: 'wrong' })));
      told.push(await line(await visitor.post('/login', user)));
      const copy = visitor.copy();
      for (const path of ['/private', '/private']) told.push(await line(await visitor.get(path)));
      told.push(await line(await visitor.post('/logout')));
      for (const who of [visitor, copy]) told.push(await line(await who.get('/private')));
      await nest.close();
      return told;
    },
  },
};

goOnAsBefore(flows);
