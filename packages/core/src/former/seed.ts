import { hkdfSync } from 'node:crypto';

/**
 * What a new token is made of: 256 bits that follow from a secret of the old library and an id (RFC 5869). The old store
 * knows the ids, so they alone must not be enough. It is always the first secret, whichever signed the cookie: else a
 * cookie that was signed anew would name another session.
 */
export function seedOf([secret]: readonly [string, ...string[]], library: string, id: string): string {
  return Buffer.from(hkdfSync('sha256', secret, '', `@sess formerly ${library} ${id}`, 32)).toString('base64url');
}
