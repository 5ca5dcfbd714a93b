import type { DestroyOptions, SessionKey } from '@sess/core';
import { createSession } from './create.ts';
import { destroySession } from './destroy.ts';
import type { LiveSession } from './live-session.ts';
import { isOwnedBy } from './is-owned-by.ts';
import { type Content, bytesOf, contentOf } from '../layout/content.ts';
import { type EndStamp, knownEndStamp, knownLiveStamp } from '../layout/names.ts';
import { type SessionPath, sessionPath } from '../layout/paths.ts';
import { readSession } from './read.ts';
import { replaceSession } from './replace.ts';
import type { Site } from './site.ts';
import { succeedSession } from './succeed.ts';

/** What stands under a key: the name of its stamp and, unless the session has ended, what its data file holds. */
export interface Standing {
  name: string;
  content?: Content;
}

/** The next state of a session, in the place of the exact one that was read. */
export interface Swap {
  /** Names of stamps. */
  from: string;
  to: string;
  /** What the data file of `to` holds. Absent: it keeps that of `from`, and only the stamp's name changes. */
  content: Content | undefined;
  owner: string | undefined;
  /** Whether the owner has no entry in the index yet. */
  isNewOwner: boolean;
}

/**
 * The part of a call that waits for the disk. It is the same work whichever thread does it; what goes in and out is flat,
 * since a message between threads costs by the objects in it.
 *
 * `by`: in milliseconds of that thread's `performance.now()`.
 */
export interface DiskVerbs {
  create: (by: number, key: SessionKey, name: string, content: Content, owner?: string) => Promise<boolean>;
  read: (by: number, key: SessionKey) => Promise<Standing | undefined>;
  replace: (by: number, key: SessionKey, swap: Swap) => Promise<'replaced' | Standing | undefined>;
  /** From one name of a stamp to another one, which ends the session. */
  succeed: (by: number, key: SessionKey, from: string, to: string) => Promise<'replaced' | Standing | undefined>;
  destroy: (by: number, key: SessionKey, how: DestroyOptions) => Promise<Standing | undefined>;
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
    async create(by, key, name, content, owner) {
      const draft = { stamp: knownLiveStamp(name), bytes: bytesOf(content), owner };
      return createSession(site, await at(key), draft, by);
    },
    read: async (by, key) => standing(await readSession(site, await at(key), by)),
    async replace(by, key, { from, to, content, owner, isNewOwner }) {
      const step = {
        from: knownLiveStamp(from),
        to: knownLiveStamp(to),
        bytes: content === undefined ? undefined : bytesOf(content),
        owner,
        isNewOwner,
      };
      const outcome = await replaceSession(site, await at(key), step, by);
      return outcome === 'replaced' ? outcome : standing(outcome);
    },
    async succeed(by, key, from, to) {
      const outcome = await succeedSession(site, await at(key), knownLiveStamp(from), knownEndStamp(to), by);
      return outcome === 'replaced' ? outcome : standing(outcome);
    },
    destroy: async (by, key, how) => standing(await destroySession(site, await at(key), how, by)),
    forgetEntries: (by, owner, entries) => owners.forget(owner, entries, (key) => isOwnedBy(site, owner, key, by)),
  };
}

function standing(found: LiveSession | EndStamp | undefined): Standing | undefined {
  if (found === undefined) return undefined;
  return 'bytes' in found ? { name: found.stamp.name, content: contentOf(found.bytes) } : { name: found.name };
}
