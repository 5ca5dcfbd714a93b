import { type Cell, type Language, titleOf } from './install-matrix.ts';

/** What the cell's language was seen to do, for the table. */
export interface Row extends Cell {
  readonly results: Map<Language, string>;
  installSeconds: number;
}

const ways: readonly Language[] = [
  'nodenext',
  'nodenext .cts',
  'bundler',
  'node16',
  'node16 .cts',
  'commonjs',
  'import',
  'require',
  'README',
  'next build',
];

/** The cells as text, a line each: `ok`, `FAILED`, or nothing where a cell does not have that way. */
export function tableOf(rows: readonly Row[]): string {
  const first = Math.max(...rows.map((row) => titleOf(row).length));
  const line = (title: string, cells: readonly string[]): string =>
    [title.padEnd(first), ...cells.map((cell, index) => cell.padEnd((ways[index] ?? 'typescript').length))].join('  ');
  return [
    line('', [...ways, 'typescript', 'install']),
    ...rows.map((row) =>
      line(titleOf(row), [
        ...ways.map((way) => row.results.get(way) ?? ''),
        row.typescript,
        `${row.installSeconds.toFixed(1)} s`,
      ]),
    ),
  ].join('\n');
}
