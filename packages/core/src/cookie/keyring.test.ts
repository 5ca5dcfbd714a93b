import { createHmac } from 'node:crypto';

import { sign } from 'cookie-signature';
import { describe, expect, it } from 'vitest';

import { createKeyring, deriveKey } from './keyring.ts';
import { GuardedStore } from '../storage/guarded-store.ts';
import { memoryStore } from '../storage/memory-store.ts';
import { keyOf, mintToken } from './token.ts';
import { tokenCarrier } from './token-carrier.ts';

const oldSecret = 'old '.padEnd(40, 'abcdefghijk');
const newSecret = 'new '.padEnd(40, 'lmnopqrstuv');

const ring = (...secrets: [string, ...string[]]) => createKeyring(secrets, 'sid', 'token');
const carrier = (...secrets: [string, ...string[]]) =>
  tokenCarrier(ring(...secrets), new GuardedStore(memoryStore(), 1_000));

describe('a signed value', () => {
  it('is verified by the keyring that signed it, and by every worker with the same secret', () => {
    const signed = ring(oldSecret).sign('value');
    expect(ring(oldSecret).verify(signed)).toBe('value');
  });

  it('that is empty is the empty text, not a refusal', () => {
    const keyring = ring(oldSecret);
    expect(keyring.verify(keyring.sign(''))).toBe('');
  });

  it('is worth nothing under another cookie name or for another purpose', () => {
    const signed = ring(oldSecret).sign('value');
    expect(createKeyring([oldSecret], '__Host-sid', 'token').verify(signed)).toBe(false);
    expect(createKeyring([oldSecret], 'sid', 'session').verify(signed)).toBe(false);
    // The name and the purpose cannot run into each other either: a name holds no slash.
    expect(createKeyring([oldSecret], 'sid', 'toke').verify(signed)).toBe(false);
  });

  it('is not what plain cookie-signature makes with the secret: an app that signs other cookies with it signs no session', () => {
    expect(ring(oldSecret).verify(sign('value', oldSecret))).toBe(false);
    expect(ring(oldSecret).verify(`value.${createHmac('sha256', '').update('value').digest('base64')}`)).toBe(false);
  });

  it('has a different key for each use of the secret', () => {
    const keys = [
      deriveKey(oldSecret, 'sid', 'token'),
      deriveKey(oldSecret, 'sid', 'session'),
      deriveKey(oldSecret, 'sid', 'encryption'),
      deriveKey(oldSecret, 'other', 'token'),
      deriveKey(newSecret, 'sid', 'token'),
    ].map((key) => key.export().toString('hex'));
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.every((key) => /^[0-9a-f]{64}$/.test(key))).toBe(true);
  });
});

describe('rotating the secret in two deploys', () => {
  const stages: [string, string, ...string[]][] = [
    ['before', oldSecret],
    ['the first deploy: the new one verifies everywhere', oldSecret, newSecret],
    ['the second deploy: the new one signs', newSecret, oldSecret],
    ['after the absolute timeout: the old one is gone', newSecret],
  ];

  it.each([0, 1, 2])('workers of stage %i and of the next accept what the other signs', (index) => {
    const [, ...one] = stages[index] ?? ['', ''];
    const [, ...two] = stages[index + 1] ?? ['', ''];
    // The old secret goes when nothing that it signed can be alive any more.
    const lasting = index === 2 ? [[two, one] as const] : [[one, two] as const, [two, one] as const];
    for (const [signer, verifier] of lasting) {
      expect(ring(...verifier).verify(ring(...signer).sign('value'))).toBe('value');
    }
  });

  it('in one step is what breaks: workers that were not yet deployed refuse the new signatures', () => {
    expect(ring(oldSecret).verify(ring(newSecret, oldSecret).sign('value'))).toBe(false);
  });

  it('ends with the old secret verifying nothing', () => {
    expect(ring(newSecret).verify(ring(oldSecret).sign('value'))).toBe(false);
  });
});

