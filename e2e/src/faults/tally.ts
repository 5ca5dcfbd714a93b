import { tookMs } from './history.ts';
import type { Judged } from './judge.ts';

/** How many of some requests came to what, and the slowest answer: one that never came has no time. */
export interface Tally {
  readonly requests: number;
  readonly right: number;
  readonly refused: number;
  readonly brokenOff: number;
  readonly wrong: number;
  readonly longestMs: number;
}

export function tallyOf(judged: readonly Judged[]): Tally {
  const count = (outcome: string): number => judged.filter(({ verdict }) => verdict.outcome === outcome).length;
  return {
    requests: judged.length,
    right: count('right'),
    refused: count('refused'),
    brokenOff: count('broken off'),
    wrong: count('wrong'),
    longestMs: judged.reduce(
      (longest, { visit }) => Math.max(longest, visit.status === undefined ? 0 : tookMs(visit)),
      0,
    ),
  };
}
