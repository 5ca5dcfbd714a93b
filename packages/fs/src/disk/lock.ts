import { systemCalls } from './calls-in-use.ts';
import { errorCode } from './faults.ts';
import { makeDirectory, quietly } from './files.ts';
import { loadLockfile } from './load-lockfile.ts';

export type Release = () => Promise<void>;

const staleMs = 30_000;

/**
 * Tries to become the one process of the host that does something. Nothing must depend on it to be right: proper-lockfile
 * lets two holders in when a lock goes stale (https://github.com/moxystudio/node-proper-lockfile/issues/121), and a
 * holder that was paused releases another's lock. It only saves the host from sweeping twice.
 *
 * @param verify makes sure that the directory of locks belongs where it is, before it is made again
 * @returns `undefined` where another process has the lock, or where there can be none
 */
export async function tryToLock(
  directory: string,
  name: string,
  verify: () => Promise<void>,
  onLost: () => void,
): Promise<Release | undefined> {
  try {
    return await lock(directory, name, onLost);
  } catch (error) {
    if (!hasNoPlace(error)) return undefined;
  }
  try {
    // Cleaners of temporary files remove empty directories that look old.
    await verify();
    await quietly(makeDirectory(directory));
    return await lock(directory, name, onLost);
  } catch {
    return undefined;
  }
}

async function lock(directory: string, name: string, onLost: () => void): Promise<Release> {
  // Not earlier: it listens to the process's signals from then on.
  const lockfile = await loadLockfile();
  const path = `${directory}/${name}`;
  const release = await lockfile.lock(path, {
    lockfilePath: path,
    realpath: false,
    stale: staleMs,
    // Its default, graceful-fs, patches `fs.close` for the whole process.
    fs: systemCalls().locks,
    // The default throws out of a timer, which ends the process.
    onCompromised: onLost,
  });
  return () => quietly(release());
}

/** Only from `mkdir` does ENOENT mean that the directory of locks is missing. */
function hasNoPlace(error: unknown): boolean {
  return errorCode(error) === 'ENOENT' && error instanceof Error && 'syscall' in error && error.syscall === 'mkdir';
}
