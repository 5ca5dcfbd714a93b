import { type DiskVerbs, diskVerbsOn } from '../verbs/disk-verbs.ts';
import { inPool } from '../disk/pool.ts';
import type { Gate } from './gate.ts';
import type { Site } from '../verbs/site.ts';
import { openDiskThread } from './disk-thread.ts';

/** Does work in the thread pool that may take `ms` milliseconds. */
export type InPool = <T>(work: (by: number) => Promise<T>, ms?: number) => Promise<T>;

/** Whoever carries out what waits for the disk. */
export interface Disk {
  verbs: DiskVerbs;
  inPool: InPool;
  /** The store's own thread, if there is to be one. */
  thread: { close(): Promise<void> } | undefined;
}

const callMs = 1000;

export function diskFor(site: Site, gate: Gate): Disk {
  // With fsync each call waits long for the disk: three at a time in the pool are faster than one after the other.
  const thread = site.fsync ? undefined : openDiskThread(site.directory.found, site.clock);
  const verbs = diskVerbsOn(site);

  /** In the store's thread where it is ready, else through the pool. */
  function performed<A extends unknown[], T>(
    name: keyof DiskVerbs,
    verb: (by: number, ...args: A) => Promise<T>,
  ): (by: number, ...args: A) => Promise<T> {
    return (by, ...args) =>
      gate.run(by, () =>
        thread?.isReady() === true ? thread.perform<T>(by, name, args) : inPool(by, () => verb(by, ...args)),
      );
  }

  return {
    verbs: {
      create: performed('create', verbs.create),
      read: performed('read', verbs.read),
      replace: performed('replace', verbs.replace),
      succeed: performed('succeed', verbs.succeed),
      destroy: performed('destroy', verbs.destroy),
      forgetEntries: performed('forgetEntries', verbs.forgetEntries),
    },
    inPool: (work, ms = callMs) => gate.runFor(ms, (by) => inPool(by, () => work(by))),
    thread,
  };
}
