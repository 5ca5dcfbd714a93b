import { describe, expect, it } from 'vitest';
import { interval, median, range } from './statistics.ts';

describe('a figure of several rounds', () => {
  it('is their median: one round that was disturbed does not move it', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([10, 11, 900, 12, 9])).toBe(11);
    expect(median([])).toBe(Number.NaN);
    expect(range([3, 1, 2])).toEqual({ median: 2, low: 1, high: 3 });
  });

  // The tables of the sign test: with 6 to 8 values the extremes, with 9 to 11 the second ones.
  it('has an interval that is 95 % sure, by order statistics', () => {
    const upTo = (n: number) => Array.from({ length: n }, (_, at) => at + 1);
    expect(interval(upTo(6))).toEqual({ median: 3.5, low: 1, high: 6 });
    expect(interval(upTo(8))).toEqual({ median: 4.5, low: 1, high: 8 });
    expect(interval(upTo(9))).toEqual({ median: 5, low: 2, high: 8 });
    expect(interval(upTo(12))).toEqual({ median: 6.5, low: 3, high: 10 });
    expect(interval(upTo(20))).toEqual({ median: 10.5, low: 6, high: 15 });
  });
});
