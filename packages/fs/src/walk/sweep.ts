import type { SweepReport } from '@sess/core';
import { dataIn, removeData } from '../verbs/data-files.ts';
import { removeAllData } from '../verbs/destroy.ts';
import type { InPool } from '../thread/disk-for.ts';
import { asFault } from '../disk/faults.ts';
import { namesIfAny, quietly, removeIfEmpty, removeTree, renameIfThere, statusOf } from '../disk/files.ts';
import { assertInTime } from '../disk/in-time.ts';
import { isEmpty, lookAt } from '../verbs/find-session.ts';
import { type LiveStamp, dataName, isTemporary, isTrash, liveStamp, madeAt, trashName } from '../layout/names.ts';
import { type SessionPath, isSessionKey, sessionPath } from '../layout/paths.ts';
import { moveStamp } from '../verbs/move-stamp.ts';
import { removeStamp } from '../verbs/remove-stamp.ts';
import type { Site } from '../verbs/site.ts';
import { ifWhole, sliceMs, slices } from './walk.ts';

export interface SweepPlan {
  /** How long after its deadline a session is removed: until then a wrong clock can be set right. */
  graceMs: number;
  /** Whether to look into live sessions too, for what dead writers left, and into the owner index. */
  isThorough: boolean;
  /** Asked between slices. */
  isStopped(): boolean;
  /** Lock directories that were there at the last sweep, and when each was last renewed. */
  locksSeen: Map<string, number>;
}

/** A younger writer may be under way; if it is disturbed, it only has to try again. */
const leftoverMs = 60_000;

type Count = keyof SweepReport | undefined;

/** Removes what has expired. Opens no file: every deadline is in a name. */
export async function sweep(site: Site, inPool: InPool, plan: SweepPlan): Promise<SweepReport> {
  const report: SweepReport = { removed: 0, kept: 0 };
  let firstFault: Error | undefined;

  /** One thing that cannot be removed must not stop the rest. */
  async function count(step: Promise<Count | void>): Promise<void> {
    try {
      const kind = await step;
      if (kind) report[kind]++;
    } catch (error) {
      firstFault ??= asFault(error);
    }
  }

  for await (const [shard, names] of slices(site, inPool, plan.isStopped)) {
    await inPool(async (by) => {
      for (const name of names) {
        assertInTime(by);
        if (isSessionKey(name)) await count(sweepSession(site, sessionPath(site.directory.path, name), plan));
        else await count(sweepLeftover(site, shard, name));
      }
    }, sliceMs);
  }
  if (plan.isThorough && !plan.isStopped()) {
    for (const shard of await inPool(() => site.owners.shards(), sliceMs)) {
      for (const place of await inPool(() => site.owners.placesIn(shard), sliceMs)) {
        if (plan.isStopped()) return report;
        await inPool(() => count(site.owners.clean(place)), sliceMs);
      }
    }
    await inPool(() => sweepLocks(site.directory.locks, plan.locksSeen), sliceMs);
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
  const [stamp] = names.stamps;
  // Damage is left as it is.
  if (stamp === undefined || names.stamps.length > 1 || names.isForeign || names.isNewer) return 'kept';

  const dueAt = plan.graceMs + (stamp.kind === 'live' ? stamp.expiresAt : Math.max(stamp.until, stamp.endedAt));
  const isDue = site.clock() >= dueAt;
  if (isDue && (await removeStamp(site, path, stamp)))
    return stamp.kind === 'live' || stamp.until > 0 ? 'removed' : undefined;
  if (stamp.kind === 'end') {
    // What a process left that died before it had removed it.
    if (plan.isThorough) await removeAllData(path, stamp);
    return undefined;
  }
  if (!isDue && plan.isThorough) await removeOrphans(site, path, stamp);
  return 'kept';
}

/**
 * Data files of writers that died or lost. The stamp gets a new name first: a writer that was only paused then finds its
 * stamp gone, instead of committing a file that is no longer there.
 */
async function removeOrphans(site: Site, path: SessionPath, stamp: LiveStamp): Promise<void> {
  const own = dataName(stamp.dataId);
  const orphans = (await dataIn(path, stamp)).filter((name) => name !== own);
  if (!orphans.some((name) => site.clock() - madeAt(name) > leftoverMs)) return;
  const next = liveStamp(stamp.expiresAt, stamp.touchedAt, stamp.dataId);
  if (await moveStamp(site, path, stamp, next)) await removeData(path, next, orphans);
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
