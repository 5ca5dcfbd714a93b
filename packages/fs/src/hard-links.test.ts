import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { AppStore } from './testing/app-store.mjs';
import {
  keyOf,
  keysOf,
  openStore,
  recordAt,
  removeTemporaryDirectories,
  temporaryDirectory,
} from './testing/directories.ts';

// Backups are often copies made with hard links (`cp -al`, `rsync --link-dest`): one file under two names.

afterAll(removeTemporaryDirectories);

const now = Date.now();
const keys = Array.from({ length: 4 }, (_, index) => keyOf(index));
const times = (later: number) => ({ touchedAt: now + later, expiresAt: now + 86_400_000 + later });
const open = (directory: string) => openStore({ directory });

let original: string;
let copy: string;
let store: AppStore;

beforeEach(async () => {
  original = join(temporaryDirectory(), 'sessions');
  copy = `${original}-copy`;
  store = open(original);
  for (const key of keys) {
    await store.create(key, recordAt(now, { fields: { a: '0' }, owner: 'ann', ...times(0) }));
    await store.update(key, { set: { a: '1' }, ...times(1) });
  }
  execFileSync('cp', ['-al', original, copy]);
});

const namesOf = async (at: AppStore) => Promise.all(keys.map(async (key) => (await at.read(key)) ?? 'none'));

function isWith(a: string): unknown[] {
  return keys.map(() => expect.objectContaining({ fields: { a } }) as unknown);
}

async function writeAll(at: AppStore): Promise<void> {
  for (let round = 2; round < 6; round++)
    for (const key of keys) await at.update(key, { set: { a: String(round) }, ...times(round) });
}

describe('a copy made with hard links', () => {
  it('ends no session of the original, nor of the copy', async () => {
    expect(await namesOf(store)).toEqual(isWith('1'));
    expect(await namesOf(open(original))).toEqual(isWith('1'));
    expect(await namesOf(open(copy))).toEqual(isWith('1'));
  });

  it('stays as it is while the original is written, swept and emptied', async () => {
    await writeAll(store);
    expect(await namesOf(open(copy))).toEqual(isWith('1'));
    await store.sweep();
    for (const key of keys) await store.destroy(key);
    expect(await namesOf(open(copy))).toEqual(isWith('1'));
    expect(await keysOf(open(copy), 'ann')).toHaveLength(keys.length);
  });

  it('leaves the original as it is when it is used itself', async () => {
    await writeAll(open(copy));
    for (const key of keys) await open(copy).destroy(key);
    expect(await namesOf(store)).toEqual(isWith('1'));
    await writeAll(store);
    expect(await namesOf(store)).toEqual(isWith('5'));
  });

  it('may be made while the original is written: what is whole in it stays whole', async () => {
    for (let round = 0; round < 5; round++) {
      const at = `${copy}-${round}`;
      const writing = writeAll(store);
      execFileSync('cp', ['-al', original, at]);
      await writing;
      const before = await allOf(open(at));
      await writeAll(store);
      expect(await allOf(open(at))).toEqual(before);
    }
  });
});

/** What each session is, or which error it gives: a copy takes no moment, so a session may have moved on under it. */
async function allOf(at: AppStore): Promise<unknown[]> {
  return Promise.all(keys.map((key) => at.read(key).catch((error: unknown) => Reflect.get(Object(error), 'code'))));
}
