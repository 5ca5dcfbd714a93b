import {
  type EndMarker,
  type ReplaceOutcome,
  type SessionKey,
  type SessionRecord,
  type SessionStore,
  type StoredSession,
  type Succession,
  isSuccession,
} from '@sess/core';
import type { DiskVerbs, Standing } from './verbs/disk-verbs.ts';
import { type Content, bytesOf, contentOf } from './layout/content.ts';
import { type LiveStamp, endStamp, knownEndStamp, knownLiveStamp, liveStamp, uniqueId } from './layout/names.ts';
import { assertSessionKey } from './layout/paths.ts';
import { decodeRecord, encodeRecord } from './layout/record.ts';

/** The version of a session: its stamp. The content is kept to recognise a swap that changes only times. */
class Version {
  readonly stamp: LiveStamp;
  readonly content: Content;
  readonly owner: string | undefined;

  constructor(stamp: LiveStamp, content: Content, owner: string | undefined) {
    this.stamp = stamp;
    this.content = content;
    this.owner = owner;
  }
}

/** The four verbs: records to bytes and back, around what is done on the disk. */
export function sessionVerbs(disk: DiskVerbs, clock: () => number): SessionStore {
  async function swap(key: SessionKey, version: Version, record: SessionRecord, by: number): Promise<ReplaceOutcome> {
    const { expiresAt, touchedAt, owner } = record;
    const { stamp: from } = version;
    const content = contentOf(encodeRecord(key, record));
    const isSame = isEqual(content, version.content);
    const to = liveStamp(expiresAt, touchedAt, isSame ? from.dataId : uniqueId(clock()));
    const outcome = await disk.replace(by, key, {
      from: from.name,
      to: to.name,
      content: isSame ? undefined : content,
      owner,
      isNewOwner: owner !== version.owner,
    });
    if (outcome === 'replaced') return { verdict: 'replaced', version: new Version(to, content, owner) };
    return notReplaced(key, outcome);
  }

  async function succeed(key: SessionKey, version: Version, next: Succession, by: number): Promise<ReplaceOutcome> {
    const now = clock();
    const to = endStamp(now + next.endMarkerMs, now, next.successor);
    const outcome = await disk.succeed(by, key, version.stamp.name, to.name);
    // This version is of no use any more: no stamp ever gets the old name again.
    return outcome === 'replaced' ? { verdict: 'replaced', version } : notReplaced(key, outcome);
  }

  return {
    async create(key, record, by) {
      assertSessionKey(key);
      const { expiresAt, touchedAt, owner } = record;
      const content = contentOf(encodeRecord(key, record));
      const stamp = liveStamp(expiresAt, touchedAt, uniqueId(clock()));
      const isCreated = await disk.create(by, key, stamp.name, content, owner);
      return isCreated ? { version: new Version(stamp, content, owner) } : undefined;
    },

    async read(key, by) {
      assertSessionKey(key);
      const found = await disk.read(by, key);
      return found && (storedSession(key, found) ?? endMarker(found));
    },

    async replace(key, version, next, by) {
      assertSessionKey(key);
      if (!(version instanceof Version)) throw new TypeError('A version is what this store has given.');
      return isSuccession(next) ? succeed(key, version, next, by) : swap(key, version, next, by);
    },

    async destroy(key, options, by) {
      assertSessionKey(key);
      const found = await disk.destroy(by, key, options);
      return found && (storedSession(key, found)?.record ?? endMarker(found));
    },
  };
}

function isEqual(one: Content, other: Content): boolean {
  return typeof one === 'string' || typeof other === 'string' ? one === other : Buffer.compare(one, other) === 0;
}

function notReplaced(key: SessionKey, found: Standing | undefined): ReplaceOutcome {
  const stored = found && storedSession(key, found);
  return stored === undefined ? { verdict: 'gone' } : { verdict: 'conflict', stored };
}

/** `undefined`: it has ended. */
function storedSession(key: SessionKey, { name, content }: Standing): StoredSession | undefined {
  if (content === undefined) return undefined;
  const stamp = knownLiveStamp(name);
  const data = decodeRecord(key, bytesOf(content));
  const { expiresAt, touchedAt } = stamp;
  return { record: { ...data, expiresAt, touchedAt }, version: new Version(stamp, content, data.owner) };
}

function endMarker({ name }: Standing): EndMarker {
  const { successor } = knownEndStamp(name);
  return successor === undefined ? { ended: true } : { ended: true, successor };
}
