import { createSecretKey, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { decryptText, encryptText } from './encryption.ts';

const key = createSecretKey(randomBytes(32));
const other = createSecretKey(randomBytes(32));

describe('an encrypted text', () => {
  it('never has a nonce that another one had, however many are drawn at once', () => {
    const all = Array.from({ length: 2000 }, () => encryptText('text', key));
    expect(new Set(all.map((bytes) => bytes.subarray(0, 12).toString('hex'))).size).toBe(2000);
    // Those that were made before are not touched by what is drawn after them.
    for (const bytes of all) expect(decryptText(bytes, [key])).toBe('text');
  });

  it.each(['', 'a', '{"name":"é € 𝄞"}', 'x'.repeat(4000)])(
    '%# is read with any of the keys, and with no other',
    (text) => {
      const bytes = encryptText(text, key);
      expect(decryptText(bytes, [other, key])).toBe(text);
      expect(decryptText(bytes, [other])).toBeUndefined();
    },
  );

  it('of which a bit was changed, or a byte is missing, is none', () => {
    const bytes = encryptText('{"admin":false}', key);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(decryptText(changed, [key])).toBeUndefined();
    }
    for (let length = 0; length < bytes.length; length += 1)
      expect(decryptText(bytes.subarray(0, length), [key])).toBeUndefined();
  });
});
