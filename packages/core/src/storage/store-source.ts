import { type BackendChoice, isCookieSessions, redisVariable } from './backend.ts';
import { type Environment, variable } from '../environment.ts';
import { type StoreRecipe, loadStore } from './load-store.ts';
import { sessionDirectory } from './session-directory.ts';
import type { SessionsOptions } from '../sessions-options.ts';
import type { SessionStore } from '../store.ts';

/** Where the store comes from, and how to let go of it. */
export interface StoreSource {
  load: () => Promise<SessionStore>;
  release: () => Promise<void>;
}

/** @param appFolder where the app is, for who asks beside it. Absent: this process is the app */
export function storeSource(
  choice: BackendChoice,
  options: SessionsOptions,
  env: Environment,
  appFolder?: string,
): StoreSource {
  const given = options.store;
  // A store that was given stays its giver's to close.
  if (given !== undefined && !isCookieSessions(given)) return { load: async () => given, release: async () => {} };
  const { store, release } = loadStore(
    recipeOf(choice, options, env, appFolder),
    appFolder === undefined ? undefined : [appFolder],
  );
  store.catch(() => {}); // the first one to use the store is told
  return { load: () => store, release };
}

function recipeOf(
  choice: BackendChoice,
  options: SessionsOptions,
  env: Environment,
  appFolder: string | undefined,
): StoreRecipe {
  if (choice.name === 'redis') {
    const url = variable(env, redisVariable(env) ?? '');
    return {
      package: '@sess/redis',
      factory: 'redisStore',
      options: options.prefix === undefined ? { url } : { url, prefix: options.prefix },
    };
  }
  return {
    package: '@sess/fs',
    factory: 'fsStore',
    options: {
      directory: sessionDirectory(env, options.directory, appFolder),
      ...(options.clock === undefined ? {} : { clock: options.clock }),
    },
  };
}
