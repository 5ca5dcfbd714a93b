import { type SessionKey, type SessionRecord, isEndMarker } from '@sess/core';
import { keeping, taking } from './altered-stores.ts';
import type { Broken } from './broken.ts';
import { type CreateCall, type Created, type Found, HonestStore, type ReadCall } from './honest-store.ts';
import type { Kept } from './storage.ts';

/** Records that do not come back as they were given. */
export const brokenRecords: readonly Broken[] = [
  {
    mistake: 'a damaged record reads as absent',
    failsOn: 'a torn record > read throws STORE_CORRUPT and leaves it as it was',
    Store: class CorruptIsAbsent extends HonestStore {
      override async read(...call: ReadCall): Promise<Found> {
        return this.isDamaged(call[0]) ? undefined : super.read(...call);
      }
    },
  },
  {
    mistake: 'read returns the record that is stored, not a copy',
    failsOn: 'copies > changing what was handed out changes nothing that is stored',
    Store: class ReturnsAliases extends HonestStore {
      override handOut(kept: Kept): Kept {
        return kept;
      }
    },
  },
  {
    mistake: 'create keeps the record that it was given',
    failsOn: 'copies > changing what was given in changes nothing that is stored',
    Store: class KeepsAliases extends HonestStore {
      override async create(...call: CreateCall): Promise<Created> {
        const created = await super.create(...call);
        if (created) this.storage.entries.set(call[0], { ...created, record: call[1] });
        return created;
      }
    },
  },
  {
    mistake: 'each worker remembers what it has read',
    failsOn: 'replace > is read by every worker as soon as it is answered',
    Store: class Caching extends HonestStore {
      readonly #cache = new Map<string, Found>();

      override async read(...call: ReadCall): Promise<Found> {
        const found = this.#cache.get(call[0]) ?? (await super.read(...call));
        if (found !== undefined) this.#cache.set(call[0], found);
        return found;
      }
    },
  },
  {
    mistake: 'read takes the fields of one moment and the rest of another',
    failsOn: 'readers among writers > see one complete state, and never an older one after a newer',
    Store: class ReadsInTwoSteps extends HonestStore {
      override async read(...call: ReadCall): Promise<Found> {
        const [first, second] = [await super.read(...call), await super.read(...call)];
        if (!first || isEndMarker(first) || !second || isEndMarker(second)) return second;
        return { ...second, record: { ...second.record, fields: first.record.fields } };
      }
    },
  },
  {
    mistake: 'read tells the version of a later moment than the record',
    failsOn: 'writers at the same time > increments from all workers end at exactly their number',
    Store: class ReadsVersionLater extends HonestStore {
      override async read(...call: ReadCall): Promise<Found> {
        const [first, second] = [await super.read(...call), await super.read(...call)];
        if (!first || isEndMarker(first) || !second || isEndMarker(second)) return second;
        return { ...first, version: second.version };
      }
    },
  },
  {
    mistake: 'a session is still found at its deadline',
    failsOn: 'the deadline > a session is found until its deadline and not from then on, to the millisecond',
    Store: class LateByOne extends HonestStore {
      override async read(...call: ReadCall): Promise<Found> {
        const entry = this.storage.entries.get(call[0]);
        const isDue = entry && 'record' in entry && entry.record.expiresAt === this.storage.clock();
        return isDue ? this.handOut(entry) : super.read(...call);
      }
    },
  },
  {
    mistake: 'the deadline never moves earlier',
    failsOn: 'replace and the deadline > replace moves the deadline earlier',
    Store: taking((record, { expiresAt }) => ({ ...record, expiresAt: Math.max(expiresAt, record.expiresAt) })),
  },
  {
    mistake: 'the deadline never moves later',
    failsOn: 'replace and the deadline > replace moves the deadline later, past the old one',
    Store: taking((record, { expiresAt }) => ({ ...record, expiresAt: Math.min(expiresAt, record.expiresAt) })),
  },
  {
    mistake: 'touchedAt never moves earlier',
    failsOn: 'replace and the deadline > touchedAt and createdAt are kept as they were given, earlier and later',
    Store: taking((record, { touchedAt }) => ({ ...record, touchedAt: Math.max(touchedAt, record.touchedAt) })),
  },
  {
    mistake: 'createdAt stays as it was',
    failsOn: 'replace > puts another record in the place of the stored one, whole',
    Store: taking((record, { createdAt }) => ({ ...record, createdAt })),
  },
  {
    mistake: 'settings are merged',
    failsOn: 'replace > sets, changes and removes the owner and the settings',
    Store: taking((record, { settings }) => ({ ...record, settings: { ...settings, ...record.settings } })),
  },
  {
    mistake: 'an owner stays when the new record has none',
    failsOn: 'replace > leaves nothing of what the new record does not hold',
    Store: taking((record, { owner }) => ({ ...(owner !== undefined && { owner }), ...record })),
  },
  {
    mistake: 'fields are merged',
    failsOn: 'replace > a session whose last field was removed is still there',
    Store: taking((record, { fields }) => ({ ...record, fields: { ...fields, ...record.fields } })),
  },
  {
    mistake: 'of the write ids only eight are kept',
    failsOn: 'replace > keeps the write ids exactly, none or twelve of sixteen characters',
    Store: taking((record) => ({ ...record, writeIds: record.writeIds.slice(0, 8) })),
  },
  {
    mistake: 'settings that are false or missing are stored as the defaults',
    failsOn: 'create, read and destroy > keeps settings that hold only one of the three',
    Store: keeping(({ settings, ...record }) => ({ ...record, settings: { ...settings, persistent: true } })),
  },
  {
    mistake: 'a session without fields is not stored',
    failsOn: 'create, read and destroy > keeps a session without fields',
    Store: class NeedsFields extends HonestStore {
      override async read(...call: ReadCall): Promise<Found> {
        const found = await super.read(...call);
        const isEmpty = found && 'record' in found && Object.keys(found.record.fields).length === 0;
        return isEmpty ? undefined : found;
      }
    },
  },
  {
    mistake: 'all sessions share their fields',
    failsOn: 'create, read and destroy > sessions do not see each other',
    Store: class SharesFields extends HonestStore {
      override put(key: SessionKey, record: SessionRecord): { version: unknown } {
        for (const entry of this.storage.entries.values())
          if ('record' in entry) entry.record = { ...entry.record, fields: record.fields };
        return super.put(key, record);
      }
    },
  },
  {
    mistake: 'a clock of its own is compared with those of the hosts',
    failsOn:
      'hosts whose clocks differ > a session lives as long as the time left says, from a host whose clock is an hour slow',
    ownClock: true,
    Store: HonestStore,
  },
];
