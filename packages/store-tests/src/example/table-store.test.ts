import { describe, it } from 'vitest';
import { testStore } from '../index.ts';
import { type Row, type Table, tableStore } from './table-store.ts';

/** Stands for the database of the example. Each test of yours opens a table of its own in the real one. */
function openTable(): Table {
  const rows = new Map<string, Row>();
  return {
    get: async (key) => rows.get(key),
    async insert(key, row, now) {
      const isFree = (rows.get(key)?.expiresAt ?? now) <= now;
      if (isFree) rows.set(key, row);
      return isFree;
    },
    async update(key, version, row, now) {
      const standing = rows.get(key);
      const isSame = standing !== undefined && standing.version === version && now < standing.expiresAt;
      if (isSame) rows.set(key, row);
      return isSame;
    },
    remove: async (key, version) => rows.get(key)?.version === version && rows.delete(key),
    async removeExpired(before) {
      const expired = [...rows].filter(([, { expiresAt }]) => expiresAt < before);
      for (const [key] of expired) rows.delete(key);
      const sessions = [...rows.values()].filter(({ body }) => body.startsWith('{"v":1,"record"'));
      return { removed: expired.length, kept: sessions.length };
    },
  };
}

testStore({
  name: 'the table store',
  // Without `skip`: what the store does not claim to do is left out.
  runner: { describe, it: it.bind(null) },
  abilities: ['sweep'],
  plants: true,
  open({ clock, instances }) {
    const table = openTable();
    const plant = (body: string) => async (key: string) =>
      void (await table.insert(key, { version: 'planted', body, expiresAt: clock() + 60_000 }, clock(), 1000));
    return {
      // One store for each worker. With a real database each has a connection of its own.
      stores: Array.from({ length: instances }, () => tableStore({ table, clock })),
      plant: {
        corrupt: plant('{"v":1,"record":{"fie'),
        foreign: plant('{"cookie":{"maxAge":null},"userId":"u1"}'),
        tooNew: plant('{"v":2,"records":[]}'),
        raw: (key) => table.get(key, 1000),
      },
    };
  },
});
