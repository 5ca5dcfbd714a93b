import type { DestroyOptions, SessionChange, SessionKey, SessionRecord, UpdateVerdict } from '@sess/core';
import type { Broken } from './broken.ts';
import { HonestStore, yielded } from './honest-store.ts';

class Upserting extends HonestStore {
  override async update(key: SessionKey, change: SessionChange): Promise<UpdateVerdict> {
    const verdict = await super.update(key, change);
    if (verdict !== 'gone') return verdict;
    const { touchedAt, expiresAt } = change;
    await this.create(key, { fields: { ...change.set }, createdAt: touchedAt, touchedAt, expiresAt });
    return 'applied';
  }
}

class LastWriteWins extends HonestStore {
  override async update(key: SessionKey, change: SessionChange): Promise<UpdateVerdict> {
    await this.enterOwner(change.owner, key);
    const record = await this.read(key);
    if (record === undefined || record === 'ended') return 'gone';
    if (!this.holds(record, change)) return 'conflict';
    await yielded();
    if (this.storage.live(key) === undefined) return 'gone';
    this.storage.entries.set(key, this.apply(record, change));
    return 'applied';
  }
}

class CheckThenWrite extends HonestStore {
  override async update(key: SessionKey, change: SessionChange): Promise<UpdateVerdict> {
    await this.enterOwner(change.owner, key);
    const record = await this.read(key);
    if (record === undefined || record === 'ended') return 'gone';
    await yielded();
    const latest = this.storage.live(key) ?? record;
    if (!this.holds(latest, change)) return 'conflict';
    this.storage.entries.set(key, this.apply(latest, change));
    return 'applied';
  }
}

class CompareThenWrite extends HonestStore {
  override async update(key: SessionKey, change: SessionChange): Promise<UpdateVerdict> {
    const { expect: _, ...rest } = change;
    const record = await this.read(key);
    if (record && record !== 'ended' && !this.holds(record, change)) return 'conflict';
    return super.update(key, rest);
  }
}

class TouchRevives extends HonestStore {
  override async update(key: SessionKey, change: SessionChange): Promise<UpdateVerdict> {
    const entry = this.storage.entries.get(key);
    const isTouch = Object.keys(change).length === 2;
    if (isTouch && entry && 'fields' in entry) entry.expiresAt = Math.max(entry.expiresAt, change.expiresAt);
    return super.update(key, change);
  }
}

class FieldByField extends HonestStore {
  override async update(key: SessionKey, change: SessionChange): Promise<UpdateVerdict> {
    const { touchedAt, expiresAt, expect = {} } = change;
    for (const [name, text] of Object.entries(change.set ?? {})) {
      const verdict = await super.update(key, { set: { [name]: text }, expect, touchedAt, expiresAt });
      if (verdict !== 'applied') return verdict;
    }
    return super.update(key, change);
  }
}

class WritesBeforeComparing extends HonestStore {
  override async update(key: SessionKey, change: SessionChange): Promise<UpdateVerdict> {
    const { expect: _, ...rest } = change;
    const record = await this.read(key);
    const verdict = await super.update(key, rest);
    const isConflict = record && record !== 'ended' && !this.holds(record, change);
    return verdict === 'applied' && isConflict ? 'conflict' : verdict;
  }
}

class MovesTimesOnConflict extends HonestStore {
  override async update(key: SessionKey, change: SessionChange): Promise<UpdateVerdict> {
    await super.update(key, { touchedAt: change.touchedAt, expiresAt: change.expiresAt });
    return super.update(key, change);
  }
}

class NoEndMarker extends HonestStore {
  override async destroy(key: SessionKey): Promise<SessionRecord | undefined> {
    return super.destroy(key);
  }
}

class AlwaysEndMarker extends HonestStore {
  override async destroy(key: SessionKey, { endMarkerMs }: DestroyOptions = {}): Promise<SessionRecord | undefined> {
    return super.destroy(key, { endMarkerMs: endMarkerMs || 1000 });
  }
}

class RemovesMarkers extends HonestStore {
  override async destroy(key: SessionKey, options: DestroyOptions = {}): Promise<SessionRecord | undefined> {
    const record = await super.destroy(key, options);
    if (!options.endMarkerMs) this.storage.entries.delete(key);
    return record;
  }
}

class DestroyReturnsNothing extends HonestStore {
  override async destroy(key: SessionKey, options?: DestroyOptions): Promise<SessionRecord | undefined> {
    await super.destroy(key, options);
    return undefined;
  }
}

