/** A figure of several rounds. */
export interface Spread {
  median: number;
  low: number;
  high: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return Number.NaN;
  const above = sorted[Math.floor(middle)] ?? Number.NaN;
  return sorted.length % 2 === 1 ? above : (above + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** Median, smallest and largest. */
export function range(values: readonly number[]): Spread {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/**
 * Median, and the interval that holds the true one with 95 % confidence: order statistics, which assume nothing about
 * how the values are spread. With fewer than 6 values no interval is that sure, and it is the whole range.
 */
export function interval(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const n = sorted.length;
  // The true median lies below the k-th smallest, or above the k-th largest, when fewer than k of n throws are heads.
  let cut = 0;
  while (2 * headsAtMost(cut, n) <= 0.05) cut += 1;
  const at = Math.max(0, cut - 1);
  return { median: median(values), low: sorted[at] ?? Number.NaN, high: sorted[n - 1 - at] ?? Number.NaN };
}

/** The probability of at most so many heads in n throws of a coin. */
function headsAtMost(most: number, n: number): number {
  let sum = 0;
  let ways = 1;
  for (let heads = 0; heads <= most; heads += 1) {
    sum += ways * 0.5 ** n;
    ways = (ways * (n - heads)) / (heads + 1);
  }
  return sum;
}
