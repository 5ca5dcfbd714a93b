import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { SessError } from '../errors.ts';
import { mainScriptFolder } from './session-directory.ts';
import type { SessionStore } from '../store.ts';
import { hasAbility } from '../store-abilities.ts';

/** A storage package, its factory, and the factory's options. */
export interface StoreRecipe {
  package: '@sess/redis' | '@sess/postgres' | '@sess/fs';
  factory: 'redisStore' | 'postgresStore' | 'fsStore';
  options: Readonly<Record<string, unknown>>;
}

/** A store that this process shares, and how many users it has. */
interface SharedStore {
  store: SessionStore;
  users: number;
}

const slot = Symbol.for('@sess/core shared stores v2');

/** Bundlers load modules twice; connections are made once all the same. */
function sharedStores(): Map<string, SharedStore> {
  const shared: typeof globalThis & { [slot]?: Map<string, SharedStore> } = globalThis;
  return (shared[slot] ??= new Map());
}

/** Where the package is, seen from the first of these folders that has it. */
function resolvePackage(name: string, folders: readonly string[]): string {
  for (const folder of folders) {
    try {
      return createRequire(join(folder, 'noop.js')).resolve(name);
    } catch {
      // It is not installed there.
    }
  }
  throw new SessError(
    'STORE_PACKAGE_MISSING',
    `Sessions are to be kept by ${name}, but that package is not installed. Run: npm install ${name}`,
  );
}

/**
 * Makes the store of a recipe, or takes the one that was made of it before.
 *
 * @param folders where its package is looked for: from the main script's folder, then the working directory
 * @returns the store, and how to let go of it: its last user closes it
 * @throws SessError `STORE_PACKAGE_MISSING` with the install line, and what the package's factory throws
 */
export function loadStore(
  recipe: StoreRecipe,
  folders: readonly string[] = [mainScriptFolder(), process.cwd()],
): { store: SessionStore; release: () => Promise<void> } {
  const path = resolvePackage(recipe.package, folders);
  const stores = sharedStores();
  const id = identityOf(recipe);
  let shared = stores.get(id);
  if (shared === undefined) stores.set(id, (shared = { store: makeStore(recipe, path), users: 0 }));
  shared.users += 1;
  const { store } = shared;
  let released = false;
  return {
    store,
    async release() {
      if (released) return;
      released = true;
      shared.users -= 1;
      if (shared.users > 0) return;
      if (stores.get(id) === shared) stores.delete(id);
      if (hasAbility(store, 'close')) await store.close();
    },
  };
}

const identities = new WeakMap<object, string>();

/** Equal recipes make one store; a function in the options (a clock) is equal to itself alone. */
function identityOf(recipe: StoreRecipe): string {
  return JSON.stringify(recipe, (_, value: unknown) => {
    if (typeof value !== 'function') return value;
    const identity = identities.get(value) ?? `function ${randomUUID()}`;
    identities.set(value, identity);
    return identity;
  });
}

function makeStore(recipe: StoreRecipe, path: string): SessionStore {
  // Not `import()`: bundlers must leave it alone, and the compiler puts its arguments where Turbopack does not see a
  // `turbopackIgnore`. The package is the app's own, and the same instance as an import gives.
  const loaded: unknown = createRequire(path)(path);
  const factory: unknown =
    typeof loaded === 'object' && loaded !== null ? Reflect.get(loaded, recipe.factory) : undefined;
  const store: unknown =
    typeof factory === 'function' ? Reflect.apply(factory, undefined, [recipe.options]) : undefined;
  if (!isStore(store))
    throw new SessError(
      'STORE_PACKAGE_MISSING',
      `${recipe.package} at ${path} has no ${recipe.factory}() that fits this @sess/core. Install the same version of both.`,
    );
  return store;
}

export function isStore(value: unknown): value is SessionStore {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['create', 'read', 'replace', 'destroy'].every((verb) => typeof Reflect.get(value, verb) === 'function')
  );
}
