import { mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SessionKey } from '@sess/core';
import { type Plant, testStore } from '@sess/store-tests';
import { describe, it } from 'vitest';
import { fsStore } from './index.ts';

/** Stores a session by the store itself, and then does something to its data file. */
function plantIn(directory: string, clock: () => number): Plant {
  const pathOf = (key: SessionKey) => join(directory, key.slice(0, 2), key);

  async function dataFile(key: SessionKey): Promise<string> {
    const store = fsStore({ directory, clock, sweepEveryMs: 0 });
    const now = clock();
    await store.create(key, { fields: { a: '1' }, createdAt: now, touchedAt: now, expiresAt: now + 60_000 });
    await store.close();
    const name = (await readdir(pathOf(key))).find((found) => found.startsWith('data_'));
    return join(pathOf(key), name ?? '');
  }

  return {
    async corrupt(key) {
      const path = await dataFile(key);
      await truncate(path, (await readFile(path)).length - 1);
    },
    async foreign(key) {
      await writeFile(await dataFile(key), '{"cookie":{"originalMaxAge":null},"userId":"u1"}');
    },
    async tooNew(key) {
      await writeFile(await dataFile(key), 'sess-fs 2 another sum\nanother format');
    },
    async raw(key) {
      const names = await readdir(pathOf(key)).catch(() => []);
      return Promise.all(
        names
          .toSorted((left, right) => (left < right ? -1 : 1))
          .map(async (name) => [name, await readFile(join(pathOf(key), name), 'latin1')]),
      );
    },
  };
}

for (const durability of ['process', 'fsync'] as const) {
  testStore({
    name: `files, durability "${durability}"`,
    runner: { describe, it },
    abilities: ['describe', 'keysByOwner', 'walk', 'sweep', 'check', 'close'],
    plants: true,
    ...(durability === 'fsync' && { rounds: 20 }),
    async open({ clock, instances }) {
      const directory = await mkdtemp(join(tmpdir(), 'sess-fs-'));
      const stores = Array.from({ length: instances }, () =>
        fsStore({ directory, clock, durability, sweepEveryMs: 0 }),
      );
      return { stores, plant: plantIn(directory, clock), dispose: () => rm(directory, { recursive: true }) };
    },
  });
}
