import type { Results } from './measure-all.ts';
import type { Measurement, Rounds } from './rounds.ts';
import { type Spread, interval } from './statistics.ts';

/** CPU above the server without sessions, round by round. */
export function addedCpu(rounds: Rounds, name: string, floor: string): number[] {
  const own = rounds.get(name) ?? [];
  const below = rounds.get(floor) ?? [];
  return own.map((measurement, round) => measurement.cpuUs - cpuOf(below[round]));
}

/** The same, and what the store's server spends on the request. */
export function addedWithServer(rounds: Rounds, name: string, floor: string): number[] {
  const own = rounds.get(name) ?? [];
  return addedCpu(rounds, name, floor).map((added, round) => added + (own[round]?.serverCpuUs ?? Number.NaN));
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
  /** The server's CPU counts too, on both sides. */
  withServer?: true;
  atMost?: number;
  atLeast?: number;
}

const sess = '@sess/redis';
const ideal = 'ideal (Redis)';
const peer = 'express-session + connect-redis';
const idealPostgres = 'ideal (PostgreSQL)';
const ownPostgres = '@sess/postgres';
const pgSimple = 'express-session + connect-pg-simple';
const rawFile = 'raw readFile, write + rename';
const fileStore = 'express-session + session-file-store';

export const goals: readonly Goal[] = [
  { goal: 'R on Redis, by ideal', group: 'Redis', scenario: 'R', who: sess, by: ideal, atMost: 0.6 },
  {
    goal: 'W on Redis, process and server, by ideal',
    group: 'Redis',
    scenario: 'W',
    who: sess,
    by: ideal,
    withServer: true,
    atMost: 1.1,
  },
  { goal: 'R64 on Redis, by ideal', group: 'Redis', scenario: 'R64', who: sess, by: ideal, atMost: 0.4 },
  { goal: 'W64 on Redis, by ideal', group: 'Redis', scenario: 'W64', who: sess, by: ideal, atMost: 0.35 },
  { goal: 'R64: connect-redis by us', group: 'Redis', scenario: 'R64', who: peer, by: sess, atLeast: 12 },
  { goal: 'W64: connect-redis by us', group: 'Redis', scenario: 'W64', who: peer, by: sess, atLeast: 12 },
  ...(
    [
      ['R on PostgreSQL, process and server, by ideal', 'R', { who: ownPostgres, by: idealPostgres, atMost: 1.2 }],
      ['W on PostgreSQL, process and server, by ideal', 'W', { who: ownPostgres, by: idealPostgres, atMost: 1.3 }],
      ['R: connect-pg-simple by us, process and server', 'R', { who: pgSimple, by: ownPostgres, atLeast: 1 }],
      ['W: connect-pg-simple by us, process and server', 'W', { who: pgSimple, by: ownPostgres, atLeast: 1 }],
    ] as const
  ).map(([goal, scenario, rest]): Goal => ({ goal, group: 'PostgreSQL', scenario, withServer: true, ...rest })),
  { goal: 'N, in us', group: 'Without a session', scenario: 'N', who: sess, atMost: 3 },
  { goal: 'R on files, by readFile', group: 'Files', scenario: 'R', who: '@sess/fs', by: rawFile, atMost: 0.8 },
  { goal: 'W on files, by write + rename', group: 'Files', scenario: 'W', who: '@sess/fs', by: rawFile, atMost: 0.8 },
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
  const added = goal.withServer ? addedWithServer : addedCpu;
  const own = added(rounds, goal.who, 'bare');
  const found = goal.by === undefined ? interval(own) : ratio(own, added(rounds, goal.by, 'bare'));
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
