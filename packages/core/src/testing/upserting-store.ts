import { type SessionKey, type SessionRecord, type SessionStore, isSuccession } from '../store.ts';

/**
 * The control of every test that a session stays dead: a store as most are, whose write does not ask
 * whether the session is still there. A late write brings it back.
 */
export function upsertingStore(): SessionStore {
  const records = new Map<SessionKey, SessionRecord>();
  return {
    async create(key, record) {
      records.set(key, record);
      return { version: undefined };
    },
    async read(key) {
      const record = records.get(key);
      return record && { record, version: undefined };
    },
    async replace(key, _version, next) {
      if (isSuccession(next)) records.delete(key);
      else records.set(key, next);
      return { verdict: 'replaced', version: undefined };
    },
    async destroy(key) {
      const record = records.get(key);
      records.delete(key);
      return record;
    },
  };
}