class ReadThenDestroy extends HonestStore {
  override async destroy(key: SessionKey, options?: DestroyOptions): Promise<SessionRecord | undefined> {
    const record = await this.read(key);
    await super.destroy(key, options);
    return record === 'ended' ? undefined : record;
  }
}

class DestroysDamage extends HonestStore {
  override async destroy(key: SessionKey, options?: DestroyOptions): Promise<SessionRecord | undefined> {
    const entry = this.storage.entries.get(key);
    if (entry && 'code' in entry) this.storage.entries.delete(key);
    return super.destroy(key, options);
  }
}

class LookThenCreate extends HonestStore {
  override async create(key: SessionKey, record: SessionRecord): Promise<boolean> {
    await this.enterOwner(record.owner, key);
    const isFree = (await this.read(key)) === undefined;
    await yielded();
    if (isFree) this.storage.entries.set(key, structuredClone(record));
    return isFree;
  }
}

class CreatesOverMarkers extends HonestStore {
  override async create(key: SessionKey, record: SessionRecord): Promise<boolean> {
    const entry = this.storage.entries.get(key);
    if (entry && 'endsAt' in entry) this.storage.entries.delete(key);
    return super.create(key, record);
  }
}

class BlockedByExpired extends HonestStore {
  override async create(key: SessionKey, record: SessionRecord): Promise<boolean> {
    return !this.storage.entries.has(key) && super.create(key, record);
  }
}

/** Verbs that are not one atomic step, or do not do what they say. */
export const brokenVerbs: readonly Broken[] = [
  {
    Store: Upserting,
    mistake: 'update creates what is not there',
    failsOn: 'an update never creates > a set where nothing was stored is gone and writes nothing',
  },
  {
    Store: LastWriteWins,
    mistake: 'update reads the session, changes its copy and writes all of it back',
    failsOn: 'writers at the same time > changes of different fields all stay',
  },
  {
    Store: CheckThenWrite,
    mistake: 'update looks whether the session is there and writes after that',
    failsOn: 'destroy against > a set: once destroy was answered nothing brings the session back',
  },
  {
    Store: CompareThenWrite,
    mistake: 'update compares and writes after that',
    failsOn: 'writers at the same time > increments by compare-and-set from all workers end at exactly their number',
  },
  {
    Store: TouchRevives,
    mistake: 'a touch moves the deadline of an expired session',
    failsOn: 'the deadline > update at the deadline is gone, and brings nothing back',
  },
  {
    Store: FieldByField,
    mistake: 'update writes one field after the other',
    failsOn: 'readers among writers > see one complete version, and never an older one after a newer',
  },
  {
    Store: WritesBeforeComparing,
    mistake: 'update writes although it answers conflict',
    failsOn: 'expect > another text is a conflict, and nothing of the change is written',
  },
  {
    Store: MovesTimesOnConflict,
    mistake: 'a conflict still moves the times',
    failsOn: 'a change and the deadline > a conflict does not move the deadline',
  },
  {
    Store: NoEndMarker,
    mistake: 'destroy leaves no end marker',
    failsOn: 'the end marker > after destroy with a marker every worker reads "ended"',
  },
  {
    Store: AlwaysEndMarker,
    mistake: 'destroy leaves an end marker that nobody asked for',
    failsOn: 'the end marker > destroy leaves no marker when none was asked for',
  },
  {
    Store: RemovesMarkers,
    mistake: 'destroy removes an end marker that stands',
    failsOn: 'the end marker > destroy under a marker answers undefined and leaves the marker',
  },
  {
    Store: DestroyReturnsNothing,
    mistake: 'destroy does not return the session',
    failsOn: 'create, read and destroy > destroy returns the record as it was last',
  },
  {
    Store: ReadThenDestroy,
    mistake: 'destroy reads the session and removes it after that',
    failsOn: 'destroy against > destroy: one of them gets the record, and a marker that one of them asked for stands',
  },
  {
    Store: DestroysDamage,
    mistake: 'destroy removes a damaged record',
    failsOn: 'a torn record > destroy throws STORE_CORRUPT and leaves it as it was',
  },
  {
    Store: LookThenCreate,
    mistake: 'create looks whether the key is free and writes after that',
    failsOn: 'creators at the same time > one of them succeeds, and its session is the one that is stored',
  },
  {
    Store: CreatesOverMarkers,
    mistake: 'create takes an end marker for a free key',
    failsOn: 'the end marker > create under a marker answers false and writes nothing',
  },
  {
    Store: BlockedByExpired,
    mistake: 'an expired session still takes up its key',
    failsOn: 'the deadline > create under the key of an expired session succeeds, and nothing of the old one is left',
  },
];
