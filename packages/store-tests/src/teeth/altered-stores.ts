import type { FieldText, SessionKey, SessionRecord, StoredSession } from '@sess/core';
import { HonestStore } from './honest-store.ts';
import { type Kept, mapped } from './storage.ts';

type Take = (record: SessionRecord, before: SessionRecord) => SessionRecord;

/** A store that keeps something else than what it was given to replace a record. */
export const taking = (take: Take): typeof HonestStore =>
  class extends HonestStore {
    override take(record: SessionRecord, before: SessionRecord): SessionRecord {
      return take(record, before);
    }
  };

/** A store that keeps something else than what it was given to store. */
export const keeping = (keep: (record: SessionRecord) => SessionRecord): typeof HonestStore =>
  class extends HonestStore {
    override put(key: SessionKey, record: SessionRecord): { version: unknown } {
      return super.put(key, keep(record));
    }
  };

/** A store that does something to each text that it is given, in the place of `before`. */
export const takingTexts = (take: (text: FieldText, before: FieldText | undefined) => FieldText): typeof HonestStore =>
  taking((record, { fields }) => ({
    ...record,
    fields: mapped(record.fields, (text, name) => take(text, Object.hasOwn(fields, name) ? fields[name] : undefined)),
  }));

/** A store that hands out something else than the fields that it keeps. */
export const handingOut = (change: (fields: SessionRecord['fields']) => SessionRecord['fields']): typeof HonestStore =>
  class extends HonestStore {
    override handOut(kept: Kept): StoredSession {
      const { version, record } = super.handOut(kept);
      return { version, record: { ...record, fields: change(record.fields) } };
    }
  };
