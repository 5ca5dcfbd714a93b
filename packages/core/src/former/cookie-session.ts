import type { FormerCookie } from './former-cookie.ts';
import { type FormerSessions, type OwnerOf, ownerOf } from './former-sessions.ts';
import { signedValue } from './keygrip.ts';
import { objectInBase64 } from './parsed.ts';
import { secretsOf } from './secrets-of.ts';
import { seedOf } from './seed.ts';

/** Options of {@link cookieSession}. */
export interface CookieSessionOptions extends Partial<FormerCookie> {
  /** The keys of cookie-session; of `secret` there, `[secret]`. They only verify. */
  keys: readonly string[];
  /** The cookie's name. @default 'session' */
  name?: string;
  /** Whose session it is, by its data. @default nobody's */
  owner?: OwnerOf;
}

/**
 * The sessions of cookie-session, which are in their cookies.
 *
 * @throws SessError `CONFIG_INVALID` without keys
 */
export function cookieSession({ keys, name = 'session', owner, ...place }: CookieSessionOptions): FormerSessions {
  const secrets = secretsOf(keys, 'cookieSession({ keys }) takes the keys of cookie-session.');
  return {
    cookieName: name,
    find(header) {
      const value = signedValue(header, name, secrets);
      if (value === undefined) return undefined;
      const data = objectInBase64(value);
      return {
        seed: seedOf(secrets, 'cookie-session', value),
        cookies: [name, `${name}.sig`].map((each) => ({ name: each, ...place })),
        read: async () => data && { data, owner: ownerOf(data, owner) },
      };
    },
  };
}
