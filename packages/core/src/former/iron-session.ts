import { cookieValues } from '../cookie/cookie.ts';
import { SessError } from '../errors.ts';
import type { FormerCookie } from './former-cookie.ts';
import { type FormerSession, type FormerSessions, type OwnerOf, ownerOf } from './former-sessions.ts';
import { decoded, isObject } from './parsed.ts';
import { seedOf } from './seed.ts';

/** `unsealData` of iron-session. */
export type Unseal = (seal: string, options: { password: string | Record<string, string> }) => Promise<unknown>;

/** Options of {@link ironSession}. */
export interface IronSessionOptions extends Partial<Omit<FormerCookie, 'name'>> {
  /** `unsealData`, imported from iron-session. */
  unsealData: Unseal;
  /** The password of iron-session, or all of them by their ids. They only open seals. */
  password: string | Record<string, string>;
  /** The cookie's name, as iron-session was given it. */
  cookieName: string;
  /** Whose session it is, by its data. @default nobody's */
  owner?: OwnerOf;
}

/** What iron-session asks of a password, in characters. */
const SHORTEST_PASSWORD = 32;

/** To open one costs some half a millisecond, and a browser has one, or one for each path. More are an attack. */
const MOST_OPENED = 4;

/**
 * The sessions of iron-session, which are sealed in their cookies.
 *
 * @throws SessError `CONFIG_INVALID` without `unsealData`, a password that iron-session takes, or a cookie name
 */
export function ironSession(options: IronSessionOptions): FormerSessions {
  const { unsealData, password, cookieName: name, owner, ...place } = options;
  if (typeof unsealData !== 'function')
    throw new SessError(
      'CONFIG_INVALID',
      'ironSession({ unsealData }) takes the function unsealData of the package iron-session.',
    );
  const passwords = typeof password === 'string' ? [password] : Object.values(password ?? {});
  if (passwords.length === 0 || passwords.some((one) => typeof one !== 'string' || one.length < SHORTEST_PASSWORD))
    throw new SessError(
      'CONFIG_INVALID',
      `ironSession({ password }) takes the password of iron-session, which has ${SHORTEST_PASSWORD} characters or more.`,
    );
  if (!name) throw new SessError('CONFIG_INVALID', 'ironSession({ cookieName }) takes the name of the cookie.');

  /** What a seal holds; `undefined` where it is forged, garbled or has ended. */
  async function opened(seal: string): Promise<Record<string, unknown> | undefined> {
    try {
      const data = await unsealData(seal, { password });
      // iron-session answers a forged seal, and one that has ended, with an empty object.
      return isObject(data) && Object.keys(data).length > 0 ? data : undefined;
    } catch {
      return undefined;
    }
  }

  async function firstOpened(values: readonly string[]): Promise<FormerSession | undefined> {
    for (const value of values.slice(0, MOST_OPENED)) {
      const seal = decoded(value);
      const data = seal === undefined ? undefined : await opened(seal);
      if (seal === undefined || data === undefined) continue;
      return {
        // The seal is the secret itself: nobody but the browser has ever had it. The version after it is not sealed, so
        // another one there must not name another session: it would live on after a logout.
        seed: seedOf([seal.replace(/~.*$/s, '')], 'iron-session', ''),
        cookies: [{ name, ...place }],
        read: async () => ({ data, owner: ownerOf(data, owner) }),
        lastsUntil: expirationOf(seal),
      };
    }
    return undefined;
  }

  return {
    cookieName: name,
    find(header) {
      const values = cookieValues(header, name);
      return values.length === 0 ? undefined : firstOpened(values);
    },
  };
}

/** The instant in a seal, `Fe26.2*<password id>*<salt>*<iv>*<data>*<expiration>*...`; it is empty where `ttl` was 0. */
function expirationOf(seal: string): number | undefined {
  const expiration = Number(seal.split('*')[5]);
  return expiration > 0 ? expiration : undefined;
}
