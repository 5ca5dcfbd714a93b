import type { SessionChange, UpdateVerdict } from '@sess/core';
import { copyOfFields, setField } from '@sess/core/internal';
import { commit, commitData, lost, untilNotLost } from './commit.ts';
import type { Work } from './gate.ts';
import { liveToken, uniqueId } from './names.ts';
import { sameFile } from './files.ts';
import { isRenewalDue, renewSession } from './renew-session.ts';
import { type StoredRecord, decodeRecord, encodeRecord } from './record-file.ts';
import { type KnownSession, largestKnown } from './known-sessions.ts';
import type { SessionPath } from './session-path.ts';
import type { Site } from './site.ts';
import { dataPath, loadSession } from './stored-session.ts';

/** A session that was large once does not keep a large file beside it. */
const largestSpare = 65_536;

export async function updateSession(
  site: Site,
  path: SessionPath,
  change: SessionChange,
  work: Work,
): Promise<UpdateVerdict> {
  if (await isAppliedUnseen(site, path, change, work)) return 'applied';
  return untilNotLost(site, path, work, async () => {
    const there = await loadSession(site, path, work);
    if (there.state !== 'live') {
      site.contended.delete(path.key);
      return 'gone';
    }
    return isAsExpected(there.record, change) ? apply(site, path, there, change, work) : 'conflict';
  });
}

/** Tries it on what is known of the session. Only a rename that took place says something about now. */
async function isAppliedUnseen(site: Site, path: SessionPath, change: SessionChange, work: Work): Promise<boolean> {
  const known = site.known.find(path.key);
  const isFresh = site.known.isFresh(path.key);
  site.known.forget(path.key);
  if (known === undefined || site.clock() >= known.token.expiresAt || !isAsExpected(known.record, change)) return false;
  // What was damaged meanwhile is not written over.
  const isWhole =
    isFresh || (await sameFile(dataPath(path, known.token, known.token.dataId), known.file)) !== undefined;
  if (!isWhole) return false;
  const { expiresAt, touchedAt } = timesOf(known.token, change);
  const moves = expiresAt !== known.token.expiresAt || touchedAt !== known.token.touchedAt;
  return moves && (await apply(site, path, known, change, work)) === 'applied';
}

async function apply(
  site: Site,
  path: SessionPath,
  there: KnownSession,
  change: SessionChange,
  work: Work,
): Promise<'applied' | typeof lost> {
  const record = changed(there.record, change);
  if (record === there.record) return touch(site, path, there, change, work);
  return site.owners.around(change.owner, path.key, () => rewrite(site, path, there, record, change, work));
}

/** The record was looked at, as for every update, so that a damaged one is not kept alive; none is written. */
async function touch(
  site: Site,
  path: SessionPath,
  { token, record, file }: KnownSession,
  change: SessionChange,
  work: Work,
): Promise<'applied' | typeof lost> {
  const { expiresAt, touchedAt } = timesOf(token, change);
  if (expiresAt === token.expiresAt && touchedAt === token.touchedAt) return 'applied';
  work.check();
  const next = liveToken(expiresAt, touchedAt, token.dataId);
  if (isOver(site, token) || !(await commit(site, path, token, next))) return lost;
  const isDue = isRenewalDue(token, next);
  if (isDue) await renewSession(site, path, next, record.owner);
  // Renewed, the file has other times than those that were seen.
  site.known.add(path.key, { token: next, record, file: isDue ? { size: file.size } : file });
  return 'applied';
}

async function rewrite(
  site: Site,
  path: SessionPath,
  { token, file }: KnownSession,
  record: StoredRecord,
  change: SessionChange,
  work: Work,
): Promise<'applied' | typeof lost> {
  const { expiresAt, touchedAt } = timesOf(token, change);
  const id = uniqueId(site.clock());
  const next = liveToken(expiresAt, touchedAt, id);
  const bytes = encodeRecord(path.key, id, record);
  const commitment = {
    from: token,
    to: next,
    bytes,
    isStill: () => !isOver(site, token),
    isSpareAfter: file.size <= largestSpare,
  };
  if (!(await commitData(site, path, commitment, work))) return lost;
  if (isRenewalDue(token, next)) await renewSession(site, path, next, record.owner);
  // As it will be read. What stays of a record are views of the text that it was read from, and would keep all of it.
  if (bytes.length <= largestKnown)
    site.known.add(path.key, { token: next, record: decodeRecord(path.key, id, bytes), file: { size: bytes.length } });
  return 'applied';
}

/** Asked last before the rename: others may have been told already that a session whose deadline has passed is over. */
function isOver(site: Site, token: KnownSession['token']): boolean {
  return site.clock() >= token.expiresAt;
}

function timesOf(
  { expiresAt, touchedAt }: KnownSession['token'],
  change: SessionChange,
): { expiresAt: number; touchedAt: number } {
  return {
    expiresAt: change.settings ? change.expiresAt : Math.max(expiresAt, change.expiresAt),
    touchedAt: Math.max(touchedAt, change.touchedAt),
  };
}

function isAsExpected({ fields }: StoredRecord, { expect }: SessionChange): boolean {
  if (expect === undefined) return true;
  return Object.keys(expect).every((name) => ownText(fields, name) === ownText(expect, name));
}

function ownText(fields: Record<string, string | undefined>, name: string): string | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** The record after the change; the very same one when nothing but the times changes. */
function changed(record: StoredRecord, change: SessionChange): StoredRecord {
  const writes: [name: string, text: string][] = [];
  for (const entry of Object.entries(change.revise ?? {}))
    if (Object.hasOwn(record.fields, entry[0])) writes.push(entry);
  writes.push(...Object.entries(change.set ?? {}));
  const removed = (change.unset ?? []).filter((name) => Object.hasOwn(record.fields, name));
  const isTouch =
    writes.length === 0 && removed.length === 0 && change.owner === undefined && change.settings === undefined;
  if (isTouch) return record;

  const { owner: ownerBefore, settings: settingsBefore, createdAt } = record;
  const owner = change.owner === undefined ? ownerBefore : change.owner;
  const settings = change.settings ?? settingsBefore;
  const fields = copyOfFields(record.fields);
  for (const name of removed) delete fields[name];
  for (const [name, text] of writes) setField(fields, name, text);
  return {
    fields,
    createdAt,
    ...(typeof owner === 'string' && { owner }),
    ...(settings !== undefined && { settings }),
  };
}
