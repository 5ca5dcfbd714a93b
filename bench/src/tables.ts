import { addedCpu, addedWithServer, ratio } from './judge.ts';
import type { Verdict } from './judge.ts';
import type { Group } from './plan.ts';
import type { Rounds } from './rounds.ts';
import { median, range } from './statistics.ts';

export const shown = (value: number): string =>
  Number.isNaN(value)
    ? '-'
    : Math.abs(value) >= 100
      ? value.toFixed(0)
      : Math.abs(value) >= 10
        ? value.toFixed(1)
        : value.toFixed(2);

/** The contestants of a group in one scenario. */
export function scenarioTable(group: Group, rounds: Rounds): string {
  const lines = [
    '| contestant | added CPU, us | range | by the yardstick | interval | requests/s | p99, ms | server: CPU, us | both | commands | bytes |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
  ];
  const yardstick = group.contestants.find(({ name }) => name === group.yardstick);
  const base = addedCpu(rounds, group.yardstick, yardstick?.floor ?? 'bare');
  for (const { name, floor } of group.contestants) {
    const all = rounds.get(name) ?? [];
    const added = addedCpu(rounds, name, floor);
    const { median: middle, low, high } = range(name === floor ? all.map(({ cpuUs }) => cpuUs) : added);
    const by = ratio(added, base);
    const compared = name === floor ? 'the floor | ' : `${shown(by.median)} | ${shown(by.low)} to ${shown(by.high)}`;
    const perSecond = Math.round(median(all.map(({ requestsPerSecond }) => requestsPerSecond)));
    const p99 = shown(median(all.map(({ p99Us }) => p99Us)) / 1000);
    const server = median(all.map(({ serverCpuUs }) => serverCpuUs));
    const both = shown(median(addedWithServer(rounds, name, floor)));
    const commands = shown(median(all.map(({ commands }) => commands)));
    const bytes = median(all.map((one) => one.bytes));
    lines.push(
      `| ${name} | ${shown(middle)} | ${shown(low)} to ${shown(high)} | ${compared} | ${perSecond} | ${p99} | ${shown(server)} | ${both} | ${commands} | ${Number.isNaN(bytes) ? '-' : Math.round(bytes)} |`,
    );
  }
  return lines.join('\n');
}

export function verdictTable(verdicts: readonly Verdict[]): string {
  const lines = ['| goal | limit | found | interval | verdict |', '| --- | --- | --- | --- | --- |'];
  for (const { goal, limit, found, isReached } of verdicts) {
    const verdict = isReached ? 'reached' : '**missed**';
    lines.push(
      `| ${goal} | ${limit} | ${shown(found.median)} | ${shown(found.low)} to ${shown(found.high)} | ${verdict} |`,
    );
  }
  return lines.join('\n');
}

export function plainTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.map((cell) => (typeof cell === 'number' ? shown(cell) : cell)).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
