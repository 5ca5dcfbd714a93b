import { isMissing } from '../disk/faults.ts';
import { quietly, syncDirectory, unlink, writeNew } from '../disk/files.ts';
import { assertInTime } from '../disk/in-time.ts';
import { removeData } from './data-files.ts';
import { findSession } from './find-session.ts';
import type { LiveSession } from './live-session.ts';
import { type LiveStamp, dataName } from '../layout/names.ts';
import { type SessionPath, dataPath, stampPath } from '../layout/paths.ts';
import { moveStamp } from './move-stamp.ts';
import { isRenewalDue, renewSession } from './renew-session.ts';
import type { Site } from './site.ts';

/** From the exact stamp that was read to the next one. */
export interface Step {
  from: LiveStamp;
  to: LiveStamp;
  /** What the data file of `to` holds. Absent: it keeps that of `from`, and only its name changes. */
  bytes: Buffer | undefined;
  owner: string | undefined;
  /** Whether the owner has no entry in the index yet. */
  isNewOwner: boolean;
}

/** @returns `'replaced'`; or what stands in its place; `undefined` where no session does */
export function replaceSession(
  site: Site,
  path: SessionPath,
  step: Step,
  by: number,
): Promise<'replaced' | LiveSession | undefined> {
  const { owner, isNewOwner } = step;
  return site.owners.around(isNewOwner ? owner : undefined, path.key, () => carryOut(site, path, step, by));
}

async function carryOut(
  site: Site,
  path: SessionPath,
  step: Step,
  by: number,
): Promise<'replaced' | LiveSession | undefined> {
  const { from, to, bytes, owner } = step;
  if (!(await (bytes === undefined ? isMoved(site, path, step, by) : isWritten(site, path, step, bytes, by)))) {
    const found = await findSession(site, path, by);
    // The file of this write moved along with the stamp. If the stamp has moved on again, a thorough sweep finds the file.
    if (bytes !== undefined && found.state !== 'absent') await removeData(path, found.stamp, [dataName(to.dataId)]);
    return found.state === 'live' ? { stamp: found.stamp, bytes: found.bytes } : undefined;
  }
  if (bytes === undefined) site.remembered.forget(path.key);
  else {
    site.remembered.add(path.key, { stamp: to, bytes });
    await removeData(path, to, [dataName(from.dataId)]);
  }
  if (isRenewalDue(from, to)) await renewSession(site, path, to, owner);
  return 'replaced';
}

/**
 * The record is written into the stamp that was read, which fails if that has moved on; then the stamp is moved. After a
 * fault of the move itself the file stays, since the move may have taken place.
 */
async function isWritten(site: Site, path: SessionPath, step: Step, bytes: Buffer, by: number): Promise<boolean> {
  const file = dataPath(path, step.from, step.to.dataId);
  try {
    await writeNew(file, bytes, site.fsync);
    if (site.fsync) await syncDirectory(stampPath(path, step.from));
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
  try {
    assertInTime(by);
  } catch (error) {
    await quietly(unlink(file));
    throw error;
  }
  return isMoved(site, path, step, by);
}

/** Others may have been told already that a session whose deadline has passed is over: it is not moved any more. */
async function isMoved(site: Site, path: SessionPath, { from, to }: Step, by: number): Promise<boolean> {
  assertInTime(by);
  return site.clock() < from.expiresAt && (await moveStamp(site, path, from, to));
}
