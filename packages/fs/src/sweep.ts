import { type SweepReport, isSessError } from '@sess/core';
import { commit } from './commit.ts';
import { removeTree } from './create-session.ts';
import { asFault } from './faults.ts';
import { namesIfAny, quietly, removeIfEmpty, rename, statusOf, unlink } from './files.ts';
import type { Gate } from './gate.ts';
import {
  type EndToken,
  type Listing,
  type LiveToken,
  dataName,
  endToken,
  isTemporary,
  isTrash,
  liveToken,
  madeAt,
  trashName,
} from './names.ts';
import { type SessionPath, isSessionKey, isShard, sessionPath } from './session-path.ts';
import type { Site } from './site.ts';
import { isEmpty, lookAt, removeData } from './stored-session.ts';

export interface SweepPlan {
  /** How long behind its deadline a session is removed: a clock that was wrong can be set right. */
  graceMs: number;
  /** Asked between slices. */
  isStopped(): boolean;
  /** Lock directories that were there at the last sweep, and when each was last renewed. */
  locksSeen: Map<string, number>;
}

/** What one slice looks at, at most: requests go in between two slices. */
const sliceSize = 32;

/** A writer that is younger may be under way; disturbing one costs it a repetition, no more. */
const leftoverMs = 60_000;

type Count = keyof SweepReport | undefined;

/** Removes what has expired. Opens no file: every deadline is in a name. */
export async function sweep(site: Site, gate: Gate, plan: SweepPlan): Promise<SweepReport> {
  const report: SweepReport = { removed: 0, kept: 0 };
  let firstFault: Error | undefined;

  /** One thing that cannot be removed does not keep the rest. */
  async function count(step: Promise<Count>): Promise<void> {
    try {
      const kind = await step;
      if (kind !== undefined) report[kind]++;
    } catch (error) {
      firstFault ??= asFault(error);
    }
  }

  for await (const [shard, names] of slices(site, gate, plan)) {
    await gate.run(async (work) => {
      for (const name of names) {
        work.check();
        if (isSessionKey(name)) await count(sweepSession(site, sessionPath(site.directory.path, name), plan.graceMs));
        else await count(sweepLeftover(site, shard, name));
      }
    });
  }
  for await (const places of site.owners.places()) {
    for (let at = 0; at < places.length && !plan.isStopped(); at += sliceSize) {
      await gate.run(async () => {
        for (const place of places.slice(at, at + sliceSize))
          await count(site.owners.clean(place).then(() => undefined));
      });
    }
  }
  await gate.run(() => sweepLocks(site.directory.locks, plan.locksSeen));
  if (firstFault !== undefined) throw firstFault;
  return report;
}

/** The names in all shards, some at a time. */
async function* slices(
  site: Site,
  gate: Gate,
  plan: Pick<SweepPlan, 'isStopped'>,
): AsyncGenerator<[shard: string, names: string[]]> {
  await site.directory.verify();
  for (const shardName of await gate.run(() => namesIfAny(site.directory.path))) {
    if (!isShard(shardName)) continue;
    const shard = `${site.directory.path}/${shardName}`;
    const names = await gate.run(() => namesIfAny(shard));
    for (let at = 0; at < names.length; at += sliceSize) {
      if (plan.isStopped()) return;
      yield [shard, names.slice(at, at + sliceSize)];
    }
  }
}

async function sweepSession(site: Site, path: SessionPath, graceMs: number): Promise<Count> {
  const names = await lookAtIfWhole(path);
  if (names === undefined) return 'kept';
  if (names === 'gone') return undefined;
  const [token] = names.tokens;
  if (isEmpty(names)) await removeIfEmpty(path.directory);
  // Damage is left as it is.
  if (token === undefined || names.tokens.length > 1 || names.isForeign || names.isNewer)
    return isEmpty(names) ? undefined : 'kept';

  const now = site.clock();
  if (token.kind === 'live') {
    if (now < token.expiresAt + graceMs) {
      await removeOrphans(site, path, token, names.data);
      return 'kept';
    }
    const end = endToken(0, token.expiresAt);
    if (!(await commit(site, path, token, end))) return 'kept';
    return (await removeEnded(path, end, names)) ? 'removed' : undefined;
  }
  if (now < Math.max(token.until, token.diedAt) + graceMs) return undefined;
  // A new nonce shuts out whoever is about to reuse the directory, and so makes the data files waste.
  const end = names.data.length > 0 ? endToken(token.until, token.diedAt) : token;
  if (end !== token && !(await commit(site, path, token, end))) return undefined;
  return (await removeEnded(path, end, names)) && token.until > 0 ? 'removed' : undefined;
}

/** `undefined`: something that is no session, which is left alone. */
async function lookAtIfWhole(path: SessionPath): Promise<Listing | 'gone' | undefined> {
  try {
    return (await lookAt(path)) ?? 'gone';
  } catch (error) {
    if (isSessError(error)) return undefined;
    throw error;
  }
}

/**
 * Takes an ended session apart by exact names. None of them can be a live one's, and a directory
 * that has a session again is not empty: at no moment does this need to know that nobody else is here.
 */
async function removeEnded(path: SessionPath, end: EndToken, { data }: Listing): Promise<boolean> {
  await removeData(path, data);
  if (!(await unlink(`${path.directory}/${end.name}`))) return false;
  if (await removeIfEmpty(path.directory)) return true;
  // A writer that was late has put a data file here, and cannot commit it: the token is gone.
  const left = await lookAtIfWhole(path);
  if (left === undefined || left === 'gone' || left.tokens.length > 0) return true;
  await removeData(path, left.data);
  await removeIfEmpty(path.directory);
  return true;
}

/**
 * Data files of writers that died. The token gets a new nonce first: a writer that was only paused
 * then finds its token gone, instead of committing a file that is no longer there.
 */
async function removeOrphans(site: Site, path: SessionPath, token: LiveToken, data: readonly string[]): Promise<void> {
  const own = dataName(token.dataId);
  const isOld = (name: string) => name !== own && site.clock() - madeAt(name) > leftoverMs;
  if (!data.some(isOld)) return;
  if (await commit(site, path, token, liveToken(token.expiresAt, token.touchedAt, token.dataId)))
    await removeData(path, data, own);
}

/** What a process left that died between filling a directory and renaming it, or while deleting one. */
async function sweepLeftover(site: Site, shard: string, name: string): Promise<undefined> {
  if (isTrash(name)) await removeTree(`${shard}/${name}`);
  if (!isTemporary(name) || site.clock() - madeAt(name) <= leftoverMs) return;
  // Moved away in one step, so that its maker, if it was only paused, does not store half a session.
  const trash = `${shard}/${trashName(site.clock())}`;
  await rename(`${shard}/${name}`, trash);
  await removeTree(trash);
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

/** All keys whose token says that they live. */
export async function* walk(site: Site, gate: Gate): AsyncGenerator<string> {
  for await (const [, names] of slices(site, gate, { isStopped: () => false })) {
    const keys = new Set(names.filter(isSessionKey));
    yield* await gate.run(async () => {
      const live: string[] = [];
      for (const key of keys) {
        const there = await lookAtIfWhole(sessionPath(site.directory.path, key));
        const token = there === undefined || there === 'gone' ? undefined : there.tokens[0];
        if (token?.kind === 'live' && site.clock() < token.expiresAt) live.push(key);
      }
      return live;
    });
  }
}
