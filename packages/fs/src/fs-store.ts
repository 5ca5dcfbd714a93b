import {
  type ChecksItself,
  type Closes,
  type DescribesItself,
  type IndexesOwners,
  SessError,
  type SessionStore,
  type SweepReport,
  type Sweeps,
  type WalksKeys,
  assertKnownOptions,
  systemClock,
} from '@sess/core';
import { createSession } from './create-session.ts';
import { destroySession } from './destroy-session.ts';
import { type Work, openGate } from './gate.ts';
import { checkDirectory } from './health.ts';
import { ownerIndexIn } from './owner-index.ts';
import { openSessionDirectory } from './session-directory.ts';
import { KnownSessions } from './known-sessions.ts';
import { readSession } from './read-session.ts';
import { type SessionPath, sessionPath } from './session-path.ts';
import type { Site } from './site.ts';
import { isOwnedBy } from './stored-session.ts';
import { type SweepPlan, sweep } from './sweep.ts';
import { startSweeper } from './sweeper.ts';
import { turnsIn } from './turns.ts';
import { updateSession } from './update-session.ts';
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
export type FsStore = SessionStore & DescribesItself & IndexesOwners & WalksKeys & Sweeps & ChecksItself & Closes;

const minuteMs = 60_000;

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
  const turns = turnsIn(directory.locks);
  const site: Site = {
    directory,
    owners: ownerIndexIn(directory, clock),
    turns,
    clock,
    known: new KnownSessions(),
    contended: new Set(),
    fsync: durability === 'fsync',
  };
  let isClosed = false;
  const plan: Omit<SweepPlan, 'isThorough'> = { graceMs, isStopped: () => isClosed, locksSeen: new Map() };
  const sweeps = new Set<Promise<SweepReport>>();

  async function runSweep(isThorough: boolean): Promise<SweepReport> {
    const running = sweep(site, gate, { ...plan, isThorough });
    sweeps.add(running);
    return running.finally(() => sweeps.delete(running));
  }

  const sweeper = startSweeper({ everyMs: sweepEveryMs, clock, turns, sweep: runSweep });

  /** Writers of one session queue here, so that those of one process do not make each other lose. */
  async function write<T>(key: string, job: (path: SessionPath, work: Work) => Promise<T>): Promise<T> {
    const path = sessionPath(directory.path, key);
    return gate.run(
      async (work) => {
        await directory.verifyNowAndThen();
        return job(path, work);
      },
      { line: key },
    );
  }

  return {
    create: (key, record) => write(key, (path, work) => createSession(site, path, record, work)),

    async read(key) {
      const path = sessionPath(directory.path, key);
      return gate.run(async (work) => {
        await directory.verifyNowAndThen();
        return readSession(site, path, work);
      });
    },

    update: (key, change) => write(key, (path, work) => updateSession(site, path, change, work)),

    destroy: (key, how = {}) => write(key, (path, work) => destroySession(site, path, how, work)),

    keysByOwner: (owner) => gate.run(() => site.owners.keys(owner)),

    forgetKeys: (owner, keys) =>
      gate.run((work) => site.owners.forget(owner, keys, (key) => isOwnedBy(site, owner, key, work))),

    walk: () => walk(site, gate),

    sweep: () => runSweep(true),

    describe: () => ({ name: 'fs', location: directory.path, sharedBy: 'host' }),

    check: () => gate.run(() => checkDirectory(directory)),

    async close() {
      isClosed = true;
      await sweeper.close();
      await Promise.allSettled(sweeps);
      await gate.close();
      await turns.settled();
    },
  };
}

function assertDuration(name: string, ms: number): void {
  if (!Number.isFinite(ms) || ms < 0)
    throw new SessError('CONFIG_INVALID', `${name} must be a number of milliseconds, 0 or more.`);
}
