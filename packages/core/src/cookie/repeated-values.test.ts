import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { cookieCarrier } from './cookie-sessions.ts';
import { RepeatedValues } from './repeated-values.ts';
import { cookieFrame } from '../testing/cookie-frame.ts';
import { VerifiedValues } from './verified-values.ts';

const secret = 'PV3x8kN0qzq0m1Tt9yJ2bq7rGdLwXoEhYcUaSfIi4Zk';
const signature = (): string => randomBytes(32).toString('base64url');

describe('values that come again', () => {
  it('are known by it, while not too many others come', () => {
    const values = new RepeatedValues();
    const some = Array.from({ length: 100 }, signature);
    expect(some.filter((value) => values.isRepeated(value))).toEqual([]);
    expect(some.filter((value) => values.isRepeated(value)).length).toBeGreaterThan(75);
  });

  it('are hardly ever taken for each other', () => {
    const values = new RepeatedValues();
    const taken = Array.from({ length: 20_000 }, () => values.isRepeated(signature()));
    expect(taken.filter(Boolean).length).toBeLessThan(20);
  });
});

describe('values that hold sessions', () => {
  it('are kept by the million characters, not by their number', () => {
    const values = new VerifiedValues<object>();
    for (let n = 0; n < 2000; n += 1) values.keep(String(n).padStart(4000, 'v'), {});
    expect(values.size).toBeGreaterThanOrEqual(250);
    expect(values.size).toBeLessThanOrEqual(502);
  });
});

describe.each([
  ['signed', false],
  ['encrypted', true],
])('a %s session that comes again and again', (_, encrypt) => {
  let now = 1000;
  const carrier = cookieCarrier(
    [secret],
    encrypt,
    cookieFrame(() => now),
  );
  const times = { createdAt: 1, touchedAt: 1, expiresAt: 2000, writeIds: [] };

  async function cookieOf(fields: Record<string, string>): Promise<string> {
    const claim = carrier.mint();
    await claim.store.create(claim.key, { fields, ...times });
    return claim.cookieValue();
  }

  it('is each time one of its own: what one request makes of it no other one sees', async () => {
    const value = await cookieOf({ n: '1' });
    for (let n = 0; n < 5; n += 1) {
      const claim = carrier.verify(value);
      expect(await claim?.store.read(claim.key)).toMatchObject({ record: { fields: { n: '1' }, ...times } });
      const changed = { ...times, fields: { n: '2' }, touchedAt: 2, expiresAt: 1500, owner: 'ada' };
      await claim?.store.replace(claim.key, claim.atHand?.record, changed);
      if (n % 2 === 0) await claim?.store.destroy(claim.key);
    }
  });

  it('lets no other value pass, and ends when its time is up', async () => {
    const value = await cookieOf({ n: '1' });
    for (let n = 0; n < 3; n += 1) expect(carrier.verify(value)?.atHand?.record?.fields).toEqual({ n: '1' });
    for (let at = 0; at < value.length; at += 1) {
      const forged = value.slice(0, at) + (value[at] === 'A' ? 'B' : 'A') + value.slice(at + 1);
      expect([carrier.verify(forged), carrier.verify(forged), carrier.verify(forged)]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    }
    now = 2000;
    expect(carrier.verify(value)?.atHand?.record).toBeUndefined();
    now = 1000;
  });
});
