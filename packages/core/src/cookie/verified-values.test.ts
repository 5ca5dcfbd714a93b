import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';

import { createKeyring } from './keyring.ts';
import { GuardedStore } from '../storage/guarded-store.ts';
import { memoryStore } from '../storage/memory-store.ts';
import { mintToken } from './token.ts';
import { tokenCarrier } from './token-carrier.ts';
import { VerifiedValues } from './verified-values.ts';

describe('values that were verified', () => {
  it('mean what they meant, and another value means nothing', () => {
    const values = new VerifiedValues<{ key: string }>();
    const meaning = { key: 'a' };
    values.keep('a', meaning);
    expect(values.get('a')).toBe(meaning);
    expect(values.get('b')).toBeUndefined();
  });

  it('are 4,000 at most, however many come', () => {
    const values = new VerifiedValues<object>();
    for (let n = 0; n < 20_000; n++) values.keep(`value ${n}`, {});
    expect(values.size).toBeGreaterThanOrEqual(2000);
    expect(values.size).toBeLessThanOrEqual(4000);
    expect(values.get('value 0')).toBeUndefined();
    expect(values.get('value 19999')).toBeDefined();
  });

  it('stay while they are asked for, whoever else comes', () => {
    const values = new VerifiedValues<object>();
    const meaning = {};
    values.keep('regular', meaning);
    const seen = new Set<unknown>();
    for (let n = 0; n < 20_000; n++) {
      values.keep(`value ${n}`, {});
      if (n % 1000 === 0) seen.add(values.get('regular'));
    }
    expect([...seen]).toEqual([meaning]);
    expect(values.size).toBeLessThanOrEqual(4000);
  });

  it('do not keep the headers that they were cut from', () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const values = new VerifiedValues<object>();
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 2000; n++) {
      const header = Buffer.from(`${String(n).padStart(87, 'v')}; ${'x'.repeat(16_000)}`).toString('latin1');
      values.keep(header.slice(0, 87), {});
    }
    collect();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(8e6);
    expect(values.size).toBe(2000);
  });
});

describe('a cookie that was verified', () => {
  const secret = 'a secret '.padEnd(40, 'abcdefghijk');
  const keyring = createKeyring([secret], 'sid', 'token');

  it('lets no other one pass: each of its characters still counts', () => {
    const carrier = tokenCarrier(keyring, new GuardedStore(memoryStore(), 1_000));
    const value = keyring.sign(mintToken());
    const claim = carrier.verify(value);
    expect(claim).toBeDefined();
    expect(carrier.verify(value)).toBe(claim);
    for (let at = 0; at < value.length; at++) {
      const other = value[at] === 'A' ? 'B' : 'A';
      expect(carrier.verify(value.slice(0, at) + other + value.slice(at + 1))).toBeUndefined();
    }
    expect(carrier.verify(`${value}A`)).toBeUndefined();
    expect(carrier.verify(value.slice(0, -1))).toBeUndefined();
  });

  it('that was forged is refused again, also when it comes twice', () => {
    const carrier = tokenCarrier(keyring, new GuardedStore(memoryStore(), 1_000));
    const forged = createKeyring(['another '.padEnd(40, 'x')], 'sid', 'token').sign(mintToken());
    expect(carrier.verify(forged)).toBeUndefined();
    expect(carrier.verify(forged)).toBeUndefined();
  });
});
