import { type Sessions, type SessionsOptions, cookieSessions, createSessions, memoryStore } from '@sess/core';
import type { StoreName } from './launch-options.ts';

export interface DemoSessions {
  readonly sessions: Sessions;
  /** As `--store` names it. To the library the memory store is one of the app's own. */
  readonly store: string;
  readonly why: string;
}

/** What makes the library choose something else than files: with `--store fs` none of it is looked at. */
const otherChoices = ['SESSION_REDIS_URL', 'REDIS_URL', 'VITEST', 'JEST_WORKER_ID', 'NODE_TEST_CONTEXT'];

function forFiles(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !otherChoices.includes(name));
  return { ...Object.fromEntries(kept), NODE_ENV: env['NODE_ENV'] === 'test' ? 'development' : env['NODE_ENV'] };
}

function forRedis(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isNamed = [env['SESSION_REDIS_URL'], env['REDIS_URL']].some((url) => url !== undefined && url.trim() !== '');
  return isNamed ? env : { ...env, SESSION_REDIS_URL: 'redis://127.0.0.1:6379' };
}

/** The switch of the demo. An app needs none of this: `createSessions()` chooses from its environment. */
function optionsFor(store: StoreName, env: NodeJS.ProcessEnv): SessionsOptions {
  switch (store) {
    case 'fs':
      return { env: forFiles(env) };
    case 'redis':
      return { env: forRedis(env) };
    case 'memory':
      return { env, store: memoryStore() };
    case 'cookie':
      return { env, store: cookieSessions() };
  }
}

export function createDemoSessions(
  store: StoreName | undefined,
  env: NodeJS.ProcessEnv,
  options: SessionsOptions,
): DemoSessions {
  const chosen = store === undefined ? { env } : optionsFor(store, env);
  const sessions = createSessions({ ...options, ...chosen });
  return store === undefined
    ? { sessions, store: sessions.backend.name, why: sessions.backend.reason }
    : { sessions, store, why: `--store ${store} was given.` };
}
