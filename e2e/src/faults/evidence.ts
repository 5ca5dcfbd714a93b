import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { History } from './history.ts';

const directory = fileURLToPath(new URL('../../faults-results/histories', import.meta.url));

/** Keeps what a row that failed leaves to look at, and says where. */
export function keepEvidence(name: string, { history, output }: { history: History; output: string }): string[] {
  mkdirSync(directory, { recursive: true });
  const told = join(directory, `${name}.json`);
  const printed = join(directory, `${name}.log`);
  writeFileSync(told, JSON.stringify(history, undefined, 1));
  writeFileSync(printed, output);
  return [`All that was told: ${told}`, `What the apps printed: ${printed}`];
}
