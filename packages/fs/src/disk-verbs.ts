import type { DestroyOptions, SessionKey } from '@sess/core';
import { type Draft, createSession } from './create.ts';
import { destroySession } from './destroy.ts';
import type { LiveSession } from './find-session.ts';
import { isOwnedBy } from './is-owned-by.ts';
import type { EndStamp } from './layout/names.ts';
import { type SessionPath, sessionPath } from './layout/paths.ts';
import { readSession } from './read.ts';
import { type Swap, replaceSession } from './replace.ts';
import type { Site } from './site.ts';

/**
 * The part of a call that waits for the disk, in stamps and bytes. It is the same work whichever thread does it.
 *
 * `by`: in milliseconds of that thread's `performance.now()`.
 */
export interface DiskVerbs {
  create: (by: number, key: SessionKey, draft: Draft) => Promise<boolean>;
  read: (by: number, key: SessionKey) => Promise<LiveSession | EndStamp | undefined>;
  replace: (by: number, key: SessionKey, swap: Swap) => Promise<'replaced' | LiveSession | undefined>;
  destroy: (by: number, key: SessionKey, how: DestroyOptions) => Promise<LiveSession | EndStamp | undefined>;
  forgetEntries: (by: number, owner: string, entries: readonly string[]) => Promise<void>;
}

export function diskVerbsOn(site: Site): DiskVerbs {
  const { directory, owners } = site;

  async function at(key: SessionKey): Promise<SessionPath> {
    const path = sessionPath(directory.path, key);
    await directory.verifyNowAndThen();
    return path;
  }

  return {
    create: async (by, key, draft) => createSession(site, await at(key), draft, by),
    read: async (by, key) => readSession(site, await at(key), by),
    replace: async (by, key, swap) => replaceSession(site, await at(key), swap, by),
    destroy: async (by, key, how) => destroySession(site, await at(key), how, by),
    forgetEntries: (by, owner, entries) => owners.forget(owner, entries, (key) => isOwnedBy(site, owner, key, by)),
  };
}
