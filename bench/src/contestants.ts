import type { Contestant } from './contestant.ts';
import { groups } from './plan.ts';

/** Each once, although some are measured in several groups. */
export const contestants: readonly Contestant[] = [...new Set(groups.flatMap((group) => group.contestants))];

export function contestantNamed(name: string): Contestant {
  const found = contestants.find((contestant) => contestant.name === name);
  if (found === undefined) throw new Error(`There is no contestant "${name}".`);
  return found;
}
