import type { FormerCookie } from './former-cookie.ts';
import { type FormerData, type FormerSessions, type OwnerOf, ownerOf } from './former-sessions.ts';
import { signedValue } from './keygrip.ts';
import { isObject, objectInBase64 } from './parsed.ts';
import { secretsOf } from './secrets-of.ts';
import { seedOf } from './seed.ts';

/** A store of koa-session, as far as it is asked. */
export interface KoaStore {
  /** Answers the stored session, or nothing; a promise of it as well. */
  get(id: string, maxAge?: number | 'session', options?: object): unknown;
  /** Removes a session, if it is there. */
  destroy(id: string, options?: object): unknown;
}

/** Options of {@link koaSession}. */
export interface KoaSessionOptions extends Partial<FormerCookie> {
  /** `app.keys`. They only verify. */
  keys: readonly string[];
  /** The store as the app gave it to koa-session. @default none: the cookie holds the session */
  store?: KoaStore;
  /** The cookie's name, `key` in the options of koa-session. @default 'koa.sess' */
  name?: string;
  /** Whose session it is, by its data. @default nobody's */
  owner?: OwnerOf;
}

/**
 * The sessions of koa-session, with a store or in their cookies.
 *
 * @throws SessError `CONFIG_INVALID` without keys
 */
export function koaSession({ keys, store, name = 'koa.sess', owner, ...place }: KoaSessionOptions): FormerSessions {
  const secrets = secretsOf(keys, 'koaSession({ keys }) takes app.keys: unsigned sessions are not taken over.');
  const cookies = [name, `${name}.sig`].map((each) => ({ name: each, ...place }));

  return {
    cookieName: name,
    find(header) {
      const value = signedValue(header, name, secrets);
      if (value === undefined) return undefined;
      const seed = seedOf(secrets, 'koa-session', value);
      if (store === undefined) {
        const found = objectInBase64(value);
        return { seed, cookies, read: async () => dataOf(found, owner), lastsUntil: numberIn(found, '_expire') };
      }
      return {
        seed,
        cookies,
        read: async () => dataOf(await store.get(value, undefined, {}), owner),
        remove: async () => void (await store.destroy(value, {})),
      };
    },
  };
}

function dataOf(found: unknown, owner: OwnerOf | undefined): FormerData | undefined {
  if (!isObject(found)) return undefined;
  const { _expire, _maxAge, _session: endsWithBrowser, ...data } = found;
  const idleTimeoutMs = numberIn(found, '_maxAge');
  return {
    data,
    owner: ownerOf(data, owner),
    expiresAt: numberIn(found, '_expire'),
    ...(idleTimeoutMs !== undefined && { settings: { persistent: true, idleTimeoutMs } }),
    ...(endsWithBrowser === true && { settings: { persistent: false } }),
  };
}

function numberIn(found: Record<string, unknown> | undefined, name: string): number | undefined {
  const value = found?.[name];
  return typeof value === 'number' && value > 0 ? value : undefined;
}
