import { type BackendChoice, databaseUrl, isCookieSessions, redisVariable } from './backend.ts';
import { type Environment, variable } from '../environment.ts';
import { type StoreRecipe, loadStore } from './load-store.ts';
import { sessionDirectory } from './session-directory.ts';
import type { SessionsOptions } from '../sessions-options.ts';
import { SessError, isSessError } from '../errors.ts';
import type { SessionStore } from '../store.ts';

/** Where the store comes from, and how to let go of it. */
export interface StoreSource {
  store: SessionStore;
  release: () => Promise<void>;
}

/**
 * @throws SessError `STORE_PACKAGE_MISSING`, and what the store's package throws
 * @param appFolder where the app is, for a program beside it. Absent: this process is the app
 */
export function storeSource(
  choice: BackendChoice,
  options: SessionsOptions,
  env: Environment,
  appFolder?: string,
): StoreSource {
  const given = options.store;
  // A store that was given stays its giver's to close.
  if (given !== undefined && !isCookieSessions(given)) return { store: given, release: async () => {} };
  const recipe = recipeOf(choice, options, env, appFolder);
  try {
    return loadStore(recipe, appFolder === undefined ? undefined : [appFolder]);
  } catch (error) {
    const isByDefault = choice.source === 'default' && isSessError(error) && error.code !== 'STORE_PACKAGE_MISSING';
    if (!isSessError(error) || choice.source === 'option' || isByDefault) throw error;
    // The app did not name this store, a variable chose it or the lack of one: the message says so.
    throw new SessError(error.code, `${choice.reason} ${error.message}`, { cause: error });
  }
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
  if (choice.name === 'postgres')
    return {
      package: '@sess/postgres',
      factory: 'postgresStore',
      options: { url: databaseUrl(env) },
    };
  return {
    package: '@sess/fs',
    factory: 'fsStore',
    options: {
      directory: sessionDirectory(env, options.directory, appFolder),
      ...(options.clock === undefined ? {} : { clock: options.clock }),
    },
  };
}
