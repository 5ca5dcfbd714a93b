import { type CookieSessions } from '../cookie/cookie-sessions.ts';
import { type Environment, variable } from '../environment.ts';
import type { SessionStore } from '../store.ts';

/** What keeps the sessions, why, and where that was said. */
export interface BackendChoice {
  /** What keeps the sessions. */
  name: 'redis' | 'postgres' | 'fs' | 'cookie' | 'custom';
  /** One sentence for people. */
  reason: string;
  /** `option`, `default`, or the environment variable that decided. */
  source: string;
}

/** What a choice is made from. */
export interface BackendInput {
  /** The variables to choose by. */
  env: Environment;
  /** A store of the app's own, which decides before all variables. */
  store?: SessionStore | CookieSessions | undefined;
}

/** What test runners set. Not `CI`: a deployment may run there. */
function testRunner(env: Environment): string | undefined {
  if (variable(env, 'NODE_ENV') === 'test') return 'NODE_ENV';
  return ['VITEST', 'JEST_WORKER_ID', 'NODE_TEST_CONTEXT'].find((name) => variable(env, name) !== undefined);
}

/** The variable that names the Redis, if one does. */
export function redisVariable(env: Environment): string | undefined {
  return ['SESSION_REDIS_URL', 'REDIS_URL'].find((name) => variable(env, name) !== undefined);
}

/** Where the PostgreSQL is, if one is named. Never by `DATABASE_URL`: an app's database is not chosen for sessions yet. */
export function databaseUrl(env: Environment): string | undefined {
  return variable(env, 'SESSION_DATABASE_URL');
}

/**
 * Chooses where sessions are kept, from configuration alone: 1. the `store` option; 2. Redis, when
 * `SESSION_REDIS_URL` or `REDIS_URL` is set; 3. PostgreSQL, when `SESSION_DATABASE_URL` is set; 4. signed cookies under a
 * test runner; 5. files.
 *
 * It is chosen once. A backend that is down is an error, never a reason for another one: two
 * backends at once are two truths about who is logged in.
 */
export function selectBackend({ env, store }: BackendInput): BackendChoice {
  if (store !== undefined) {
    return isCookieSessions(store)
      ? { name: 'cookie', reason: 'The store option asks for cookie sessions.', source: 'option' }
      : { name: 'custom', reason: 'The store option names it.', source: 'option' };
  }
  const redis = redisVariable(env);
  if (redis !== undefined) return { name: 'redis', reason: `${redis} is set.`, source: redis };
  if (databaseUrl(env) !== undefined)
    return { name: 'postgres', reason: 'SESSION_DATABASE_URL is set.', source: 'SESSION_DATABASE_URL' };
  const runner = testRunner(env);
  if (runner !== undefined)
    return { name: 'cookie', reason: `${runner} says that this is a test run, so nothing is stored.`, source: runner };
  return {
    name: 'fs',
    reason:
      'No Redis is configured (SESSION_REDIS_URL, REDIS_URL) and no PostgreSQL (SESSION_DATABASE_URL), so files are shared by the workers of this host.',
    source: 'default',
  };
}

export function isCookieSessions(store: SessionStore | CookieSessions): store is CookieSessions {
  return typeof store === 'object' && store !== null && 'kind' in store && store.kind === 'cookie';
}
