import { type KeyObject, createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Encrypts a text with AES-256-GCM: the nonce, what is encrypted, the tag. */
export function encryptText(text: string, key: KeyObject): Buffer {
  const iv = nextNonce();
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const encrypted = cipher.update(text, 'utf8');
  // A stream mode: nothing is left for the end.
  cipher.final();
  return Buffer.concat([iv, encrypted, cipher.getAuthTag()]);
}

/** The text again, if one of the keys encrypted it. */
export function decryptText(bytes: Buffer, keys: readonly KeyObject[]): string | undefined {
  if (bytes.length < IV_BYTES + TAG_BYTES) return undefined;
  for (const key of keys) {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const decrypted = decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES));
    try {
      // Only this says whether the bytes are what was encrypted: nobody sees them before.
      decipher.final();
      return decrypted.toString();
    } catch {
      // Another key encrypted it: one of ours, as the signature has shown.
    }
  }
  return undefined;
}

/** Random bytes for so many nonces at once: asking is what costs, not the bytes. */
const NONCES = 64;
const pool = Buffer.alloc(NONCES * IV_BYTES);
let taken = NONCES;

/** 96 random bits, each used once. They need not be secret: the cookie shows them. */
function nextNonce(): Buffer {
  if (taken === NONCES) {
    randomFillSync(pool);
    taken = 0;
  }
  const from = taken * IV_BYTES;
  taken += 1;
  return pool.subarray(from, from + IV_BYTES);
}
