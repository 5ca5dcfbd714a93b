import { type Sessions, type SessionsOptions, type StoreDescription, createSessions, hasAbility } from '@sess/core';
import { isSessions } from '@sess/core/internal';

/**
 * What `createSessions` takes, what it made, or a function that returns either. The function is called at the first
 * request, so that it may read what the build does not have: secrets, addresses.
 */
export type NextSessionsOptions = SessionsOptions | Sessions | (() => SessionsOptions | Sessions);

const slot = Symbol.for('@sess/next sessions v1');

/** Next.js loads a module once for each of its bundles. What they configure alike is made once. */
function sharedSessions(): Map<string, Sessions> {
  const shared: typeof globalThis & { [slot]?: Map<string, Sessions> } = globalThis;
  return (shared[slot] ??= new Map());
}

/** @param isClosing whether they are only to be closed: then none are made in place of those that another bundle closed */
type FindSessions = (isClosing: boolean) => Sessions;

/** How to get at the sessions of these options. */
function sessionsOf(options: SessionsOptions | Sessions): FindSessions {
  if (isSessions(options)) return () => options;
  const identity = identityOf(options);
  if (identity !== undefined) return sharedBetweenBundles(options, identity);
  const sessions = createSessions(options);
  return () => sessions;
}

/**
 * A text that is the same for equal options in every bundle. `undefined` if they hold a store, a logger or a clock, which
 * each bundle makes anew.
 *
 * `next dev` loads a module anew after each edit, and nobody tells it to close the store that it had. So in development
 * a store is told by where its sessions are, and a logger is ignored: the first sessions stay, with their connections.
 */
function identityOf({ store, logger, clock, ...plain }: SessionsOptions): string | undefined {
  const isReloaded = process.env['NODE_ENV'] === 'development';
  if (clock !== undefined || (typeof logger === 'object' && !isReloaded)) return undefined;
  if (store === undefined) return JSON.stringify([plain, logger === false]);
  const place = isReloaded ? placeOf(store) : undefined;
  return place && JSON.stringify([plain, logger === false, place]);
}

/** @returns `undefined` for a store in this process's memory: there may be many, and all describe themselves alike */
function placeOf(store: NonNullable<SessionsOptions['store']>): StoreDescription | undefined {
  if ('kind' in store || !hasAbility(store, 'describe')) return undefined;
  const place = store.describe();
  return place.sharedBy === 'process' ? undefined : place;
}

/** A bundle that closes them is done with them. The others make them again at their next use. */
function sharedBetweenBundles(options: SessionsOptions, id: string): FindSessions {
  const shared = sharedSessions();
  let last: Sessions | undefined;
  let mine: Sessions | undefined;
  let isClosed = false;
  return (isClosing) => {
    const sessions = isClosed || isClosing ? (last ?? shared.get(id)) : shared.get(id);
    if (mine !== undefined && sessions === last) return mine;
    const found = sessions ?? createSessions(options);
    shared.set(id, found);
    last = found;
    mine = {
      ...found,
      async close() {
        isClosed = true;
        if (shared.get(id) === found) shared.delete(id);
        await found.close();
      },
    };
    return mine;
  };
}

/**
 * Sessions that are made when they are first used: `next build` loads the app's modules in production mode, without its
 * secrets.
 */
export function lazySessions(options: NextSessionsOptions): Sessions {
  let find: FindSessions | undefined;
  const get = (name: string): Sessions =>
    (find ??= sessionsOf(typeof options === 'function' ? options() : options))(name === 'close');
  return new Proxy<Sessions>(Object.create(null), {
    // Whoever only inspects the module, or awaits what it exports, asks for a symbol or for `then`.
    get: (_, name) => (typeof name === 'symbol' || name === 'then' ? undefined : Reflect.get(get(name), name)),
    has: (_, name) => typeof name === 'string' && name in get(name),
  });
}
