import { describe, expect, it } from 'vitest';
import { count, duration, fromNow, milliseconds, size } from './quantities.ts';

describe('quantities for people', () => {
  it('are in the largest unit that fits', () => {
    expect([999, 1000, 59_999, 60_000, 3_600_000, 86_400_000 * 30].map(duration)).toEqual([
      '999 ms',
      '1 s',
      '59 s',
      '1 min',
      '1 h',
      '30 d',
    ]);
    expect([0, 1023, 1024, 1536, 5 * 1024 * 1024].map(size)).toEqual([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '1.5 KiB',
      '5.0 MiB',
    ]);
    expect([0.4213, 12.4].map(milliseconds)).toEqual(['0.42 ms', '12 ms']);
  });

  it('say whether it was or will be', () => {
    expect(fromNow(1_000_000, 1_000_500)).toBe('now');
    expect(fromNow(0, 7_200_000)).toBe('2 h ago');
    expect(fromNow(7_200_000, 0)).toBe('in 2 h');
  });

  it('are one or many', () => {
    expect(count(1, 'session')).toBe('1 session');
    expect(count(12_345, 'session')).toBe('12,345 sessions');
  });
});
