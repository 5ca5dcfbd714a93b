import fs from 'node:fs';
import { readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { SessionKey } from '@sess/core';
import { type Plant, type TestRunner, testStore } from '@sess/store-tests';
import { describe, it, vi } from 'vitest';
import { type FsStore, fsStore } from './index.ts';
import { by, dataFileOf, fastDirectory, placeOf, recordAt } from './testing/directories.ts';

/** Without `skip`: tests of abilities that files have no use for do not apply (`probe`, `migrate`, `tellEnds`). */
const runner: TestRunner = { describe, it: it.bind(null) };

/** Stores a session by the store itself, and then does something to its data file. */
function plantIn(directory: string, clock: () => number): Plant {
  async function dataFile(key: SessionKey): Promise<string> {
    const store = fsStore({ directory, clock, sweepEveryMs: 0 });
    const now = clock();
    await store.create(key, recordAt(now), by());
    await store.close();
    return dataFileOf(directory, key);
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
      const place = placeOf(directory, key);
      const names = await readdir(place, { recursive: true }).catch(() => []);
      const contents = names.map(async (name) => [
        name,
        await readFile(join(place, name), 'latin1').catch(() => 'a directory'),
      ]);
      return Object.fromEntries(await Promise.all(contents));
    },
  };
}

// In the thread pool, which the store uses too where it has no thread of its own, then with less to wait for.
testStore({
  name: 'files, confirmed by the disk, in the thread pool',
  runner,
  abilities: ['describe', 'keysByOwner', 'walk', 'sweep', 'noteApp', 'check', 'close'],
  plants: true,
  rounds: 50,
  async open({ clock, instances }) {
    const directory = fastDirectory();
    const stores = Array.from({ length: instances }, () =>
      fsStore({ directory, clock, durability: 'fsync', sweepEveryMs: 0 }),
    );
    return { stores, plant: plantIn(directory, clock), dispose: () => rm(directory, { recursive: true }) };
  },
});

const address = new URL('../dist/index.js', import.meta.url).href;
const built: typeof import('./index.ts') = await import(address);

// What the thread of the app calls is seen here. Of the verbs all need the one or the other; a sweep opens no file.
const listed = vi.spyOn(fs, 'readdir');
const opened = vi.spyOn(fs, 'open');

const unknownKey = '0'.repeat(64);

async function untilInThread(store: FsStore): Promise<void> {
  do {
    listed.mockClear();
    await store.read(unknownKey, by());
    await turn();
  } while (listed.mock.calls.length > 0);
}

testStore({
  name: 'files, as they are built, in a thread of their own',
  runner,
  abilities: ['describe', 'keysByOwner', 'walk', 'sweep', 'noteApp', 'check', 'close'],
  plants: true,
  async open({ clock, instances }) {
    const directory = fastDirectory();
    const stores = Array.from({ length: instances }, () => built.fsStore({ directory, clock, sweepEveryMs: 0 }));
    for (const store of stores) await store.read(unknownKey, by());
    for (const store of stores) await untilInThread(store);
    const plant = plantIn(directory, clock);
    opened.mockClear();

    function assertInThread(): void {
      if (opened.mock.calls.length > 0) throw new Error('The thread of the app opened a file.');
    }

    /** What another process does. */
    async function beside<T>(work: () => Promise<T>): Promise<T> {
      assertInThread();
      const value = await work();
      opened.mockClear();
      return value;
    }

    return {
      stores,
      plant: {
        corrupt: (key) => beside(() => plant.corrupt(key)),
        foreign: (key) => beside(() => plant.foreign(key)),
        tooNew: (key) => beside(() => plant.tooNew(key)),
        raw: plant.raw,
      },
      async dispose() {
        assertInThread();
        await rm(directory, { recursive: true });
      },
    };
  },
});
