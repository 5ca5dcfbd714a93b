import type { SessionDirectory } from '../disk/directory.ts';
import { type Release, tryToLock } from '../disk/lock.ts';

/** The regular sweeps of this process, in one process of the host at a time. */
export interface Sweeper {
  close(): Promise<void>;
}

interface SweeperPlan {
  everyMs: number;
  clock: () => number;
  directory: SessionDirectory;
  sweep(isThorough: boolean): Promise<unknown>;
}

/** Clocks drift apart by less than this between two sweeps; more is a clock that was set, or a machine that slept. */
const jumpMs = 60_000;

/** Most leftovers are cleared with their session; looking for the rest costs as much as a sweep. */
const thoroughEvery = 6;

export function startSweeper({ everyMs, clock, directory, sweep }: SweeperPlan): Sweeper {
  let timer: NodeJS.Timeout | undefined;
  let round: Promise<void> = Promise.resolve();
  let release: Release | undefined;
  let isClosed = false;
  let rounds = 0;
  let drift = clock() - performance.now();

  /** Whether the wall clock went on as the steady one did. If not, the next round takes the new time for right. */
  function isClockSteady(): boolean {
    const before = drift;
    drift = clock() - performance.now();
    return Math.abs(drift - before) < jumpMs;
  }

  async function sweepOnce(): Promise<void> {
    release ??= await tryToLock(directory.locks, 'sweep', directory.verify, () => (release = undefined));
    if (release === undefined || !isClockSteady() || isClosed) return;
    // Requests meet the same fault, and report it; the next round tries again.
    await sweep(rounds++ % thoroughEvery === 0).catch(() => undefined);
  }

  function schedule(): void {
    if (isClosed) return;
    timer = setTimeout(
      () => {
        round = sweepOnce();
        void round.then(schedule);
      },
      everyMs * (0.8 + 0.4 * Math.random()),
    );
    timer.unref();
  }

  if (everyMs > 0) schedule();

  return {
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await round;
      await release?.();
      release = undefined;
    },
  };
}
