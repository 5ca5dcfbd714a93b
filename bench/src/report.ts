import { type Bar, type Panel, barChart } from './chart.ts';
import { type Verdict, addedCpu, goals, judge, judgeRest } from './judge.ts';
import type { Results } from './measure-all.ts';
import { type Group, groups } from './plan.ts';
import type { Rounds } from './rounds.ts';
import { scenarios } from './scenario.ts';
import { median } from './statistics.ts';
import { plainTable, scenarioTable, shown, verdictTable } from './tables.ts';

/** All of it as Markdown. */
export function report(results: Results): string {
  const { machine } = results;
  const parts = [
    `Measured ${results.date} in ${results.seconds} s on ${machine.processors}, ${machine.memoryGiB} GiB, ${machine.system}, Node.js ${machine.node}, Redis ${machine.redis}, PostgreSQL ${machine.postgres}.`,
    Object.entries(machine.packages)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  ];
  const verdicts = [...judged(results), ...judgeRest(results)];
  if (verdicts.length > 0) parts.push('## Goals', verdictTable(verdicts));
  for (const group of groups) {
    for (const name of group.scenarios) {
      const rounds = roundsOf(results, { group: group.title, scenario: name });
      if (rounds.size === 0) continue;
      parts.push(`## ${group.title}, ${name}: ${scenarios[name].meaning}`, scenarioTable(group, rounds));
    }
  }
  if (results.growth.length > 0) parts.push(...grown(results));
  if (results.files.length > 0) parts.push(...scale(results));
  if (results.memory.length > 0) parts.push(...memory(results));
  return parts.join('\n\n');
}

function judged(results: Results): Verdict[] {
  return goals.flatMap((goal) => {
    const rounds = roundsOf(results, goal);
    return rounds.size === 0 ? [] : [judge(goal, rounds)];
  });
}

function roundsOf(results: Results, at: { group: string; scenario: string }): Rounds {
  const group = results.groups.find(({ title }) => title === at.group);
  return new Map(Object.entries(group?.scenarios[at.scenario] ?? {}));
}

const growsBy = { bytes: 'bytes in a session', keys: 'keys in a session', sessions: 'sessions in Redis' };

function grown({ growth, workers }: Results): string[] {
  const parts: string[] = [];
  for (const by of ['bytes', 'keys', 'sessions'] as const) {
    const rows = growth.filter((row) => row.by === by);
    const names = Object.keys(rows[0]?.cost ?? {});
    const head = [growsBy[by], ...names.flatMap((name) => [`${name}: read, us`, 'write'])];
    const cells = rows.map(({ size, cost }) => [
      String(size),
      ...names.flatMap((name) => [cost[name]?.readUs ?? Number.NaN, cost[name]?.writeUs ?? Number.NaN]),
    ]);
    parts.push(`## How the cost grows with ${growsBy[by]}`, plainTable(head, cells));
  }
  const head = [
    'storage',
    'workers',
    'count, 1,000 sessions: CPU, us',
    'update(), one session: CPU, us',
    'of all, per second',
    'refused (503)',
  ];
  const cells = workers.map((row) => [
    row.storage,
    String(row.workers),
    row.manyUs,
    row.oneUs,
    row.onePerSecond,
    String(row.refused),
  ]);
  return [...parts, '## How the cost of a visit grows with workers', plainTable(head, cells)];
}

function scale({ files }: Results): string[] {
  const head = [
    ...['sessions in files', 'read, CPU us', 'write', 'disk, bytes each', 'bare walk, CPU s', 'sweep, CPU s'],
    ...['sweep, s', 'longest stall, ms', 'computed at a time, ms'],
  ];
  const rows = files.map((row) => [
    String(row.sessions),
    ...[
      row.readUs,
      row.writeUs,
      row.diskBytes,
      row.walkCpuSeconds,
      row.sweepCpuSeconds,
      row.sweepSeconds,
      row.stallMs,
      row.computedMs ?? '',
    ],
  ]);
  const parts = files
    .filter(({ walked }) => walked < 1)
    .map(({ sessions, walked }) => `${sessions}: ${walked * 100} %`);
  const note = `The walk goes through all shards, or through some of them and its figure is scaled: ${parts.join(', ')}.`;
  return ['## Files at scale', plainTable(head, rows), ...(parts.length > 0 ? [note] : [])];
}

function memory({ memory: rows, leak }: Results): string[] {
  const head = ['session', 'sessions', '@sess/redis, bytes', 'connect-redis'];
  const cells = rows.map(({ shape, sessions, ours, peer }) => [shape, String(sessions), ours, peer]);
  if (leak === undefined) return ['## Memory in Redis', plainTable(head, cells)];
  const { early, late } = leak;
  const mib = (bytes: number) => shown(bytes / 2 ** 20);
  return [
    '## Memory in Redis',
    plainTable(head, cells),
    '## Memory of a server',
    `After ${early.requests} requests ${mib(early.heapBytes)} MiB of heap and ${mib(early.rssBytes)} MiB in all, after ${late.requests} requests ${mib(late.heapBytes)} and ${mib(late.rssBytes)}.`,
  ];
}

const floors: readonly string[] = [
  'ideal (Redis)',
  'ideal (PostgreSQL)',
  'raw calls (files)',
  'raw calls (files), 3 at a time',
  'raw readFile, write + rename',
];

/** Added CPU of the main scenarios, a panel each. */
export function picture(results: Results): string {
  const panels = groups.flatMap((group) =>
    group.scenarios
      .filter(
        (name) => name !== 'N' && name !== 'M' && roundsOf(results, { group: group.title, scenario: name }).size > 0,
      )
      .map((name) => panel(results, group, `${group.title}: ${scenarios[name].meaning}`, name)),
  );
  const { date, machine } = results;
  const title = `CPU time that sessions add to a request (Node.js ${machine.node}, Redis ${machine.redis}, ${date})`;
  return barChart(title, panels);
}

function panel(results: Results, group: Group, title: string, scenario: string): Panel {
  const rounds = roundsOf(results, { group: group.title, scenario });
  const bars = group.contestants
    .filter(({ name, floor }) => name !== floor)
    .map(({ name, floor }): Bar => {
      const kind = name.startsWith('@sess') ? 'ours' : floors.includes(name) ? 'floor' : 'peer';
      return { name, value: median(addedCpu(rounds, name, floor)), kind };
    });
  return { title, bars };
}
