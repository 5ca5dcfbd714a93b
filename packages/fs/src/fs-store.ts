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
import { type DiskThread, openDiskThread } from './thread/disk-thread.ts';
import { type Terms, openGate } from './gate.ts';
import { checkDirectory } from './health.ts';
import { notedApps } from './noted-apps.ts';
import { ownerPages } from './owner-pages.ts';
import { openSessionDirectory } from './session-directory.ts';
import { assertSessionKey } from './session-path.ts';
import { siteIn } from './site.ts';
import { type SweepPlan, sweep } from './sweep.ts';
import { startSweeper } from './sweeper.ts';
import { type VerbAnswer, type VerbArgs, type VerbName, verbsOn } from './verbs.ts';
import { walk } from './walk.ts';

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
  /** How often expired sessions are removed, give or take a fifth; 0: only by `sweep()`. @default 10 minutes */
  sweepEveryMs?: number;
  /** How long after its deadline an expired session is removed. @default 1 hour */
  graceMs?: number;
  /** For tests. @default process.platform */
  platform?: NodeJS.Platform;
}

/** A store with every ability, on files. */
export type FsStore = SessionStore &
  DescribesItself &
  IndexesOwners &
  WalksKeys &
  Sweeps &
  NotesApps &
  ChecksItself &
  Closes;

const minuteMs = 60_000;

/** A store that nobody has any more, and nobody closed, takes its thread along: dev servers make one at each reload. */
const dropped = new FinalizationRegistry<DiskThread>((thread) => void thread.close());

/**
 * Keeps sessions in files, for all workers of one host.
 *
 * @throws SessError `CONFIG_INVALID`, `FS_DIRECTORY`, `FS_UNSUPPORTED`
 */
export function fsStore(options: FsStoreOptions): FsStore {
  assertKnownOptions('fsStore()', options, ['directory', 'durability', 'clock', 'sweepEveryMs', 'graceMs', 'platform']);
  const { durability = 'process', sweepEveryMs = 10 * minuteMs, graceMs = 60 * minuteMs } = options;
  if (durability !== 'process' && durability !== 'fsync') {
    throw new SessError(
      'CONFIG_INVALID',
      `durability must be "process" or "fsync", not ${JSON.stringify(durability)}.`,
    );
  }
  assertDuration('sweepEveryMs', sweepEveryMs);
  assertDuration('graceMs', graceMs);
  const clock = options.clock ?? systemClock;
  const directory = openSessionDirectory(options.directory, options.platform ?? process.platform);
  const gate = openGate();
  const site = siteIn(directory, clock, durability === 'fsync');
  const verbs = verbsOn(site);
  const apps = notedApps(directory.path, clock);
  // Calls that wait for the disk to confirm are better three side by side in the pool than one behind the other.
  const thread = durability === 'fsync' ? undefined : openDiskThread(directory.found, clock);
  let isClosed = false;
  const plan: Omit<SweepPlan, 'isThorough'> = { graceMs, isStopped: () => isClosed, locksSeen: new Map() };
  const sweeps = new Set<Promise<SweepReport>>();

  async function runSweep(isThorough: boolean): Promise<SweepReport> {
    const running = sweep(site, gate, { ...plan, isThorough });
    sweeps.add(running);
    return running.finally(() => sweeps.delete(running));
  }

  const sweeper = startSweeper({ everyMs: sweepEveryMs, clock, turns: site.turns, sweep: runSweep });

  /** In the thread of its own if there is one, else by the pool. */
  function perform<V extends VerbName>(terms: Terms, verb: V, ...args: VerbArgs<V>): Promise<VerbAnswer<V>> {
    return gate.run(
      (work) => verbs[verb](work, ...args),
      terms,
      () => (thread?.isReady() === true ? (call) => thread.perform(call, verb, args) : undefined),
    );
  }

  /** Writers of one session queue here, so that those of one process do not make each other lose. */
  async function at<V extends 'create' | 'update' | 'destroy'>(key: string, verb: V, ...args: VerbArgs<V>) {
    assertSessionKey(key);
    return perform({ line: key }, verb, ...args);
  }

  const store: FsStore = {
    create: (key, record) => at(key, 'create', key, record),

    async read(key) {
      assertSessionKey(key);
      return perform({}, 'read', key);
    },

    update: (key, change) => at(key, 'update', key, change),

    destroy: (key, how = {}) => at(key, 'destroy', key, how),

    keysByOwner: (owner) => ownerPages(site, gate, owner, (entries) => perform({}, 'forgetEntries', owner, entries)),

    walk: () => walk(site, gate),

    noteApp: (name, keepMs) => gate.run(() => apps.noteApp(name, keepMs)),

    notedApps: () => gate.run(() => apps.notedApps()),

    sweep: () => runSweep(true),

    describe: () => ({ name: 'fs', location: directory.path, sharedBy: 'host' }),

    check: () => gate.run(() => checkDirectory(directory)),

    async close() {
      isClosed = true;
      await sweeper.close();
      await Promise.allSettled(sweeps);
      await gate.close();
      await thread?.close();
      await site.turns.settled();
    },
  };
  if (thread !== undefined) dropped.register(store, thread);
  return store;
}

function assertDuration(name: string, ms: number): void {
  if (!Number.isFinite(ms) || ms < 0)
    throw new SessError('CONFIG_INVALID', `${name} must be a number of milliseconds, 0 or more.`);
}
