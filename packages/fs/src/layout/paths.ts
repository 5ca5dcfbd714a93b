import { createHash } from 'node:crypto';
import type { SessionKey } from '@sess/core';
import { type Stamp, dataName } from './names.ts';

/** Where a session lies. */
export interface SessionPath {
  key: SessionKey;
  /** One of 256 directories, so that none grows too long. */
  shard: string;
  /** The session itself: a directory in the shard, named by the key. */
  directory: string;
}

/** Whether a name is a session's: nothing else may become a part of a path. */
export function isSessionKey(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name);
}

/** @throws TypeError */
export function assertSessionKey(key: SessionKey): void {
  if (!isSessionKey(key)) throw new TypeError('A session key is 64 lower case hex digits.');
}

export function sessionPath(root: string, key: SessionKey): SessionPath {
  assertSessionKey(key);
  const shard = `${root}/${key.slice(0, 2)}`;
  return { key, shard, directory: `${shard}/${key}` };
}

export function stampPath(path: SessionPath, stamp: Stamp): string {
  return `${path.directory}/${stamp.name}`;
}

export function dataPath(path: SessionPath, stamp: Stamp, id: string): string {
  return `${path.directory}/${stamp.name}/${dataName(id)}`;
}

/** Whether a name in the root is a shard's. */
export function isShard(name: string): boolean {
  return /^[0-9a-f]{2}$/.test(name);
}

/** Where the entries of an owner lie: empty files that are named after a session and a time. */
export function ownerPlace(owners: string, owner: string): { shard: string; place: string } {
  const hash = createHash('sha256').update(owner).digest('hex');
  const shard = `${owners}/${hash.slice(0, 2)}`;
  return { shard, place: `${shard}/${hash}` };
}

/**
 * The entry of a session that is already stored: written when the entry is renewed, or the index restored. It always has
 * the same name, so it is found again without a list of all entries. Its time is 0: unlike an entry whose session is about
 * to be stored, it may be removed at once.
 */
export function renewedEntry(key: SessionKey): string {
  return `${key}_0`;
}
