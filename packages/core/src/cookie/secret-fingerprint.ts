import { hkdfSync } from 'node:crypto';

/** Enough to tell secrets apart, and too little to be of use for anything else. */
const FINGERPRINT_BYTES = 4;

/**
 * A short name of a secret, to compare two workers' without showing either: 8 hex digits.
 *
 * Derived with HKDF-SHA256 (RFC 5869) for this purpose alone, so neither the secret nor a key that
 * signs can be found from it. Like a signed cookie it lets somebody check a guess: nobody guesses 32 random bytes, but
 * anybody guesses a word.
 */
export function secretFingerprint(secret: string): string {
  // No key for a cookie has this purpose: theirs are `sess/v1/<cookie name>/<purpose>`.
  return Buffer.from(hkdfSync('sha256', secret, 'sess', 'sess/v1/fingerprint', FINGERPRINT_BYTES)).toString('hex');
}
