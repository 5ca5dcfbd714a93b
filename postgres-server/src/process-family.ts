import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** Families of which some may still run when this process ends: they go with it. */
const running = new Set<ChildProcess>();

function endAll(): void {
  for (const child of running) signalAll(child, 'SIGKILL');
}

process.on('exit', endAll);
// A test runner that gives up ends its workers like this.
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.once(name, () => {
    endAll();
    process.exit(1);
  });
}

export function endWithThisProcess(child: ChildProcess): void {
  running.add(child);
  child.once('exit', () => running.delete(child));
}

/** A process and those that it has made. */
export function familyOf({ pid }: ChildProcess): number[] {
  if (pid === undefined) return [];
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    return [pid, ...children];
  } catch {
    return [pid];
  }
}

/** @returns who was there. */
export function signalAll(child: ChildProcess, name: NodeJS.Signals): number[] {
  const family = familyOf(child);
  for (const pid of family) {
    try {
      process.kill(pid, name);
    } catch {
      // It has ended.
    }
  }
  return family;
}

/** Whether a process has ended, also one that nobody has asked yet how. */
export function hasEnded(pid: number): boolean {
  try {
    return !existsSync(`/proc/${pid}`) || / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}
