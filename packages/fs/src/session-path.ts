import type { SessionKey } from '@sess/core';

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

/** Whether a name in the root is a shard's. */
export function isShard(name: string): boolean {
  return /^[0-9a-f]{2}$/.test(name);
}
