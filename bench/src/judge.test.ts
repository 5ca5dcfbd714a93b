import { describe, expect, it } from 'vitest';
import { contestants } from './contestants.ts';
import { goals, judge, judgeRest, ratio } from './judge.ts';
import { groups } from './plan.ts';
import type { Measurement, Rounds } from './rounds.ts';

const rounds = (cpu: Record<string, number[]>): Rounds =>
  new Map(Object.entries(cpu).map(([name, list]) => [name, list.map((cpuUs) => ({ ...none, cpuUs }))]));
const none: Measurement = {
  cpuUs: 0,
  requestsPerSecond: 0,
  p50Us: 0,
  p99Us: 0,
  serverCpuUs: 0,
  bytes: 0,
  commands: 0,
};

describe('a goal', () => {
  const goal = { goal: 'g', group: 'G', scenario: 'R', who: 'a', by: 'b', atMost: 1.4 };

  it('compares what is added above the bare server, in the same round', () => {
    // A machine that is twice as slow in the second round changes no ratio.
    const found = judge(goal, rounds({ bare: [10, 20], a: [22, 44], b: [20, 40] }));
    expect(found).toMatchObject({ found: { median: 1.2 }, isReached: true });
    expect(ratio([12, 24], [10, 20]).high).toBe(1.2);
  });

  it('is missed above its limit, and below its limit where it asks for at least so many times', () => {
    const measured = rounds({ bare: [10, 10, 10], a: [25, 25, 25], b: [20, 20, 20] });
    expect(judge(goal, measured).isReached).toBe(false);
    const { atMost: _, ...least } = goal;
    expect(judge({ ...least, atLeast: 1.6 }, measured).isReached).toBe(false);
    expect(judge({ ...least, atLeast: 1.5 }, measured).isReached).toBe(true);
  });

  it('counts what Redis spends on both sides, where it is about the whole', () => {
    const measured: Rounds = new Map([
      ['bare', [{ ...none, cpuUs: 10 }]],
      ['a', [{ ...none, cpuUs: 16, serverCpuUs: 6 }]],
      ['b', [{ ...none, cpuUs: 14, serverCpuUs: 4 }]],
    ]);
    expect(judge({ ...goal, withServer: true }, measured)).toMatchObject({ found: { median: 1.5 }, isReached: false });
    expect(judge({ ...goal, atMost: 1.5 }, measured)).toMatchObject({ found: { median: 1.5 }, isReached: true });
  });

  it('in microseconds is reached when the upper end of the interval is', () => {
    const { by: _, ...alone } = goal;
    const measured = rounds({ bare: [10, 10, 10], a: [12, 12, 14] });
    expect(judge({ ...alone, atMost: 3 }, measured)).toMatchObject({ found: { median: 2, high: 4 }, isReached: false });
    expect(judge({ ...alone, atMost: 4 }, measured).isReached).toBe(true);
  });

  it('is about contestants and scenarios that are measured', () => {
    for (const { group, scenario, who, by } of goals) {
      const found = groups.find(({ title }) => title === group);
      const names = found?.contestants.map(({ name }) => name);
      expect(found?.scenarios).toContain(scenario);
      expect(names).toContain(who);
      expect(names).toContain(by ?? who);
      expect(names).toContain('bare');
    }
    for (const { contestants: list, yardstick } of groups) {
      expect(list.map(({ name }) => name)).toContain(yardstick);
      for (const one of list) expect(contestants).toContain(one);
    }
  });

  it('of files and of memory goes by the largest scale and by the bytes of the peer', () => {
    const scale = { readUs: 0, writeUs: 0, diskBytes: 0, sweepSeconds: 0, walked: 1 };
    const verdicts = judgeRest({
      files: [
        { ...scale, sessions: 10, walkCpuSeconds: 1, sweepCpuSeconds: 9, stallMs: 99 },
        { ...scale, sessions: 1000, walkCpuSeconds: 10, sweepCpuSeconds: 15, stallMs: 20 },
      ],
      memory: [{ shape: 's', sessions: 1, ours: 101, peer: 100 }],
    });
    expect(verdicts.map(({ found, isReached }) => [found.median, isReached])).toEqual([
      [1.01, false],
      [20, true],
      [1.5, true],
    ]);
  });
});
