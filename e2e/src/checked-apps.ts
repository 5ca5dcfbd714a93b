import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RunningRecipe } from './recipe.ts';
import type { RedisServer } from './redis-server.ts';
import { startProxy } from './tcp-proxy.ts';
import { twelveChecks } from './twelve-checks.ts';

const page = readFileSync(fileURLToPath(new URL('../../docs/frameworks/index.md', import.meta.url)), 'utf8');

/** What the page says: a row for each app, and a column for each check. */
export const told: ReadonlyMap<string, readonly string[]> = new Map(
  [...page.matchAll(/^\| (.+?) +\| ([✓✗ |]+)\|$/gmu)].map(([, name = '', cells = '']) => [
    name,
    cells.split('|').map((cell) => cell.trim()),
  ]),
);

/** An app in two processes, each with a connection to Redis through a proxy. */
export interface AppPair {
  readonly running: readonly [RunningRecipe, RunningRecipe];
  /** Takes rights in Redis from the app, or gives them back: `-get`, `+get`. */
  rights(...rights: readonly string[]): Promise<void>;
  /** Does the twelve checks. @param below the path below which their routes are */
  outcomes(below?: string): Promise<string[]>;
  dispose(): Promise<void>;
}

/** Starts an app twice, as a user of Redis and in a database of its own. */
export async function startPair(
  redis: RedisServer,
  index: number,
  start: (env: Readonly<Record<string, string>>) => Promise<RunningRecipe>,
): Promise<AppPair> {
  const user = `app${index}`;
  const rights = async (...rights: readonly string[]): Promise<void> => {
    await redis.admin.call('ACL', 'SETUSER', user, ...rights);
  };
  await rights('on', '>pw', '~*', '&*', '+@all');
  const proxy = await startProxy(redis.port);
  const env = { SESSION_REDIS_URL: `redis://${user}:pw@127.0.0.1:${proxy.port}/${index}` };
  const started = await Promise.allSettled([start(env), start(env)]);
  const dispose = async (): Promise<void> => {
    for (const one of started) if (one.status === 'fulfilled') await one.value.stop();
    await proxy.dispose();
  };
  const [first, second] = started;
  if (first.status === 'rejected' || second.status === 'rejected') {
    await dispose();
    throw first.status === 'rejected' ? first.reason : second.status === 'rejected' && second.reason;
  }
  const running = [first.value, second.value] as const;
  return {
    running,
    rights,
    dispose,
    async outcomes(below = '') {
      const checked = { urls: [running[0].url + below, running[1].url + below] as const, proxy, rights };
      const outcomes: string[] = [];
      for (const [name, check] of Object.entries(twelveChecks))
        outcomes.push(
          await check(checked).then(
            () => '✓',
            (error: unknown) => `${name}: ${String(error)}\n${running[0].output()}`,
          ),
        );
      return outcomes;
    },
  };
}
