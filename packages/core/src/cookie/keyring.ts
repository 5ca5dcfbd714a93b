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

export function createKeyring(secrets: readonly [string, ...string[]], cookieName: string, purpose: string): Keyring {
  const [first, ...others] = secrets;
  const signing = deriveKey(first, cookieName, purpose);
  const verifying = [signing, ...others.map((secret) => deriveKey(secret, cookieName, purpose))];
  return {
    sign: (value) => sign(value, signing),
    verify(signed) {
      for (const key of verifying) {
        const value = unsign(signed, key);
        if (value !== false) return value;
      }
      return false;
    },
  };
}
