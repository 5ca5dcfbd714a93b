import { createHmac, timingSafeEqual } from 'node:crypto';

import { cookieValues } from '../cookie/cookie.ts';

/**
 * The value of a cookie that one of these keys has signed as `keygrip` does: HMAC-SHA1 in base64url, in a second cookie.
 */
export function signedValue(header: string | undefined, name: string, keys: readonly string[]): string | undefined {
  const [signature] = cookieValues(header, `${name}.sig`);
  if (signature === undefined) return undefined;
  return cookieValues(header, name).find((value) => keys.some((key) => hasSigned(key, `${name}=${value}`, signature)));
}

function hasSigned(key: string, text: string, signature: string): boolean {
  const given = Buffer.from(signature);
  const expected = Buffer.from(createHmac('sha1', key).update(text).digest('base64url'));
  return given.length === expected.length && timingSafeEqual(given, expected);
}
