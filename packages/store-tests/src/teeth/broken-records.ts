import type { SessionChange, SessionKey, SessionRecord } from '@sess/core';
import type { Broken } from './broken.ts';
import { HonestStore } from './honest-store.ts';

type Found = SessionRecord | 'ended' | undefined;

class CorruptIsAbsent extends HonestStore {
  override async read(key: SessionKey): Promise<Found> {
    const entry = this.storage.entries.get(key);
    return entry && 'code' in entry ? undefined : super.read(key);
  }
}

class ReturnsAliases extends HonestStore {
  override async read(key: SessionKey): Promise<Found> {
    const copy = await super.read(key);
    return copy === undefined || copy === 'ended' ? copy : this.storage.live(key);
  }
}

class KeepsAliases extends HonestStore {
  override async create(key: SessionKey, record: SessionRecord): Promise<boolean> {
    const created = await super.create(key, record);
    if (created) this.storage.entries.set(key, record);
    return created;
  }
}

class Caching extends HonestStore {
  readonly #cache = new Map<SessionKey, SessionRecord>();

  override async read(key: SessionKey): Promise<Found> {
    const cached = this.#cache.get(key);
    if (cached) return cached;
    const record = await super.read(key);
    if (record && record !== 'ended') this.#cache.set(key, record);
    return record;
  }
}

class ReadsInTwoSteps extends HonestStore {
  override async read(key: SessionKey): Promise<Found> {
    const first = await super.read(key);
    const second = await super.read(key);
    if (first === undefined || first === 'ended' || second === undefined || second === 'ended') return second;
    return { ...second, fields: first.fields };
  }
}

class LateByOne extends HonestStore {
  override async read(key: SessionKey): Promise<Found> {
    const entry = this.storage.entries.get(key);
    const isDue = entry && 'fields' in entry && entry.expiresAt === this.storage.clock();
    return isDue ? structuredClone(entry) : super.read(key);
  }
}

class MovesDeadlineBack extends HonestStore {
  override apply(record: SessionRecord, change: SessionChange): SessionRecord {
    return { ...super.apply(record, change), expiresAt: change.expiresAt };
  }
}

class DeadlineOnlyLater extends HonestStore {
  override apply(record: SessionRecord, change: SessionChange): SessionRecord {
    return { ...super.apply(record, change), expiresAt: Math.max(record.expiresAt, change.expiresAt) };
  }
}

class MovesTouchBack extends HonestStore {
  override apply(record: SessionRecord, change: SessionChange): SessionRecord {
    return { ...super.apply(record, change), touchedAt: change.touchedAt };
  }
}

class BeginsAnew extends HonestStore {
  override apply(record: SessionRecord, change: SessionChange): SessionRecord {
    return { ...super.apply(record, change), createdAt: change.touchedAt };
  }
}

class MergesSettings extends HonestStore {
  override apply(record: SessionRecord, change: SessionChange): SessionRecord {
    return { ...super.apply(record, change), settings: { ...record.settings, ...change.settings } };
  }
}

class LossyFieldKeys extends HonestStore {
  override merge(record: SessionRecord, change: SessionChange): Record<string, string> {
    const fields: Record<string, string> = {};
    for (const [name, text] of Object.entries(super.merge(record, change))) fields[name] = text;
    return fields;
  }
}

class LossyTexts extends HonestStore {
  override merge(record: SessionRecord, change: SessionChange): Record<string, string> {
    const fields = Object.entries(super.merge(record, change));
    return Object.fromEntries(fields.map(([name, text]) => [name, text.replaceAll('\0', '')]));
  }
}

class ReviseIsSet extends HonestStore {
  override merge(record: SessionRecord, change: SessionChange): Record<string, string> {
    return super.merge(record, { ...change, set: { ...change.set, ...change.revise } });
  }
}

class InheritedFields extends HonestStore {
  override holds(record: SessionRecord, { expect = {} }: SessionChange): boolean {
    return Object.keys(expect).every((name) => record.fields[name] === expect[name]);
  }
}

class EmptyIsAbsent extends HonestStore {
  override holds(record: SessionRecord, { expect = {} }: SessionChange): boolean {
    const fields = new Map(Object.entries(record.fields));
    return Object.entries(expect).every(([name, text]) => (fields.get(name) ?? '') === (text ?? ''));
  }
}

/** Records that do not come back as they were stored. */
export const brokenRecords: readonly Broken[] = [
  {
    Store: CorruptIsAbsent,
    mistake: 'a damaged record reads as absent',
    failsOn: 'a torn record > read throws STORE_CORRUPT and leaves it as it was',
  },
  {
    Store: ReturnsAliases,
    mistake: 'read returns the record that is stored, not a copy',
    failsOn: 'copies > changing a record that was read changes nothing that is stored',
  },
  {
    Store: KeepsAliases,
    mistake: 'create keeps the record that it was given',
    failsOn: 'copies > changing a record after create, or a change after update, changes nothing that is stored',
  },
  {
    Store: Caching,
    mistake: 'each worker remembers what it has read',
    failsOn: 'an update merges > what was applied is read by every worker at once',
  },
  {
    Store: ReadsInTwoSteps,
    mistake: 'read takes the fields of one moment and the rest of another',
    failsOn: 'readers among writers > see one complete version, and never an older one after a newer',
  },
  {
    Store: LateByOne,
    mistake: 'a session is still found at its deadline',
    failsOn: 'the deadline > a session is found until its deadline and not from then on, to the millisecond',
  },
  {
    Store: MovesDeadlineBack,
    mistake: 'the deadline moves earlier without settings',
    failsOn: 'a change and the deadline > without settings the deadline never moves earlier',
  },
  {
    Store: DeadlineOnlyLater,
    mistake: 'the deadline does not move earlier with settings',
    failsOn: 'a change and the deadline > with settings the deadline moves earlier as well as later',
  },
  {
    Store: MovesTouchBack,
    mistake: 'touchedAt moves earlier',
    failsOn: 'the other times > touchedAt never moves earlier, with or without settings',
  },
  { Store: BeginsAnew, mistake: 'createdAt changes', failsOn: 'the other times > createdAt never changes' },
  {
    Store: MergesSettings,
    mistake: 'settings are merged',
    failsOn: 'owner and settings > a change without settings keeps them, others replace them as a whole',
  },
  {
    Store: LossyFieldKeys,
    mistake: 'a field "__proto__" is lost',
    failsOn: 'field keys > keeps field keys of every kind at update, and compares, revises and removes them',
  },
  {
    Store: HonestStore,
    mistake: 'a clock of its own is compared with those of the hosts',
    failsOn:
      'hosts whose clocks differ > a session lives as long as the time left says, from a host whose clock is an hour slow',
    ownClock: true,
  },
  { Store: LossyTexts, mistake: 'NUL is lost', failsOn: 'field texts > keeps NUL' },
  { Store: ReviseIsSet, mistake: 'revise is a set', failsOn: 'revise > does not undo a delete by another worker' },
  {
    Store: InheritedFields,
    mistake: 'names that every object has count as fields',
    failsOn: 'field keys > inherited names are not there: expected absent they hold, and revise leaves them out',
  },
  {
    Store: EmptyIsAbsent,
    mistake: 'the empty text counts as no field',
    failsOn: 'expect > the empty text where there is no field is a conflict, and nothing of the change is written',
  },
];
