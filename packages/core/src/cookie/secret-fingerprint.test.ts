import { createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { deriveKey } from './keyring.ts';
import { secretFingerprint } from './secret-fingerprint.ts';

describe("a secret's fingerprint", () => {
  it('is the same in every process and release, and another one for another secret', () => {
    expect(secretFingerprint('a secret that is only good for tests')).toBe('34e01b17');
    const secrets = Array.from({ length: 200 }, () => randomBytes(32).toString('base64url'));
    const fingerprints = secrets.map(secretFingerprint);
    expect(fingerprints.filter((one) => !/^[0-9a-f]{8}$/.test(one))).toEqual([]);
    expect(new Set(fingerprints).size).toBeGreaterThan(195);
    expect(secrets.map(secretFingerprint)).toEqual(fingerprints);
  });

  it('is no part of the secret, its hash, or a key that signs', () => {
    const secret = randomBytes(32).toString('base64url');
    const fingerprint = secretFingerprint(secret);
    const others = [
      Buffer.from(secret).toString('hex'),
      createHash('sha256').update(secret).digest('hex'),
      createHmac('sha256', secret).update('sess').digest('hex'),
      ...['sid', '__Host-sid', 'fingerprint', ''].flatMap((name) =>
        ['token', 'session', 'fingerprint', ''].map((purpose) =>
          deriveKey(secret, name, purpose).export().toString('hex'),
        ),
      ),
    ];
    expect(others.filter((other) => other.includes(fingerprint))).toEqual([]);
    // The control: made from the key that signs, it would be found in it.
    const careless = Buffer.from(hkdfSync('sha256', secret, 'sess', 'sess/v1/sid/token', 4)).toString('hex');
    expect(others.filter((other) => other.includes(careless))).toHaveLength(1);
  });
});
