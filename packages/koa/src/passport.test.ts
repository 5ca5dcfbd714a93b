import { bodyParser } from '@koa/bodyparser';
import Router from '@koa/router';
import { type PassportApp, checkPassword, stopServers, testPassport } from '@sess/adapter-tests';
import Koa from 'koa';
import koaPassport from 'koa-passport';
import Koa2 from 'koa2';
import { Strategy as LocalStrategy } from 'passport-local';
import { afterEach, describe } from 'vitest';

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
  async function start(): Promise<PassportApp> {
    const { sessions, store } = await testSessions();
    const auth = newPassport();
    const app = new Koa();
    app.silent = true;
    app.use(session(sessions));
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
    const { url } = await serve(app);
    return { url, store };
  }

  // With koa-session the data goes along at a login: its regenerate() changes the id alone.
  testPassport(start, ['/login', '/login-by-hand']);
});
