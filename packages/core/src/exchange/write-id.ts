import { randomBytes } from 'node:crypto';

const writer = randomBytes(6).toString('base64url');
let count = 0;

/** A name for a write that no other write of any process has: at most 16 characters of `0-9A-Za-z_-`. */
export function newWriteId(): string {
  count += 1;
  return writer + count.toString(36);
}
