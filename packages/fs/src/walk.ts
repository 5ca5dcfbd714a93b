import { isSessError } from '@sess/core';
import { namesIfAny } from './files.ts';
import type { Gate, Terms } from './gate.ts';
import type { Listing } from './names.ts';
import { isSessionKey, isShard, sessionPath } from './session-path.ts';
import type { Site } from './site.ts';
import { lookClosely } from './stored-session.ts';

/** What one slice looks at, at most: requests go in between two slices. */
const sliceSize = 32;

/** No request waits for a slice, and a disk may be slow at removing much: a request is told after a second. */
export const terms: Terms = { boundMs: 10_000 };

/** The names in all shards, some at a time. */
export async function* slices(
  site: Site,
  gate: Gate,
  isStopped: () => boolean,
): AsyncGenerator<[shard: string, names: string[]]> {
  await gate.run(() => site.directory.verify(), terms);
  for (const shardName of await gate.run(() => namesIfAny(site.directory.path), terms)) {
    if (!isShard(shardName)) continue;
    const shard = `${site.directory.path}/${shardName}`;
    const names = await gate.run(() => namesIfAny(shard), terms);
    for (let at = 0; at < names.length; at += sliceSize) {
      if (isStopped()) return;
      yield [shard, names.slice(at, at + sliceSize)];
    }
  }
}

/** `undefined`: something that is no session, which is left alone. */
export async function ifWhole(look: Promise<Listing | undefined>): Promise<Listing | 'gone' | undefined> {
  try {
    return (await look) ?? 'gone';
  } catch (error) {
    if (isSessError(error) && error.code === 'STORE_CORRUPT') return undefined;
    throw error;
  }
}

/** All keys whose token says that they live. */
export async function* walk(site: Site, gate: Gate): AsyncGenerator<string> {
  for await (const [, names] of slices(site, gate, () => false)) {
    const keys = new Set(names.filter(isSessionKey));
    yield* await gate.run(async (work) => {
      const live: string[] = [];
      for (const key of keys) {
        const there = await ifWhole(lookClosely(site, sessionPath(site.directory.path, key), work));
        const token = there === undefined || there === 'gone' ? undefined : there.tokens[0];
        if (token?.kind === 'live' && site.clock() < token.expiresAt) live.push(key);
      }
      return live;
    });
  }
}
