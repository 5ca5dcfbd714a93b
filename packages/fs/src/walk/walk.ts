import { isSessError } from '@sess/core';
import type { InPool } from '../thread/disk-for.ts';
import { namesIfAny } from '../disk/files.ts';
import { lookClosely } from '../verbs/find-session.ts';
import type { Listing } from '../layout/names.ts';
import { isSessionKey, isShard, sessionPath } from '../layout/paths.ts';
import type { Site } from '../verbs/site.ts';

/** What one slice looks at, at most: requests go in between two slices. */
const sliceSize = 32;

/** Longer than the second of a request: nobody waits for a slice, and a disk may be slow at removing much. */
export const sliceMs = 10_000;

/** The names in all shards, some at a time. */
export async function* slices(
  site: Site,
  inPool: InPool,
  isStopped: () => boolean,
): AsyncGenerator<[shard: string, names: string[]]> {
  await inPool(() => site.directory.verify(), sliceMs);
  for (const shardName of await inPool(() => namesIfAny(site.directory.path), sliceMs)) {
    if (!isShard(shardName)) continue;
    const shard = `${site.directory.path}/${shardName}`;
    const names = await inPool(() => namesIfAny(shard), sliceMs);
    for (let at = 0; at < names.length; at += sliceSize) {
      if (isStopped()) return;
      yield [shard, names.slice(at, at + sliceSize)];
    }
  }
}

/** `undefined`: something that is not a session, and is left alone. */
export async function ifWhole(look: Promise<Listing | undefined>): Promise<Listing | 'gone' | undefined> {
  try {
    return (await look) ?? 'gone';
  } catch (error) {
    if (isSessError(error) && error.code === 'STORE_CORRUPT') return undefined;
    throw error;
  }
}

/** All keys whose stamp says that they live. */
export async function* walk(site: Site, inPool: InPool): AsyncGenerator<string> {
  for await (const [, names] of slices(site, inPool, () => false)) {
    const keys = new Set(names.filter(isSessionKey));
    yield* await inPool(async (by) => {
      const live: string[] = [];
      for (const key of keys) {
        const there = await ifWhole(lookClosely(site, sessionPath(site.directory.path, key), by));
        const stamp = there === undefined || there === 'gone' ? undefined : there.stamps[0];
        if (stamp?.kind === 'live' && site.clock() < stamp.expiresAt) live.push(key);
      }
      return live;
    });
  }
}
