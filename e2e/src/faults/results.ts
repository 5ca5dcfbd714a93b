import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { execFileSync } from 'node:child_process';
import { postgresProgram } from '@sess/postgres-server';
import type { EnduranceRow } from './endurance.ts';
import type { HostileRow } from './hostile/hostile-row.ts';
import type { TimingRow } from './hostile/timing.ts';
import type { RowResult } from './play-row.ts';

/** A row as it is kept: with the day on which it was played. */
export type Dated<Row> = Row & { readonly on: string };

export interface Results {
  readonly machine: string;
  readonly rows: readonly Dated<RowResult & { readonly isPeer: boolean }>[];
  readonly skipped: Readonly<Record<string, string>>;
  readonly hostile: readonly Dated<HostileRow>[];
  readonly timing: readonly Dated<TimingRow>[];
  readonly endurance: readonly Dated<EnduranceRow>[];
}

export const today = (): string => new Date().toISOString().slice(0, 10);

export function machine(): string {
  const versionOf = (program: string): string => execFileSync(program, ['--version'], { encoding: 'utf8' });
  const redis = /v=(\S+)/.exec(versionOf('redis-server'))?.[1];
  const postgres = /\) (\S+)/.exec(versionOf(postgresProgram('postgres')))?.[1];
  const [first] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} x ${first?.model.trim()}, ${memory} GiB, Linux ${release().replace(/-.*/, '')}, Node.js ${process.version}, Redis ${redis}, PostgreSQL ${postgres}`;
}

export function readResults(file: string): Results {
  if (!existsSync(file)) {
    return { machine: machine(), rows: [], skipped: {}, hostile: [], timing: [], endurance: [] };
  }
  return JSON.parse(readFileSync(file, 'utf8')) as Results;
}

export function writeResults(file: string, results: Results): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, undefined, 1)}\n`);
}

/** Rows of before, with those that have been played again in their place. */
export function replaced<Row>(before: readonly Row[], played: readonly Row[], nameOf: (row: Row) => string): Row[] {
  const again = new Map(played.map((row) => [nameOf(row), row]));
  const kept = before.map((row) => again.get(nameOf(row)) ?? row);
  return [...kept, ...played.filter((row) => !before.some((old) => nameOf(old) === nameOf(row)))];
}

/** A million cases may take several runs, each with a seed of its own. Those of another day were of other code. */
export function addedTo(before: Results['hostile'], played: Results['hostile']): Results['hostile'] {
  const isOutdated = (row: Dated<HostileRow>): boolean =>
    played.some(({ input, on }) => input === row.input && on !== row.on);
  const kept = before.filter((row) => !isOutdated(row));
  return replaced(kept, played, ({ input, seed }) => `${input} ${seed}`);
}