describe('a token in the cookie', () => {
  const value = ((): string => {
    // A token and a signature with - and _ each, so that all look-alikes are among the characters.
    for (;;) {
      const minted = carrier(oldSecret).mint().cookieValue();
      if (/^(?=[^.]*-)(?=[^.]*_)(?=.*\..*-)(?=.*\..*_)/.test(minted)) return minted;
    }
  })();

  it('has 87 characters and stands for its key', () => {
    expect(value).toHaveLength(87);
    expect(carrier(newSecret, oldSecret).verify(value)?.key).toBe(keyOf(value.slice(0, 43)));
  });

  it('needs no escaping: a framework that percent-encodes cookies leaves it as it is', () => {
    for (let count = 0; count < 100; count += 1) {
      const minted = carrier(oldSecret).mint().cookieValue();
      expect(encodeURIComponent(minted)).toBe(minted);
    }
  });

  it('stands for nothing when any bit of any character is flipped', () => {
    const { verify } = carrier(oldSecret);
    let flipped = 0;
    for (let at = 0; at < value.length; at += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const other = String.fromCharCode(value.charCodeAt(at) ^ (1 << bit));
        expect(verify(`${value.slice(0, at)}${other}${value.slice(at + 1)}`), `character ${at}, bit ${bit}`).toBe(
          undefined,
        );
        flipped += 1;
      }
    }
    expect(flipped).toBe(87 * 8);
  });

  it('stands for nothing when a character is lost or added anywhere', () => {
    const { verify } = carrier(oldSecret);
    for (let at = 0; at < value.length; at += 1) {
      for (const added of [' ', '=', '.', 'A', '\0'])
        expect(verify(`${value.slice(0, at)}${added}${value.slice(at)}`)).toBe(undefined);
      expect(verify(value.slice(0, at) + value.slice(at + 1))).toBe(undefined);
    }
  });

  it('stands for nothing in any other spelling of the same bytes', () => {
    const { verify } = carrier(oldSecret);
    const [token = '', signature = ''] = value.split('.');
    const spellings = [
      `${value}=`,
      `${value} `,
      `${value}.`,
      value.replace('.', '%2E'),
      value.toUpperCase(),
      value.toLowerCase(),
      `"${value}"`,
      `s:${value}`,
      `${token}.${Buffer.from(signature, 'base64url').toString('base64').replace('=', '')}`,
      `${token}.${Buffer.from(signature, 'base64url').toString('hex')}`,
      `${token}=.${signature}`,
      `${token.replaceAll('-', '+').replaceAll('_', '/')}.${signature}`,
    ];
    expect(spellings.filter((spelling) => verify(spelling) !== undefined)).toEqual([]);
  });

  it('stands for nothing when what was signed is no token', () => {
    const { verify } = carrier(oldSecret);
    const token = mintToken();
    const signed = [
      '',
      'a.b',
      token.slice(1),
      `${token}A`,
      `${token.slice(0, 42)}B`,
      '../../x',
      '../'.repeat(14).padEnd(43, 'x'),
      '\0'.repeat(43),
      'é'.repeat(43),
      keyOf(token),
      JSON.stringify({ token }),
    ];
    expect(signed.filter((text) => verify(ring(oldSecret).sign(text)) !== undefined)).toEqual([]);
  });

  it('of another secret, name or purpose stands for nothing', () => {
    const { verify } = carrier(oldSecret);
    const token = mintToken();
    for (const other of [
      ring(newSecret),
      createKeyring([oldSecret], 'other', 'token'),
      createKeyring([oldSecret], 'sid', 'session'),
    ])
      expect(verify(other.sign(token))).toBe(undefined);
  });

  it('of a megabyte is refused by its length', () => {
    expect(carrier(oldSecret).verify('a'.repeat(1_000_000))).toBe(undefined);
  });
});
