import type { SessionKey } from '@sess/core';
import { errorCode, isMissing } from '../disk/faults.ts';
import {
  makeDirectoryIfMissing,
  namesIfAny,
  quietly,
  removeIfEmpty,
  renewTimes,
  statusOf,
  syncDirectory,
  unlink,
  writeNew,
} from '../disk/files.ts';
import type { SessionDirectory } from '../disk/directory.ts';
import { isSessionKey, isShard, ownerPlace, renewedEntry, sessionPath } from '../layout/paths.ts';
import { restoreOwners } from './restore-owners.ts';

/** From owner to sessions: `owners/<shard>/<sha256(owner)>/<key>_<time>`, empty files. */
export interface OwnerIndex {
  /** Writes the index entry, then runs `store`. Without an owner, only runs `store`. */
  around<T>(owner: string | undefined, key: SessionKey, store: () => Promise<T>): Promise<T>;
  /**
   * Makes the directory of owners again if it is gone: without it no owner would seem to have a session. Answers whether
   * it was gone: then an entry that was not found may be there now.
   */
  restoreIfMissing(): Promise<boolean>;
  /** Where an owner's entries are. */
  placeOf(owner: string): string;
  /** Removes old entries. `isOwned` has the last word: the caller's look at the session may be long ago. */
  forget(owner: string, entries: readonly string[], isOwned: (key: SessionKey) => Promise<boolean>): Promise<void>;
  /** Makes the entry of a session that lives look new to a cleaner of old files; writes one where it has gone. */
  renew(owner: string, key: SessionKey): Promise<void>;
  /** Directories of places, for the sweep. */
  shards(): Promise<string[]>;
  /** The places in a shard: each holds the entries of one owner. */
  placesIn(shard: string): Promise<string[]>;
  /** Removes a place's entries whose session is not there. */
  clean(place: string): Promise<void>;
}

/** The session of an entry younger than this may be about to be stored. */
const youngMs = 60_000;

const nothing = new Uint8Array(0);

/** @param fsync whether an entry is confirmed by the disk before its session is stored */
export function ownerIndexIn(directory: SessionDirectory, clock: () => number, fsync: boolean): OwnerIndex {
  function placeOf(owner: string): { shard: string; place: string } {
    return ownerPlace(directory.owners, owner);
  }

  let restoring: Promise<void> | undefined;

  async function restoreIfMissing(): Promise<boolean> {
    await directory.verify();
    if (await exists(directory.owners)) return false;
    // Once for all who wait for it.
    restoring ??= restoreOwners(directory.path, directory.owners).finally(() => (restoring = undefined));
    await restoring;
    return true;
  }

  async function write(path: string): Promise<void> {
    try {
      await writeNew(path, nothing, false);
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }

  function isOld(entry: string): boolean {
    return clock() - writtenAt(entry) >= youngMs;
  }

  async function add(owner: string, key: SessionKey, entry = `${key}_${Math.trunc(clock())}`): Promise<void> {
    const { shard, place } = placeOf(owner);
    const path = `${place}/${entry}`;
    // A place whose last entry goes is removed, perhaps between the two steps here.
    const made: string[] = [];
    for (let tries = 0; ; tries++) {
      try {
        await write(path);
        if (fsync) for (const filled of [place, ...made]) await syncDirectory(filled);
        return;
      } catch (error) {
        if (!isMissing(error) || tries === 3) throw error;
      }
      await restoreIfMissing();
      for (const missing of [shard, place]) await makeDirectoryIfMissing(missing);
      made.splice(0, made.length, shard, directory.owners);
    }
  }

  return {
    async around(owner, key, store) {
      if (owner === undefined) return store();
      const addedAt = clock();
      await add(owner, key);
      const outcome = await store();
      // If this process was paused in between, the entry may have been removed as one without a session.
      if (Math.abs(clock() - addedAt) > youngMs / 2) await add(owner, key);
      return outcome;
    },

    async renew(owner, key) {
      const { shard, place } = placeOf(owner);
      for (const above of [directory.owners, shard, place]) await quietly(renewTimes(above));
      const entry = renewedEntry(key);
      if (!(await renewTimes(`${place}/${entry}`))) await add(owner, key, entry);
    },

    restoreIfMissing,

    placeOf: (owner) => placeOf(owner).place,

    async forget(owner, entries, isOwned) {
      const { place } = placeOf(owner);
      for (const entry of entries)
        if (isOld(entry) && !(await isOwned(keyOf(entry)))) await unlink(`${place}/${entry}`);
      await removeIfEmpty(place);
    },

    async shards() {
      const names = await namesIfAny(directory.owners);
      return names.filter(isShard).map((name) => `${directory.owners}/${name}`);
    },

    async placesIn(shard) {
      const names = await namesIfAny(shard);
      return names.filter(isSessionKey).map((hash) => `${shard}/${hash}`);
    },

    async clean(place) {
      for (const entry of await namesIfAny(place)) {
        const key = keyOf(entry);
        if (isSessionKey(key) && isOld(entry) && !(await exists(sessionPath(directory.path, key).directory))) {
          await unlink(`${place}/${entry}`);
        }
      }
      await quietly(removeIfEmpty(place));
    },
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await statusOf(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** The session that an entry leads to, if the name is an entry's. */
export function keyOf(entry: string): string {
  return entry.slice(0, Math.max(0, entry.indexOf('_')));
}

function writtenAt(entry: string): number {
  return Number(entry.slice(entry.indexOf('_') + 1));
}
