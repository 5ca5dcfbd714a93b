import { errorCode, isMissing } from './faults.ts';
import { makeDirectory, quietly } from './files.ts';
import { loadLockfile } from './load-lockfile.ts';
import { systemCalls } from './calls/calls-in-use.ts';
import type { SessionDirectory } from './session-directory.ts';

export type Release = () => void;

/**
 * Advisory locks. Nothing is right because of them: proper-lockfile lets two holders in when a lock
 * goes stale (https://github.com/moxystudio/node-proper-lockfile/issues/121), and a holder that was
 * paused releases another's. They save contenders the work of losing, and hosts that of sweeping twice.
 */
export interface Turns {
  /**
   * Waits for this process's turn at a session, for a bounded time. Then it is its turn anyway, as it
   * is at once when there can be no lock (a full disk, no right to write).
   *
   * @param pause waits between two tries, in milliseconds
   */
  take(name: string, pause: (ms: number) => Promise<void>): Promise<Release>;
  /** Tries to be the one process that does something. `undefined`: another one is. */
  lead(name: string, onLost: () => void): Promise<Release | undefined>;
  /** Resolves when all that was released is. */
  settled(): Promise<void>;
}

const patienceMs = 200;
/** The least that proper-lockfile knows. */
const turnStaleMs = 2000;
const leadStaleMs = 30_000;

export function turnsIn(directory: SessionDirectory): Turns {
  const releasing = new Set<Promise<void>>();

  /** The directory of locks is made again where it was cleaned away: empty directories that look old are. */
  async function lock(name: string, stale: number, onLost: () => void): Promise<Release> {
    try {
      return await lockIn(directory.locks, name, stale, onLost);
    } catch (error) {
      if (!hasNoPlace(error)) throw error;
    }
    await directory.verify();
    await quietly(makeDirectory(directory.locks));
    return lockIn(directory.locks, name, stale, onLost);
  }

  async function lockIn(locks: string, name: string, stale: number, onLost: () => void): Promise<Release> {
    // At the first conflict: it listens to the process's signals from then on.
    const lockfile = await loadLockfile();
    const path = `${locks}/${name}`;
    const release = await lockfile.lock(path, {
      lockfilePath: path,
      realpath: false,
      stale,
      // Its default, graceful-fs, patches `fs.close` for the whole process.
      fs: systemCalls().locks,
      // The default throws out of a timer, which ends the process.
      onCompromised: onLost,
    });
    return () => {
      const released = quietly(release());
      releasing.add(released);
      void released.then(() => releasing.delete(released));
    };
  }

  return {
    async take(name, pause) {
      const giveUpAt = performance.now() + patienceMs;
      for (;;) {
        try {
          return await lock(name, turnStaleMs, () => undefined);
        } catch (error) {
          if (!isHeld(error) || performance.now() >= giveUpAt) return () => undefined;
        }
        await pause(1 + Math.random() * 9);
      }
    },

    async lead(name, onLost) {
      try {
        return await lock(name, leadStaleMs, onLost);
      } catch {
        return undefined;
      }
    },

    async settled() {
      while (releasing.size > 0) await Promise.all(releasing);
    },
  };
}

/** A lock may go away between two looks at it, which is ENOENT too. */
function isHeld(error: unknown): boolean {
  return errorCode(error) === 'ELOCKED' || (isMissing(error) && !hasNoPlace(error));
}

/** Of `mkdir` alone ENOENT says that there is no place for locks. */
function hasNoPlace(error: unknown): boolean {
  return isMissing(error) && error instanceof Error && 'syscall' in error && error.syscall === 'mkdir';
}
