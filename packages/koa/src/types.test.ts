import type { AppFolder } from '@sess/adapter-tests';
import { afterEach, expect, it } from 'vitest';

import { makeAppFolder } from '../test/app-folder.ts';

const right = `
import { createSessions, type Session } from '@sess/core';
import { type SessionMiddleware, session } from '@sess/koa';
import Koa, { type Context, type DefaultContext, type DefaultState, type Middleware } from 'koa';

declare module '@sess/core' {
  interface SessionData { userId?: string; views?: number }
}

const app = new Koa();
const middleware: SessionMiddleware = session(createSessions({ idleTimeoutMs: 60_000 }));
app.use(middleware).use(session()).use(session({ cookie: { name: 'sid' } }));
const asAny: Middleware = middleware;

app.use(async (ctx, next) => {
  const views: number | undefined = ctx.session.views;
  ctx.session.userId = 'ann';
  delete ctx.session.userId;
  const count: number | undefined = await ctx.session.update('views', (n = 0) => n + 1);
  const fresh: Session = await ctx.session.regenerate({ owner: 'ann', keep: ['views'] });
  const chained: Session = ctx.session.save(() => {});
  ctx.session.regenerate((error) => void error);
  ctx.session.cookie.maxAge = 1000;
  const handle: string = ctx.session.id;
  await middleware.sessions.revokeAll('ann', { except: handle });
  ctx.session = { views: 1 };
  ctx.session = { ...ctx.session, userId: 'ann' };
  ctx.session = ctx.session;
  ctx.session = null;
  const still: Session = ctx.session;
  ctx.body = [views, count, fresh.isNew, chained.handle, still, asAny];
  await next();
});

// A context by its name, one of the app's own, and a stricter one than Koa's.
const byName = (ctx: Context): Session => ctx.session;
const byDefault: Middleware<DefaultState, DefaultContext> = (ctx) => void ctx.session.views;
interface Mine { mine: string }
const strict = new Koa<{ user?: string }, Mine>();
strict.use(session());
strict.use((ctx) => {
  const views: number | undefined = ctx.session.views;
  ctx.body = [ctx.mine, views, byName, byDefault];
});
`;

const wrong = `
${right}
app.use(async (ctx) => {
  // @ts-expect-error
  ctx.session.views = 'many';
  // @ts-expect-error
  ctx.session.nobodyDeclaredThis = 1;
  // @ts-expect-error
  ctx.session.update('views', () => 'many');
  // @ts-expect-error
  ctx.session.handle = 'mine';
  // @ts-expect-error
  ctx.session = { views: 'many' };
  // @ts-expect-error
  ctx.session = { nobodyDeclaredThis: 1 };
  // @ts-expect-error
  ctx.session = 'dark';
  // @ts-expect-error
  ctx.session = undefined;
});
// @ts-expect-error
session({ maxAge: 1000 });
// @ts-expect-error
session(app);
`;

const router = `
import '@sess/koa';
import Router from '@koa/router';
import type { Session } from '@sess/core';

declare module '@sess/core' {
  interface SessionData { views?: number }
}

const router = new Router();
router.get('/:key', (ctx) => {
  const current: Session = ctx.session;
  const views: number | undefined = ctx.session.views;
  // @ts-expect-error
  ctx.session.views = 'many';
  ctx.body = [current, views];
});
`;

let folder: AppFolder | undefined;

afterEach(() => folder?.remove());

const make = (types: string, more: Record<string, string> = {}): Promise<AppFolder> =>
  makeAppFolder({
    '@sess/core': '@sess/core',
    '@sess/koa': '@sess/koa',
    '@types/koa': types,
    '@types/node': '@types/node',
    ...more,
  });

it.each([
  ['@types/koa 3', '@types/koa'],
  ['@types/koa 2', '@types/koa2'],
])('an interface merged once types ctx.session (%s)', async (_, types) => {
  folder = await make(types);
  await folder.write('right.ts', right);
  const flags = ['--noEmit', '--exactOptionalPropertyTypes'];
  expect(await folder.compile(['right.ts'], flags)).toBe('');
  await folder.write('wrong.ts', wrong);
  expect(await folder.compile(['wrong.ts'], flags)).toBe('');
});

it('the context of @koa/router has it, too', async () => {
  folder = await make('@types/koa', { '@koa/router': '@koa/router' });
  await folder.write('router.ts', router);
  expect(await folder.compile(['router.ts'], ['--noEmit'])).toBe('');
});

it('an app without declared keys may assign whatever it likes', async () => {
  folder = await make('@types/koa');
  await folder.write(
    'app.mjs',
    `import { session } from '@sess/koa';
     import Koa from 'koa';
     const app = new Koa();
     app.use(session());
     app.use((ctx) => {
       ctx.session = { anything: true };
       ctx.session = null;
       // @ts-expect-error
       ctx.session.regenerate(1);
     });`,
  );
  expect(await folder.compile(['app.mjs'], ['--noEmit', '--allowJs', '--checkJs'])).toBe('');
});
