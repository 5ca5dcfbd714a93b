import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BuiltApp, installFrameworks } from './built-app.ts';
import { builtFrameworks } from './built-frameworks.ts';
import { startPair, told } from './checked-apps.ts';
import { filesOf } from './page-code.ts';
import { fault, rightly, visitRecipe, visitUnread } from './recipe-deeds.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

describe('the recipes of frameworks that are built, in two processes', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
    await installFrameworks();
  }, 300_000);
  afterAll(() => redis.dispose());

  it('are those of these pages', () => {
    expect(new Set(builtFrameworks.map(({ page }) => page))).toEqual(
      new Set([
        'docs/frameworks/nestjs.md',
        'docs/frameworks/sveltekit.md',
        'docs/frameworks/astro.md',
        'docs/frameworks/react-router.md',
        'docs/frameworks/nuxt.md',
      ]),
    );
  });

  it.each(builtFrameworks.map((recipe, index) => ({ ...recipe, index })))(
    '$name',
    { timeout: 180_000 },
    async ({ index, ...recipe }) => {
      const { name, page, heading, protocol, hides = [] } = recipe;
      const files = new Map([...filesOf(page), ...(heading === undefined ? [] : filesOf(page, heading))]);
      const app = await BuiltApp.make(recipe, files);
      try {
        const pair = await startPair(redis, index, (env) => app.start(env));
        try {
          expect(await visitRecipe(pair, protocol)).toEqual(rightly);
          expect(await visitUnread(pair, protocol, hides)).toEqual(
            Object.fromEntries(hides.map((path) => [path, fault])),
          );
          expect(await pair.outcomes('/checks')).toEqual(told.get(name));
        } finally {
          await pair.dispose();
        }
      } finally {
        await app.dispose();
      }
    },
  );
});
