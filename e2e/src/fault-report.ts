import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Observation } from './careful-visitor.ts';
import { SessionLoad, tallyOf } from './session-load.ts';

export interface Fault {
  readonly name: string;
  begin(load: SessionLoad): Promise<void> | void;
  /** Resolves when nothing is broken any more. */
  end(load: SessionLoad): Promise<void> | void;
  /** Between the two. */
  readonly lastsMs?: number;
  /** How long after its end there may still be 503s. */
  readonly recoversWithinMs?: number;
}

export interface FaultRow {
  readonly fault: string;
  readonly 'requests during': number;
  readonly right: number;
  readonly '503': number;
  readonly wrong: number;
  readonly 'longest ms': number;
  readonly 'recovered after ms': number;
}

export interface FaultRun {
  readonly row: FaultRow;
  /** What was under way while it was broken, or while it was mended. */
  readonly during: readonly Observation[];
  /** What was asked and answered before anybody began to mend it. */
  readonly within: readonly Observation[];
  /** What was wrong at any time. */
  readonly problems: readonly string[];
}

/** Two seconds for the store, one for the machine. */
export const longestAnswerMs = 3_000;

/** Visitors before, during and after a fault, and what they saw. */
export async function observe(url: string, { name, begin, end, lastsMs = 1_500 }: Fault): Promise<FaultRun> {
  const load = new SessionLoad(url);
  await load.start();
  await pause(300);
  const beganAt = performance.now();
  await begin(load);
  const brokenAt = performance.now();
  await pause(lastsMs);
  const mendedAt = performance.now();
  await end(load);
  const endedAt = performance.now();
  await load.untilServed();
  await load.stop();
  const missing = await load.verify();

  const during = load.observations.filter((one) => one.endedAt >= brokenAt && one.askedAt <= endedAt);
  const since = load.observations.filter(({ askedAt }) => askedAt >= beganAt);
  const lastTrouble = Math.max(endedAt, ...since.filter(({ outcome }) => outcome === '503').map((one) => one.endedAt));
  const problems = [...load.observations.flatMap(({ problem }) => problem ?? []), ...missing];
  const row: FaultRow = {
    fault: name,
    'requests during': during.length,
    ...tallyOf(during),
    wrong: problems.length,
    'longest ms': Math.round(Math.max(...since.map(({ askedAt, endedAt: until }) => until - askedAt))),
    'recovered after ms': Math.round(lastTrouble - endedAt),
  };
  const within = during.filter((one) => one.askedAt >= brokenAt && one.endedAt < mendedAt);
  return { row, during, within, problems };
}

/** What holds for every fault. */
export async function survive(url: string, fault: Fault, rows: FaultRow[]): Promise<FaultRun> {
  const run = await observe(url, fault);
  rows.push(run.row);
  expect(run.problems).toEqual([]);
  expect(run.row['requests during']).toBeGreaterThan(20);
  expect(run.row['longest ms']).toBeLessThanOrEqual(longestAnswerMs);
  expect(run.row['recovered after ms']).toBeLessThanOrEqual(fault.recoversWithinMs ?? 3_000);
  return run;
}
