import type { Results } from './measure-all.ts';
import type { Measurement, Rounds } from './rounds.ts';
import { type Spread, interval } from './statistics.ts';

/** CPU above the server without sessions, round by round. */
export function addedCpu(rounds: Rounds, name: string, floor: string): number[] {
  const own = rounds.get(name) ?? [];
  const below = rounds.get(floor) ?? [];
  return own.map((measurement, round) => measurement.cpuUs - cpuOf(below[round]));
}

/** How many times as much one adds as another: the ratio of each round, its median and interval. */
export function ratio(own: readonly number[], other: readonly number[]): Spread {
  return interval(own.map((added, round) => added / (other[round] ?? Number.NaN)));
}

function cpuOf(measurement: Measurement | undefined): number {
  return measurement?.cpuUs ?? Number.NaN;
}

/** One line of what is to be reached. */
export interface Verdict {
  goal: string;
  found: Spread;
  limit: string;
  isReached: boolean;
}

export interface Goal {
  goal: string;
  group: string;
  scenario: string;
  /** Whose added CPU, and whose it is divided by; without `by` it is judged in microseconds. */
  who: string;
  by?: string;
  atMost?: number;
  atLeast?: number;
}

const sess = '@sess/redis';
const ideal = 'ideal (Redis)';
const peer = 'express-session + connect-redis';
const raw = 'raw calls (files)';
const turns = 'raw calls (files), 3 at a time';
const fileStore = 'express-session + session-file-store';

export const goals: readonly Goal[] = [
  { goal: 'R on Redis, by ideal', group: 'Redis', scenario: 'R', who: sess, by: ideal, atMost: 1.4 },
  { goal: 'W on Redis, by ideal', group: 'Redis', scenario: 'W', who: sess, by: ideal, atMost: 1.4 },
  { goal: 'R64 on Redis, by ideal', group: 'Redis', scenario: 'R64', who: sess, by: ideal, atMost: 0.5 },
  { goal: 'W64 on Redis, by ideal', group: 'Redis', scenario: 'W64', who: sess, by: ideal, atMost: 0.35 },
  { goal: 'R64: connect-redis by us', group: 'Redis', scenario: 'R64', who: peer, by: sess, atLeast: 12 },
  { goal: 'W64: connect-redis by us', group: 'Redis', scenario: 'W64', who: peer, by: sess, atLeast: 12 },
  { goal: 'N, in us', group: 'Without a session', scenario: 'N', who: sess, atMost: 3 },
  { goal: 'R on files, by the raw calls', group: 'Files', scenario: 'R', who: '@sess/fs', by: raw, atMost: 1.5 },
  { goal: 'W on files, by the raw calls', group: 'Files', scenario: 'W', who: '@sess/fs', by: raw, atMost: 1.5 },
  {
    goal: 'R on files, by the raw calls, 3 at a time',
    group: 'Files',
    scenario: 'R',
    who: '@sess/fs',
    by: turns,
    atMost: 1.5,
  },
  {
    goal: 'W on files, by the raw calls, 3 at a time',
    group: 'Files',
    scenario: 'W',
    who: '@sess/fs',
    by: turns,
    atMost: 1.5,
  },
  { goal: 'R: session-file-store by us', group: 'Files', scenario: 'R', who: fileStore, by: '@sess/fs', atLeast: 8 },
  {
    goal: 'W: session-file-store by us, both with fsync',
    group: 'Files',
    scenario: 'W',
    who: fileStore,
    by: '@sess/fs, fsync',
    atLeast: 3,
  },
  {
    goal: 'W: session-file-store by us, both without',
    group: 'Files',
    scenario: 'W',
    who: `${fileStore}, fsync off`,
    by: '@sess/fs',
    atLeast: 3,
  },
  ...['@sess cookie sessions', '@sess cookie sessions, encrypted'].flatMap((name) =>
    ['R', 'W'].map((scenario) => ({
      goal: `${scenario}: iron-session by ${name}`,
      group: 'Cookies and memory',
      scenario,
      who: 'iron-session',
      by: name,
      atLeast: 5,
    })),
  ),
];

export function judge(goal: Goal, rounds: Rounds): Verdict {
  const own = addedCpu(rounds, goal.who, 'bare');
  const found = goal.by === undefined ? interval(own) : ratio(own, addedCpu(rounds, goal.by, 'bare'));
  const { atMost = Infinity, atLeast = -Infinity } = goal;
  // In microseconds the upper end counts, else the median.
  const isReached = goal.by === undefined ? found.high <= atMost : found.median <= atMost && found.median >= atLeast;
  const limit = goal.atLeast === undefined ? `at most ${goal.atMost}` : `at least ${goal.atLeast}`;
  return { goal: goal.goal, found, limit, isReached };
}

/** What is judged by one figure: files at the largest scale, and Redis's memory. */
export function judgeRest({ files, memory }: Pick<Results, 'files' | 'memory'>): Verdict[] {
  const largest = files.at(-1);
  const verdicts = memory.map(({ shape, ours, peer: theirs }) =>
    atMost(`Redis's memory, ${shape}, by connect-redis's`, ours / theirs, 1),
  );
  if (largest !== undefined) {
    const { sessions, stallMs, sweepCpuSeconds, walkCpuSeconds } = largest;
    verdicts.push(
      atMost(`sweep of ${sessions} sessions: longest stall, in ms`, stallMs, 20),
      atMost(
        `sweep of ${sessions} sessions: CPU, by a walk that lists each directory`,
        sweepCpuSeconds / walkCpuSeconds,
        1.5,
      ),
    );
  }
  return verdicts;
}

function atMost(goal: string, figure: number, limit: number): Verdict {
  const found = { median: figure, low: figure, high: figure };
  return { goal, found, limit: `at most ${limit}`, isReached: figure <= limit };
}
