import { hash, randomBytes } from 'node:crypto';

import type { SessionKey } from '../store.ts';

/**
 * The bearer secret in the cookie: 256 random bits as 43 base64url characters
 * (OWASP ASVS 5.0 V7.2.3 asks for 128 bits). It leaves the process only in the cookie.
 */
export function mintToken(): string {
  return randomBytes(32).toString('base64url');
}

/** 43 characters; the last one carries 4 bits, so only some of the alphabet can end a token. */
const tokenShape = /^[\w-]{42}[AEIMQUYcgkosw048]$/;

export function isToken(value: string): boolean {
  return tokenShape.test(value);
}

/**
 * The key under which the store knows the token's session. One way, so that a reader of the store
 * cannot become a user of the session (CVE-2019-16782).
 */
export function keyOf(token: string): SessionKey {
  return hash('sha256', token, 'hex');
}

const keyShape = /^[0-9a-f]{64}$/;

export function isSessionKey(value: string): boolean {
  return keyShape.test(value);
}
