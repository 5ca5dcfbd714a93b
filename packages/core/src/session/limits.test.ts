import { describe, expect, it } from 'vitest';

import { type Limits, assertFits } from './limits.ts';

const limits: Limits = { sessionBytes: 1024, sessionKeys: 3 };
const tooLarge = (message: string) =>
  expect.objectContaining({ code: 'SESSION_TOO_LARGE', message: expect.stringContaining(message) });

describe('the limit of bytes', () => {
  // One unit of each is 1, 2, 3 and 2 (of 4 bytes) units in UTF-16.
  it.each([
    ['a', 1],
    ['é', 2],
    ['€', 3],
    ['😀', 4],
  ])('is exact to the byte with %s', (character, size) => {
    const rest = 1024 - 'key'.length;
    const most = Math.floor(rest / size);
    const filler = 'x'.repeat(rest - most * size);
    const fits = character.repeat(most) + filler;
    expect(() => assertFits({ key: fits.slice(0, -1) }, limits)).not.toThrow();
    expect(() => assertFits({ key: fits }, limits)).not.toThrow();
    expect(() => assertFits({ key: `${fits}x` }, limits)).toThrow(tooLarge('1025 bytes; the limit is 1024'));
  });

  it('counts the keys too, and all of them together', () => {
    expect(() => assertFits({ [`é${'k'.repeat(510)}`]: 'v'.repeat(500), b: 'v'.repeat(11) }, limits)).not.toThrow();
    expect(() => assertFits({ [`é${'k'.repeat(510)}`]: 'v'.repeat(500), b: 'v'.repeat(12) }, limits)).toThrow(
      tooLarge('1025 bytes'),
    );
  });

  it('names the largest key, so that one knows where to look', () => {
    expect(() => assertFits({ small: 'x', cart: 'y'.repeat(2000), mid: 'z'.repeat(100) }, limits)).toThrow(
      tooLarge('largest key is "cart" (2004 bytes)'),
    );
  });
});

describe('the limit of keys', () => {
  it('is exact', () => {
    expect(() => assertFits({ a: '1', b: '2' }, limits)).not.toThrow();
    expect(() => assertFits({ a: '1', b: '2', c: '3' }, limits)).not.toThrow();
    expect(() => assertFits({ a: '1', b: '2', c: '3', d: '4' }, limits)).toThrow(tooLarge('4 keys; the limit is 3'));
  });
});
