import type Lockfile from 'proper-lockfile';

/**
 * Loads proper-lockfile. Its signal-exit then listens to the process's signals and, where nobody else listens, ends the
 * process after removing the locks. A listener of `process.once` leaves the list before it is called, so an app that
 * shuts down gracefully in one would be ended at once. Here signal-exit comes first, when all listeners are still there.
 */
export async function loadLockfile(): Promise<typeof Lockfile> {
  const before = new Map(signals().map((signal) => [signal, process.rawListeners(signal)]));
  const { default: lockfile } = await import('proper-lockfile');
  for (const signal of signals()) {
    for (const listener of process.rawListeners(signal)) {
      if (before.get(signal)?.includes(listener) || !isOfSignalExit(listener)) continue;
      process.off(signal, listener);
      process.prependListener(signal, listener);
    }
  }
  return lockfile;
}

function signals(): NodeJS.Signals[] {
  return process
    .eventNames()
    .filter((name): name is NodeJS.Signals => typeof name === 'string' && name.startsWith('SIG'));
}

/** Others may have begun to listen while it was loaded. */
function isOfSignalExit(listener: object): listener is NodeJS.SignalsListener {
  return Reflect.get(listener, 'name') === 'listener';
}
