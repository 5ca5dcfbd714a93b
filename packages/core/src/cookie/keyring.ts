import { type KeyObject, createSecretKey, hkdfSync } from 'node:crypto';

import { sign, unsign } from 'cookie-signature';

/** Signs cookie values with the first secret and verifies them with any. */
export interface Keyring {
  sign(value: string): string;
  /** The value that was signed, or `false`. Compare with `=== false`: a signed value may be empty. */
  verify(signed: string): string | false;
}

/**
 * A key for one purpose, derived from the secret (HKDF-SHA256, RFC 5869). A value signed for one
 * cookie is worth nothing under another name, nor for another purpose.
 */
export function deriveKey(secret: string, cookieName: string, purpose: string): KeyObject {
  const bits = hkdfSync('sha256', secret, 'sess', `sess/v1/${cookieName}/${purpose}`, 32);
  return createSecretKey(new Uint8Array(bits));
}

/**
 * The signature in the alphabet of the token, base64url: frameworks percent-encode `+` and `/` when they set a cookie
 * (Next.js, Hono), and what comes back is taken verbatim. One spelling alone is accepted.
 */
function toCookie(signed: string): string {
  const dot = signed.lastIndexOf('.');
  return signed.slice(0, dot) + signed.slice(dot).replaceAll('+', '-').replaceAll('/', '_');
}

function fromCookie(value: string): string | undefined {
  const dot = value.lastIndexOf('.');
  const signature = value.slice(dot);
  if (/[+/]/.test(signature)) return undefined;
  return value.slice(0, dot) + signature.replaceAll('-', '+').replaceAll('_', '/');
}

export function createKeyring(secrets: readonly [string, ...string[]], cookieName: string, purpose: string): Keyring {
  const [first, ...others] = secrets;
  const signing = deriveKey(first, cookieName, purpose);
  const verifying = [signing, ...others.map((secret) => deriveKey(secret, cookieName, purpose))];
  return {
    sign: (value) => toCookie(sign(value, signing)),
    verify(signed) {
      const plain = fromCookie(signed);
      if (plain === undefined) return false;
      for (const key of verifying) {
        const value = unsign(plain, key);
        if (value !== false) return value;
      }
      return false;
    },
  };
}
