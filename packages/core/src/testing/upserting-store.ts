import type { SessionChange, SessionKey, SessionRecord, SessionStore, UpdateVerdict } from '../store.ts';

/**
 * The control of every test that a session stays dead: a store as most are, whose write does not ask
 * whether the session is still there. A late write brings it back.
 */
export function upsertingStore(): SessionStore {
  const records = new Map<SessionKey, SessionRecord>();
  /** What a request held in memory when it read: an upsert writes all of it. */
  const copies = new Map<SessionKey, SessionRecord>();
  return {
    async create(key, record) {
      records.set(key, record);
      copies.set(key, record);
      return true;
    },
    async read(key) {
      const record = records.get(key);
      return record && { ...record, fields: { ...record.fields } };
    },
    async update(key: SessionKey, change: SessionChange): Promise<UpdateVerdict> {
      const before = records.get(key) ?? copies.get(key);
      if (before === undefined) return 'gone';
      const fields = { ...before.fields, ...change.set, ...change.revise };
      for (const name of change.unset ?? []) delete fields[name];
      const after = { ...before, fields, touchedAt: change.touchedAt, expiresAt: change.expiresAt };
      records.set(key, after);
      copies.set(key, after);
      return 'applied';
    },
    async destroy(key) {
      const record = records.get(key);
      records.delete(key);
      return record;
    },
  };
}
