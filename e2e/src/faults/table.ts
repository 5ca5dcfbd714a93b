import type { RowResult } from './play-row.ts';

/** A table as Markdown has it, in columns that are as wide as their cells. */
export function plainTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = [head, ...rows].map((line) => line.map((cell) => String(cell).replaceAll('|', '\\|')));
  const widths = head.map((_, at) => Math.max(3, ...lines.map((line) => line[at]?.length ?? 0)));
  const shown = lines.map((line) => `| ${line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`);
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [shown[0], rule, ...shown.slice(1)].join('\n');
}

/** One line a fault, and who bore it. */
export function shortTable(results: readonly (RowResult & { isPeer?: boolean })[], hasPeers = false): string {
  const figures = ['requests', 'right', '503', 'cut off', 'wrong', 'longest ms', 'back after ms'];
  const nameOf = ({ contestant, isPeer, store }: RowResult & { isPeer?: boolean }): string =>
    hasPeers && isPeer !== true ? `@sess/${store}, ${contestant}` : contestant;
  return plainTable(
    ['row', 'fault', 'store', hasPeers ? 'library' : 'app', ...figures],
    results.map((row) => [
      row.id,
      row.fault,
      row.store,
      nameOf(row),
      row.requests,
      row.right,
      row.refused,
      row.brokenOff,
      row.wrong,
      row.longestMs,
      row.recoveredMs,
    ]),
  );
}
