import { unsign } from 'cookie-signature';
import { cookieValues } from '../cookie/cookie.ts';
import { SessError } from '../errors.ts';
import type { SessionSettings } from '../store.ts';
import type { FormerCookie } from './former-cookie.ts';
import { type FormerData, type FormerSessions, type OwnerOf, ownerOf } from './former-sessions.ts';
import { decoded, isObject } from './parsed.ts';
import { secretsOf } from './secrets-of.ts';
import { seedOf } from './seed.ts';

/** A store of express-session (connect-redis, session-file-store, MemoryStore, connect-pg-simple, ...), as far as it is asked. */
export interface ConnectStore {
  /** Calls back with the stored session, or without one. */
  get(id: string, callback: (error: unknown, session?: unknown) => void): unknown;
  /** Removes a session, if it is there. */
  destroy(id: string, callback: (error?: unknown) => void): unknown;
}

/** Options of {@link connectSid}. */
export interface ConnectSidOptions extends Partial<FormerCookie> {
  /** The secret of express-session, or all of them, the one that signs first. They only verify. */
  secret: string | readonly string[];
  /** The store as the app made it for express-session. */
  store: ConnectStore;
  /** The cookie's name. @default 'connect.sid' */
  name?: string;
  /** Whose session it is, by its data. @default nobody's */
  owner?: OwnerOf;
}

/**
 * The sessions of express-session, and of everything that keeps sessions in its form.
 *
 * @throws SessError `CONFIG_INVALID` without a secret or a store
 */
export function connectSid({
  secret,
  store,
  name = 'connect.sid',
  owner,
  ...place
}: ConnectSidOptions): FormerSessions {
  const secrets = secretsOf(secret, 'connectSid({ secret }) takes the secret of express-session, or all of them.');
  if (typeof store?.get !== 'function' || typeof store.destroy !== 'function')
    throw new SessError('CONFIG_INVALID', 'connectSid({ store }) takes the store as it was given to express-session.');
  return {
    cookieName: name,
    find(header) {
      for (const value of cookieValues(header, name)) {
        const id = idIn(value, secrets);
        if (id === undefined) continue;
        return {
          seed: seedOf(secrets, 'express-session', id),
          cookies: [{ name, ...place }],
          read: async () => dataOf(await asked((callback) => store.get(id, callback)), owner),
          remove: async () => void (await asked((callback) => store.destroy(id, callback))),
        };
      }
      return undefined;
    },
  };
}

/** The id that one of the secrets has signed. */
function idIn(value: string, secrets: readonly string[]): string | undefined {
  const text = decoded(value);
  if (text?.startsWith('s:') !== true) return undefined;
  for (const secret of secrets) {
    const id = unsign(text.slice(2), secret);
    if (id !== false) return id === '' ? undefined : id;
  }
  return undefined;
}

/** The answer of a store of callbacks. A file that is not there is absence, as for express-session. */
function asked(ask: (callback: (error?: unknown, answer?: unknown) => void) => unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    ask((error, answer) => {
      const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (error && !isAbsent) reject(error);
      else resolve(isAbsent ? undefined : answer);
    });
  });
}

function dataOf(found: unknown, owner: OwnerOf | undefined): FormerData | undefined {
  if (!isObject(found)) return undefined;
  // session-file-store notes the last use among the data.
  const { cookie, __lastAccess, ...data } = found;
  return { data, owner: ownerOf(data, owner), ...(isObject(cookie) && { settings: settingsOf(cookie) }) };
}

/**
 * How long the session was to live. Without `originalMaxAge` its cookie ended with the browser. Its `expires` says nothing:
 * stores that only move their own deadline at a touch (connect-redis, connect-pg-simple) leave it as it was, and what has
 * ended they do not find.
 */
function settingsOf({ originalMaxAge }: Record<string, unknown>): SessionSettings {
  return typeof originalMaxAge === 'number' && originalMaxAge > 0
    ? { persistent: true, idleTimeoutMs: originalMaxAge }
    : { persistent: false };
}
