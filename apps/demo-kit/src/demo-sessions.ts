import { type Sessions, type SessionsOptions, cookieSessions, createSessions, memoryStore } from '@sess/core';
import type { StoreName } from './launch-options.ts';
import { type StoreSwitch, storeSwitch } from './store-switch.ts';

export interface DemoSessions {
  readonly sessions: Sessions;
  /** As `--store` names it. To the library the memory store is one of the app's own. */
  readonly store: string;
  readonly why: string;
  /** Cuts this process off from the store; does nothing where browsers keep the sessions. */
  readonly cut: StoreSwitch;
}

/** What makes the library choose something else than files: with `--store fs` none of it is looked at. */
const otherChoices = [
  'SESSION_REDIS_URL',
  'REDIS_URL',
  'SESSION_DATABASE_URL',
  'VITEST',
  'JEST_WORKER_ID',
  'NODE_TEST_CONTEXT',
];

function forFiles(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !otherChoices.includes(name));
  return { ...Object.fromEntries(kept), NODE_ENV: env['NODE_ENV'] === 'test' ? 'development' : env['NODE_ENV'] };
}

function forRedis(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isNamed = [env['SESSION_REDIS_URL'], env['REDIS_URL']].some((url) => url !== undefined && url.trim() !== '');
  return isNamed ? env : { ...env, SESSION_REDIS_URL: 'redis://127.0.0.1:6379' };
}

/** Redis comes first, so with `--store postgres` its variables are not looked at. */
function forPostgres(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { SESSION_REDIS_URL: _, REDIS_URL: __, ...kept } = env;
  return { ...kept, SESSION_DATABASE_URL: env['SESSION_DATABASE_URL']?.trim() || 'postgres://127.0.0.1:5432/postgres' };
}

/** The switch of the demo. An app needs none of this: `createSessions()` chooses from its environment. */
function optionsFor(store: StoreName, env: NodeJS.ProcessEnv): SessionsOptions {
  switch (store) {
    case 'fs':
      return { env: forFiles(env) };
    case 'redis':
      return { env: forRedis(env) };
    case 'postgres':
      return { env: forPostgres(env) };
    case 'memory':
      return { env, store: memoryStore() };
    case 'cookie':
      return { env, store: cookieSessions() };
  }
}

export async function createDemoSessions(
  store: StoreName | undefined,
  env: NodeJS.ProcessEnv,
  options: SessionsOptions,
): Promise<DemoSessions> {
  const all = { ...options, ...(store === undefined ? { env } : optionsFor(store, env)) };
  const sessions = createSessions(all);
  const { name, reason } = sessions.backend;
  const cut = name === 'cookie' ? () => {} : await storeSwitch(all);
  return store === undefined
    ? { sessions, store: name, why: reason, cut }
    : { sessions, store, why: `--store ${store} was given.`, cut };
}

/** What this worker knows alone: a cookie of its own, which goes nowhere else, and the secret that all workers have. */
export function memorySessions(env: NodeJS.ProcessEnv, isBehindTls: boolean): Sessions {
  const cookie = { name: 'memory-sid', path: '/memory', secure: isBehindTls };
  return createSessions({ env, store: memoryStore(), logger: false, cookie });
}
