import { namesIfAny, quietly, unlink } from '../disk/files.ts';
import type { Stamp } from '../layout/names.ts';
import { type SessionPath, stampPath } from '../layout/paths.ts';

/** The data files in a stamp: its own, and those of writers that lost, died, or are under way. */
export function dataIn(path: SessionPath, stamp: Stamp): Promise<string[]> {
  return namesIfAny(stampPath(path, stamp));
}

/**
 * Removes data files whose writers had an older name of the stamp: they cannot commit them any more. What cannot be
 * removed now is left to the sweep.
 */
export async function removeData(path: SessionPath, stamp: Stamp, names: readonly string[]): Promise<void> {
  for (const name of names) await quietly(unlink(`${stampPath(path, stamp)}/${name}`));
}
