import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Fault, goesOn, refuses } from './fault.ts';
import { of } from './faults-of-refusals.ts';
import type { Judged } from './judge.ts';
import { type FilesStorage, filesStorage } from './storage.ts';
import { tallyOf } from './tally.ts';
import { type Tracer, inject, untraceable } from './trace.ts';

const needsRoot = (): string | undefined =>
  process.getuid?.() === 0 && process.platform === 'linux' ? undefined : 'needs root on Linux';

/** A small file system of its own, in memory. */
async function mounted(options: string): Promise<FilesStorage> {
  const files = await filesStorage();
  execFileSync('mount', ['-t', 'tmpfs', '-o', `mode=700,${options}`, 'tmpfs', files.directory]);
  return {
    ...files,
    async close() {
      execFileSync('umount', ['-l', files.directory]);
      await files.close();
    },
  };
}

/** Takes what is left, each time that it is called. */
function filler(directory: string, bytes: number): { fillUp(): void; readonly files: string[] } {
  const files: string[] = [];
  return {
    files,
    fillUp() {
      for (;;) {
        const file = join(directory, `filler ${files.length}`);
        files.push(file);
        try {
          writeFileSync(file, 'x'.repeat(bytes));
        } catch (error) {
          if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return;
          throw error;
        }
      }
    },
  };
}

function refusesWritesAlone(during: readonly Judged[]): string | undefined {
  if (tallyOf(of(during, 'login', 'set', 'count')).refused === 0) return 'no write was refused';
  const reads = tallyOf(of(during, 'look', 'get')).refused;
  return reads === 0 ? undefined : `${reads} reads were refused`;
}

function full(name: string, options: string, fillerBytes: number): Fault<FilesStorage> {
  return {
    id: 'F20',
    name,
    how: `tmpfs, ${options}, filled up`,
    isForPeers: fillerBytes > 0,
    missing: needsRoot,
    storage: () => mounted(options),
    lastsMs: 2_000,
    expects: refusesWritesAlone,
    async begin({ storage: { directory } }) {
      const { fillUp, files } = filler(directory, fillerBytes);
      fillUp();
      // Again and again: what logouts give back is taken too.
      const timer = setInterval(fillUp, 20);
      return async () => {
        clearInterval(timer);
        for (const file of files) rmSync(file, { force: true });
        return `${files.length} files took what was left`;
      };
    },
  };
}

/** Some calls of all workers fail. */
function failing(id: string, name: string, calls: string): Fault<FilesStorage> {
  return {
    id,
    name,
    how: `strace: ${calls}`,
    isForPeers: name === 'renames fail',
    missing: untraceable,
    storage: filesStorage,
    expects: (during) => refuses(during) ?? goesOn(during),
    async begin({ workers }) {
      const tracers = await Promise.all((await workers()).map((pid) => inject(pid, calls)));
      return () => detached(tracers);
    },
  };
}

async function detached(tracers: readonly Tracer[]): Promise<string> {
  await Promise.all(tracers.map((tracer) => tracer.detach()));
  const injected = tracers.reduce((sum, tracer) => sum + tracer.injected(), 0);
  if (injected === 0) throw new Error('strace has injected nothing.');
  return `${injected} calls failed`;
}

/** At which call a worker is killed, by the thread of the store or that of the pool. */
const calls = ['?rename,?renameat,?renameat2', 'pwrite64', '?mkdir,?mkdirat', '?unlink,?unlinkat', '?rmdir'];

export const faultsOfDisks: readonly Fault<FilesStorage>[] = [
  {
    id: 'F1',
    name: 'a worker is killed in the middle of a file operation',
    isForPeers: true,
    how: 'strace: SIGKILL at a random rename, pwrite64, mkdir, unlink or rmdir, four times',
    missing: untraceable,
    storage: filesStorage,
    ends: 'killed',
    rules: { breaksConnections: true },
    lastsMs: 300,
    expects: goesOn,
    async begin({ workers, random }) {
      const seen: string[] = [];
      for (let time = 0; time < 4; time += 1) {
        const kind = random.pick(calls);
        const victim = random.pick(await workers());
        const tracer = await inject(victim, `${kind}:signal=SIGKILL:when=${1 + random.below(5)}`);
        for (let waits = 0; waits < 40 && tracer.injected() === 0; waits += 1) {
          await new Promise((resolve) => setTimeout(resolve, 25));
        }
        // Those with a question mark are calls that not every machine has.
        if (tracer.injected() > 0) seen.push(/\w+/.exec(kind)?.[0] ?? kind);
        await tracer.detach();
      }
      if (seen.length === 0) throw new Error('No worker was killed.');
      return async () => `killed at ${seen.join(', ')}`;
    },
  },
  full('the disk is full', 'size=2m', 4_096),
  full('the disk has no inodes left', 'size=100m,nr_inodes=800', 0),
  {
    id: 'F21',
    name: 'the disk is read-only',
    how: 'remount,ro',
    missing: needsRoot,
    storage: () => mounted('size=64m'),
    expects: refusesWritesAlone,
    async begin({ storage: { directory } }) {
      // A call that is under way stands in the way of it.
      await remounted(directory, 'ro');
      return async () => {
        await remounted(directory, 'rw');
        return 'remounted, and remounted again';
      };
    },
  },
  failing('F23', 'workers have no file descriptor left', 'openat:error=EMFILE:when=1+3'),
  failing('F24', 'renames fail', '?rename,?renameat,?renameat2:error=EIO:when=2+2'),
  failing('F24', 'reads of files fail', 'pread64:error=EIO:when=2+2'),
  failing('F24', 'writes of files fail', 'pwrite64:error=EIO:when=2+2'),
];

async function remounted(directory: string, how: 'ro' | 'rw'): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      execFileSync('mount', ['-o', `remount,${how}`, directory], { stdio: 'pipe' });
      return;
    } catch (error) {
      if (attempt === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
