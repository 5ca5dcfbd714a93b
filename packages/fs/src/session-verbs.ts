import type { EndMarker, ReplaceOutcome, SessionKey, SessionStore, StoredSession } from '@sess/core';
import type { DiskVerbs } from './disk-verbs.ts';
import type { LiveSession } from './find-session.ts';
import { type EndStamp, type LiveStamp, liveStamp, uniqueId } from './layout/names.ts';
import { assertSessionKey } from './layout/paths.ts';
import { decodeRecord, encodeRecord } from './layout/record.ts';

/** The version of a session: the name of its stamp. What its data file holds tells whether a swap changes anything of it. */
class Version {
  readonly stamp: LiveStamp;
  readonly bytes: Uint8Array;
  readonly owner: string | undefined;

  constructor(stamp: LiveStamp, bytes: Uint8Array, owner: string | undefined) {
    this.stamp = stamp;
    this.bytes = bytes;
    this.owner = owner;
  }
}

/** The four verbs: records to bytes and back, around what is done on the disk. */
export function sessionVerbs(disk: DiskVerbs, clock: () => number): SessionStore {
  return {
    async create(key, record, by) {
      assertSessionKey(key);
      const { expiresAt, touchedAt, owner } = record;
      const bytes = encodeRecord(key, record);
      const stamp = liveStamp(expiresAt, touchedAt, uniqueId(clock()));
      return (await disk.create(by, key, { stamp, bytes, owner }))
        ? { version: new Version(stamp, bytes, owner) }
        : undefined;
    },

    async read(key, by) {
      assertSessionKey(key);
      const found = await disk.read(by, key);
      if (found === undefined) return undefined;
      return 'bytes' in found ? storedSession(key, found) : endMarker(found);
    },

    async replace(key, version, record, by): Promise<ReplaceOutcome> {
      assertSessionKey(key);
      if (!(version instanceof Version)) throw new TypeError('A version is what this store gave.');
      const { expiresAt, touchedAt, owner } = record;
      const { stamp: from } = version;
      const bytes = encodeRecord(key, record);
      const isSame = Buffer.compare(bytes, version.bytes) === 0;
      const to = liveStamp(expiresAt, touchedAt, isSame ? from.dataId : uniqueId(clock()));
      const swap = { from, to, bytes: isSame ? undefined : bytes, owner, isNewOwner: owner !== version.owner };
      const outcome = await disk.replace(by, key, swap);
      if (outcome === 'replaced') return { verdict: 'replaced', version: new Version(to, bytes, owner) };
      return outcome === undefined ? { verdict: 'gone' } : { verdict: 'conflict', stored: storedSession(key, outcome) };
    },

    async destroy(key, options, by) {
      assertSessionKey(key);
      const found = await disk.destroy(by, key, options);
      if (found === undefined) return undefined;
      return 'bytes' in found ? storedSession(key, found).record : endMarker(found);
    },
  };
}

function storedSession(key: SessionKey, { stamp, bytes }: LiveSession): StoredSession {
  const { expiresAt, touchedAt } = stamp;
  const data = decodeRecord(key, bytes);
  return { record: { ...data, expiresAt, touchedAt }, version: new Version(stamp, bytes, data.owner) };
}

function endMarker({ successor }: EndStamp): EndMarker {
  return successor === undefined ? { ended: true } : { ended: true, successor };
}
