import type { SweepReport, Sweeps } from '@sess/core';
import type { Database } from './database.ts';
import type { Statements } from './statements.ts';
import type { CheckedOptions } from './store-options.ts';

/** One statement looks at 1 MB at most, and removes so many rows at most: that takes a few milliseconds as a rule. */
const blocksPerSlice = 128;
const rowsAtOnce = 500;

/** Removes what expired some time ago: from the beginning of the table to its end, in slices, each its own transaction. */
export function sweeping(database: Database, sql: Statements, options: CheckedOptions): Sweeps & { end(): void } {
  const { graceMs, sweepEveryMs } = options;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  async function sweep(): Promise<SweepReport> {
    const report = { removed: 0, kept: 0 };
    const [size] = (await database.run(sql.blocks, [], database.soon())).rows;
    for (let block = 0; block < Number(size?.['blocks']) && !isClosed;) {
      const values = [`(${block},0)`, `(${block + blocksPerSlice},0)`, graceMs, rowsAtOnce];
      const [slice] = (await database.run(sql.sweep, values, database.soon())).rows;
      report.removed += Number(slice?.['removed']);
      // There may be more in this slice.
      if (slice?.['removed'] === rowsAtOnce) continue;
      report.kept += Number(slice?.['kept']);
      block += blocksPerSlice;
    }
    return report;
  }

  /** Whoever takes the turn sweeps for all processes, on every host. A turn is a note, which poolers do not mind. */
  async function sweepIfDue(): Promise<void> {
    const { rowCount } = await database.run(sql.takeTurn, [0.7 * sweepEveryMs], database.soon());
    if (rowCount === 1) await sweep();
  }

  function schedule(): void {
    if (isClosed) return;
    // Requests meet the same fault, and report it; the next round tries again.
    const round = () => void sweepIfDue().then(schedule, schedule);
    timer = setTimeout(round, sweepEveryMs * (0.8 + 0.4 * Math.random())).unref();
  }

  if (sweepEveryMs > 0) schedule();

  return {
    sweep,
    end(): void {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
