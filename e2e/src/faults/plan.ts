import { existsSync } from 'node:fs';
import { catalogue } from './catalogue.ts';
import { express, ours, peers } from './contestants.ts';
import type { Contestant } from './play-row.ts';
import type { Row } from './rows.ts';

/** A row of the table to come: a fault, and who has to bear it. */
export interface Planned {
  readonly row: Row;
  readonly contestant: Contestant;
  readonly isPeer: boolean;
}

/** All rows, those of other libraries right after ours. */
export const plan: readonly Planned[] = catalogue.flatMap((row) => {
  const frameworks = row.isForFrameworks ? ours : [express];
  const others = row.isForPeers ? peers.filter(({ store }) => store === row.store) : [];
  return [
    ...frameworks.map((contestant) => ({ row, contestant, isPeer: false })),
    ...others.map((contestant) => ({ row, contestant, isPeer: true })),
  ];
});

/** What `npm test` plays: one row of each way to break something, and each store at least once. */
const shortRows = new Set(['F7 redis', 'F10 postgres', 'F18 redis', 'F25 fs', 'F34 redis']);
const placeOf = ({ id, store }: Row): string => `${id} ${store}`;
export const shortPlan: readonly Planned[] = catalogue
  .filter((row, at) => catalogue.findIndex((one) => placeOf(one) === placeOf(row)) === at)
  .filter((row) => shortRows.has(placeOf(row)))
  .map((row) => ({ row, contestant: express, isPeer: false }));

/** Why a planned row cannot be played on this machine, if so. */
export function missingFor({ row, contestant }: Planned): string | undefined {
  const isBuilt = existsSync(contestant.demo.main);
  return row.missing() ?? (isBuilt ? undefined : `${contestant.demo.main} is not built`);
}
