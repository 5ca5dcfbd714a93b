import {
  type ChecksItself,
  type Closes,
  type DescribesItself,
  type IndexesOwners,
  type NotesApps,
  SessError,
  type SessionStore,
  type SweepReport,
  type Sweeps,
  type WalksKeys,
  systemClock,
} from '@sess/core';
import { assertKnownOptions } from '@sess/core/internal';
import { diskFor } from './thread/disk-for.ts';
import { openSessionDirectory } from './disk/directory.ts';
import { checkDirectory } from './disk/health.ts';
import { openGate } from './thread/gate.ts';
import { notedApps } from './noted-apps.ts';
import { ownerPages } from './walk/owner-pages.ts';
import { sessionVerbs } from './session-verbs.ts';
import { siteIn } from './verbs/site.ts';
import { type SweepPlan, sweep } from './walk/sweep.ts';
import { startSweeper } from './walk/sweeper.ts';
import { walk } from './walk/walk.ts';

/** Options of {@link fsStore}. */
export interface FsStoreOptions {
  /** Where the sessions are: an absolute path, the same for all workers of the host. Created where it is missing. */
  directory: string;
  /** The current time in milliseconds. @default the machine's clock */
  clock?: () => number;
  /**
   * What an answered write survives: the end of the process, or (`'fsync'`) a power cut too.
   *
   * @default 'process'
   */
  durability?: 'process' | 'fsync';
  /**
   * How often expired sessions are removed, in milliseconds, give or take a fifth; 0: only by `sweep()`.
   *
   * @default 10 minutes
   */
  sweepEveryMs?: number;
  /** How long after its deadline an expired session is removed, in milliseconds. @default 1 hour */
  graceMs?: number;
  /** For tests. @default process.platform */
  platform?: NodeJS.Platform;
}

/** A store on files: the four verbs, and all abilities but `tellEnds`, `probe` and `migrate`. */
export type FsStore = SessionStore &
  DescribesItself &
  IndexesOwners &
  WalksKeys &
  Sweeps &
  NotesApps &
  ChecksItself &
  Closes;

const minuteMs = 60_000;

/** If a store is dropped and was not closed, this ends its thread: dev servers make a store at each reload. */
const dropped = new FinalizationRegistry<{ close(): Promise<void> }>((thread) => void thread.close());

/**
 * Keeps sessions in files, for all workers of one host.
 *
 * @throws SessError `CONFIG_INVALID`, `FS_DIRECTORY`, `FS_UNSUPPORTED`
 */
export function fsStore(options: FsStoreOptions): FsStore {
  assertKnownOptions('fsStore()', options, ['directory', 'durability', 'clock', 'sweepEveryMs', 'graceMs', 'platform']);
  const { durability = 'process', sweepEveryMs = 10 * minuteMs, graceMs = 60 * minuteMs } = options;
  assertDurability(durability);
  assertDuration('sweepEveryMs', sweepEveryMs);
  assertDuration('graceMs', graceMs);
  const clock = options.clock ?? systemClock;
  const directory = openSessionDirectory(options.directory, options.platform ?? process.platform);
  const site = siteIn(directory, clock, durability === 'fsync');
  const gate = openGate();
  const disk = diskFor(site, gate);
  const apps = notedApps(directory.path, clock);
  let isClosed = false;
  const plan: Omit<SweepPlan, 'isThorough'> = { graceMs, isStopped: () => isClosed, locksSeen: new Map() };
  const sweeps = new Set<Promise<SweepReport>>();

  async function runSweep(isThorough: boolean): Promise<SweepReport> {
    const running = sweep(site, disk.inPool, { ...plan, isThorough });
    sweeps.add(running);
    return running.finally(() => sweeps.delete(running));
  }

  const sweeper = startSweeper({ everyMs: sweepEveryMs, clock, directory, sweep: runSweep });

  const store: FsStore = {
    ...sessionVerbs(disk.verbs, clock),

    keysByOwner: (owner) => ownerPages(site, disk, owner),

    walk: () => walk(site, disk.inPool),

    noteApp: (name, keepMs) => disk.inPool(() => apps.noteApp(name, keepMs)),

    notedApps: () => disk.inPool(() => apps.notedApps()),

    sweep: () => runSweep(true),

    describe: () => ({ name: 'fs', location: directory.path, sharedBy: 'host' }),

    check: () => disk.inPool(() => checkDirectory(directory)),

    async close() {
      isClosed = true;
      await sweeper.close();
      await Promise.allSettled(sweeps);
      await gate.close();
      await disk.thread?.close();
    },
  };
  if (disk.thread !== undefined) dropped.register(store, disk.thread);
  return store;
}

function assertDurability(durability: unknown): void {
  if (durability === 'process' || durability === 'fsync') return;
  throw new SessError('CONFIG_INVALID', `durability must be "process" or "fsync", not ${JSON.stringify(durability)}.`);
}

function assertDuration(name: string, ms: number): void {
  if (!Number.isFinite(ms) || ms < 0)
    throw new SessError('CONFIG_INVALID', `${name} must be a number of milliseconds, 0 or more.`);
}
