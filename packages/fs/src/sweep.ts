import type { SweepReport } from '@sess/core';
import { commit } from './commit.ts';
import { asFault } from './faults.ts';
import { namesIfAny, quietly, removeIfEmpty, removeTree, renameIfThere, statusOf } from './files.ts';
import type { Gate } from './gate.ts';
import { type LiveToken, dataName, isTemporary, isTrash, liveToken, madeAt, spareName, trashName } from './names.ts';
import { removeToken } from './remove-token.ts';
import { type SessionPath, isSessionKey, sessionPath } from './session-path.ts';
import type { Site } from './site.ts';
import { dataIn, isEmpty, lookAt, removeAllData, removeData } from './stored-session.ts';
import { ifWhole, slices, terms } from './walk.ts';

export interface SweepPlan {
  /** How long behind its deadline a session is removed: a clock that was wrong can be set right. */
  graceMs: number;
  /** Whether to look into live sessions too, for what dead writers left, and into the owner index. */
  isThorough: boolean;
  /** Asked between slices. */
  isStopped(): boolean;
  /** Lock directories that were there at the last sweep, and when each was last renewed. */
  locksSeen: Map<string, number>;
}

/** A writer that is younger may be under way; disturbing one costs it a repetition, no more. */
const leftoverMs = 60_000;

type Count = keyof SweepReport | undefined;

/** Removes what has expired. Opens no file: every deadline is in a name. */
export async function sweep(site: Site, gate: Gate, plan: SweepPlan): Promise<SweepReport> {
  const report: SweepReport = { removed: 0, kept: 0 };
  let firstFault: Error | undefined;

  /** One thing that cannot be removed does not keep the rest. */
  async function count(step: Promise<Count | void>): Promise<void> {
    try {
      const kind = await step;
      if (kind) report[kind]++;
    } catch (error) {
      firstFault ??= asFault(error);
    }
  }

  for await (const [shard, names] of slices(site, gate, plan.isStopped)) {
    await gate.run(async (work) => {
      for (const name of names) {
        work.check();
        if (isSessionKey(name)) await count(sweepSession(site, sessionPath(site.directory.path, name), plan));
        else await count(sweepLeftover(site, shard, name));
      }
    }, terms);
  }
  if (plan.isThorough && !plan.isStopped()) {
    for (const shard of await gate.run(() => site.owners.shards(), terms)) {
      for (const place of await gate.run(() => site.owners.placesIn(shard), terms)) {
        if (plan.isStopped()) return report;
        await gate.run(() => count(site.owners.clean(place)), terms);
      }
    }
    await gate.run(() => sweepLocks(site.directory.locks, plan.locksSeen), terms);
  }
  if (firstFault !== undefined) throw firstFault;
  return report;
}

async function sweepSession(site: Site, path: SessionPath, plan: SweepPlan): Promise<Count> {
  const names = await ifWhole(lookAt(site, path));
  if (names === undefined) return 'kept';
  if (names === 'gone') return undefined;
  if (isEmpty(names)) {
    await removeIfEmpty(path.directory);
    return undefined;
  }
  const [token] = names.tokens;
  // Damage is left as it is.
  if (token === undefined || names.tokens.length > 1 || names.isForeign || names.isNewer) return 'kept';

  const dueAt = plan.graceMs + (token.kind === 'live' ? token.expiresAt : Math.max(token.until, token.diedAt));
  const isDue = site.clock() >= dueAt;
  if (isDue && (await removeToken(site, path, token)))
    return token.kind === 'live' || token.until > 0 ? 'removed' : undefined;
  if (token.kind === 'end') {
    // What a process left that died before it had removed it.
    if (plan.isThorough) await removeAllData(path, token);
    return undefined;
  }
  if (!isDue && plan.isThorough) await removeOrphans(site, path, token);
  return 'kept';
}

/**
 * Data files of writers that died, and a spare one that nobody has needed for long. The token gets a
 * new name first: a writer that was only paused then finds its token gone, instead of committing a
 * file that is no longer there.
 */
async function removeOrphans(site: Site, path: SessionPath, token: LiveToken): Promise<void> {
  const own = dataName(token.dataId);
  const data = await dataIn(path, token);
  // It became spare when the session's own data was written.
  const agedBy = (name: string): string => (name === spareName ? own : name);
  if (!data.some((name) => name !== own && site.clock() - madeAt(agedBy(name)) > leftoverMs)) return;
  const next = liveToken(token.expiresAt, token.touchedAt, token.dataId);
  if (await commit(site, path, token, next)) await removeData(path, next, data, new Set([own]));
}

/** What a process left that died between filling a directory and renaming it, or while deleting one. */
async function sweepLeftover(site: Site, shard: string, name: string): Promise<undefined> {
  if (isTrash(name)) await removeTree(`${shard}/${name}`);
  if (!isTemporary(name) || site.clock() - madeAt(name) <= leftoverMs) return;
  // Moved away in one step, so that its maker, if it was only paused, does not store half a session.
  const trash = `${shard}/${trashName(site.clock())}`;
  if (await renameIfThere(`${shard}/${name}`, trash)) await removeTree(trash);
}

/** A lock that nobody renewed between two sweeps belongs to a dead process. */
async function sweepLocks(directory: string, seen: Map<string, number>): Promise<void> {
  const before = new Map(seen);
  seen.clear();
  for (const name of await namesIfAny(directory)) {
    const path = `${directory}/${name}`;
    const renewedAt = await statusOf(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    );
    if (renewedAt === undefined) continue;
    if (before.get(name) === renewedAt) await quietly(removeIfEmpty(path));
    else seen.set(name, renewedAt);
  }
}
