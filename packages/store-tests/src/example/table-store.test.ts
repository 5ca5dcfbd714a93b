import { describe, it } from 'vitest';
import { testStore } from '../index.ts';
import { type Body, type Table, tableStore } from './table-store.ts';

/** Stands for the database of the example. Each test of yours opens a table of its own in the real one. */
function openTable(): Table {
  const rows = new Map<string, Body>();
  return {
    get: async (key) => rows.get(key)?.text,
    async swap(key, seen, next) {
      if (rows.get(key)?.text !== seen) return false;
      if (next === undefined) rows.delete(key);
      else rows.set(key, next);
      return true;
    },
    async removeExpired(before) {
      const expired = [...rows].filter(([, { expiresAt }]) => expiresAt < before);
      for (const [key] of expired) rows.delete(key);
      const sessions = [...rows.values()].filter(({ text }) => text.startsWith('{"v":1,"record"'));
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
    const plant = (text: string) => async (key: string) =>
      void (await table.swap(key, undefined, { text, expiresAt: clock() + 60_000 }));
    return {
      // One store for each worker. With a real database each has a connection of its own.
      stores: Array.from({ length: instances }, () => tableStore({ table, clock })),
      plant: {
        corrupt: plant('{"v":1,"record":{"fie'),
        foreign: plant('{"cookie":{"maxAge":null},"userId":"u1"}'),
        tooNew: plant('{"v":2,"records":[]}'),
        raw: (key) => table.get(key),
      },
    };
  },
});
