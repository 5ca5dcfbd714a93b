import { platform } from 'node:os';

/**
 * A command that may use all processors, also where this process may use only one: it is pinned for what it measures,
 * and its children are with it.
 */
export function onAllProcessors(program: string, args: readonly string[]): [program: string, args: string[]] {
  if (platform() !== 'linux') return [program, [...args]];
  return ['taskset', ['-c', '0-1023', program, ...args]];
}
