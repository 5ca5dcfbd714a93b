import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BuiltApp, canBuild, installFrameworks } from './built-app.ts';
import { builtFrameworks } from './built-frameworks.ts';
import { startPair, told } from './checked-apps.ts';
import { Visitor } from './http-client.ts';
import { filesOf } from './page-code.ts';
import { fault, rightly, visitRecipe, visitUnread } from './recipe-deeds.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

const pages = [
  'docs/frameworks/nestjs.md',
  'docs/frameworks/sveltekit.md',
  'docs/frameworks/astro.md',
  'docs/frameworks/react-router.md',
  'docs/frameworks/nuxt.md',
];

// On Linux nothing is left out.
describe.runIf(canBuild || process.platform === 'linux')(
  'the recipes of frameworks that are built, in two processes',
  () => {
    let redis: RedisServer;
    beforeAll(async () => {
      redis = await startRedis();
      await installFrameworks();
    }, 300_000);
    afterAll(() => redis.dispose());

    it('are those of these pages', () => {
      expect([...new Set(builtFrameworks.map(({ page }) => page))]).toEqual(pages);
    });

    it.each(builtFrameworks.map((framework, index) => ({ ...framework, index })))(
      '$name',
      { timeout: 240_000 },
      async ({ index, ...framework }) => {
        const { name, page, heading, protocol, hides = [], alone } = framework;
        const files = new Map([...filesOf(page), ...(heading === undefined ? [] : filesOf(page, heading))]);
        const app = await BuiltApp.make(framework, files);
        try {
          const pair = await startPair(redis, index, (env) => app.start(env));
          try {
            expect(await visitRecipe(pair, protocol)).toEqual(rightly);
            const unread = Object.fromEntries(hides.map((path) => [path, fault]));
            expect(await visitUnread(pair, protocol, hides)).toEqual(unread);
            expect(await pair.outcomes('/checks')).toEqual(told.get(name));
          } finally {
            await pair.dispose();
          }
          if (alone === undefined) return;
          const { url } = await app.startAlone(alone, { SESSION_DIR: join(app.path, 'sessions') });
          const visitor = new Visitor(url);
          for (const views of [1, 2])
            expect(await visitor.get('/')).toMatchObject({
              status: 200,
              text: expect.stringContaining(`View ${views}`),
            });
        } finally {
          await app.dispose();
        }
      },
    );
  },
);
