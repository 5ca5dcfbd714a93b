import fs, { existsSync, linkSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FsStore, fsStore } from './index.ts';
import {
  dataFileOf,
  keyOf,
  minuteMs,
  recordAt,
  removeTemporaryDirectories,
  temporaryDirectory,
  tokenPlaceOf,
} from './testing/directories.ts';

// The file of the record before the last is kept, and the next record goes into it.

afterAll(removeTemporaryDirectories);

const start = 1_700_000_000_000;
const key = keyOf('the session');
const times = { touchedAt: start, expiresAt: start + 60 * minuteMs };

let now: number;
let directory: string;
let store: FsStore;
let other: FsStore;
beforeEach(async () => {
  now = start;
  directory = temporaryDirectory();
  const open = () => fsStore({ directory, clock: () => now, sweepEveryMs: 0 });
  [store, other] = [open(), open()];
  await store.create(key, recordAt(now, times));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all([store.close(), other.close()]);
});

const set = (by: FsStore, a: string) => by.update(key, { set: { a }, ...times });
const inodeOf = (path: string) => statSync(path).ino;
const spare = () => join(tokenPlaceOf(directory, key), 'spare');
const namesLeft = () => readdirSync(tokenPlaceOf(directory, key));

async function fieldA(by: FsStore): Promise<unknown> {
  const record = await by.read(key);
  return record === undefined || record === 'ended' ? record : record.fields['a'];
}

describe('a session that is written to again and again', () => {
  it('makes no file after the first time, whoever writes', async () => {
    await set(store, '2');
    const inodes = [inodeOf(dataFileOf(directory, key)), inodeOf(spare())];
    for (const [turn, by] of [store, other, other, store, other].entries()) {
      expect(await set(by, `turn ${turn}`)).toBe('applied');
      expect(inodes).toContain(inodeOf(dataFileOf(directory, key)));
      expect(inodes).toContain(inodeOf(spare()));
      expect(namesLeft()).toHaveLength(2);
      expect([await fieldA(store), await fieldA(other)]).toEqual([`turn ${turn}`, `turn ${turn}`]);
    }
  });

  it('is what was written last, also where longer and shorter records take turns', async () => {
    for (const length of [10, 5000, 3, 40_000, 0, 20_000, 1]) {
      const text = JSON.stringify('x'.repeat(length));
      await set(store, text);
      expect(await fieldA(other)).toBe(text);
    }
  });

  it('keeps no large file beside it', async () => {
    await set(store, 'x'.repeat(100_000));
    await set(store, 'small');
    expect(namesLeft()).toHaveLength(1);
    await set(store, 'small again');
    expect(namesLeft()).toHaveLength(2);
  });

  it('leaves nothing of its data when it ends', async () => {
    for (const a of ['2', '3']) await set(store, a);
    await store.destroy(key);
    expect(namesLeft()).toEqual([]);
  });

  it('leaves nothing of its data when a writer has just put a file into it, or renamed one', async () => {
    await set(store, '2');
    const { rename } = fs;
    vi.spyOn(fs, 'rename').mockImplementation(((from: string, to: string, done: (error: Error | null) => void) => {
      // The destroyer has looked at the session, and comes to end it.
      if (to.includes('/end_')) {
        writeFileSync(join(from, 'data_0-1'), 'of one that loses');
        fs.renameSync(join(from, 'spare'), join(from, 'data_0-2'));
      }
      rename(from, to, done);
    }) as typeof fs.rename);
    expect(await other.destroy(key)).toMatchObject({ fields: { a: '2' } });
    expect(namesLeft()).toEqual([]);
  });

  it('whose data could not be removed when it ended loses it to a thorough sweep', async () => {
    await store.destroy(key, { endMarkerMs: 60 * minuteMs });
    writeFileSync(join(tokenPlaceOf(directory, key), 'data_0-1'), 'left by a process that died');
    await other.sweep();
    expect(namesLeft()).toEqual([]);
    expect(await store.read(key)).toBe('ended');
  });

  it('loses the spare file to a thorough sweep when nobody has written for a minute', async () => {
    await set(store, '2');
    now += minuteMs / 2;
    await other.sweep();
    expect(existsSync(spare())).toBe(true);
    now += minuteMs;
    await other.sweep();
    expect(namesLeft()).toHaveLength(1);
    expect(await set(store, '3')).toBe('applied');
    expect(await fieldA(other)).toBe('3');
  });
});

describe('a reader that opened the file before it became spare', () => {
  /** Holds the next `read` of a file until something is done. */
  function beforeReading(act: () => Promise<unknown>): void {
    const { read } = fs;
    vi.spyOn(fs, 'read').mockImplementationOnce(((...args: unknown[]) => {
      void act().then(() => Reflect.apply(read, fs, args));
    }) as typeof fs.read);
  }

  it('gets what was written last', async () => {
    beforeReading(async () => {
      for (const a of ['2', '3', '4']) await set(store, a);
    });
    expect(await fieldA(other)).toBe('4');
  });

  it('does not get what is only being written', async () => {
    await set(store, '2');
    const { rename } = fs;
    beforeReading(async () => {
      await set(store, '3');
      // This one has filled the file, and does not come to commit it.
      vi.spyOn(fs, 'rename').mockImplementation(((from: string, to: string, done: (error: Error | null) => void) => {
        if (!to.includes('/cur_') || to.includes('/data_')) return rename(from, to, done);
        done(Object.assign(new Error('the disk is gone'), { code: 'EIO' }));
      }) as typeof fs.rename);
      await expect(set(store, '4')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    });
    expect(await fieldA(other)).toBe('3');
  });

  it('is told of damage all the same', async () => {
    writeFileSync(dataFileOf(directory, key), 'something else');
    await expect(other.read(key)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });
});

describe('what lies where the spare file should be', () => {
  it('a file with a second name, as backups make: that one stays as it is', async () => {
    await set(store, '2');
    const backup = join(directory, 'backup');
    linkSync(spare(), backup);
    const before = readFileSync(backup);
    for (const a of ['3', '4', '5']) {
      expect(await set(store, a)).toBe('applied');
      expect(await fieldA(other)).toBe(a);
    }
    expect(readFileSync(backup)).toEqual(before);
  });

  it('a link: nothing is written to where it leads', async () => {
    const target = join(directory, 'target');
    writeFileSync(target, 'untouched');
    symlinkSync(target, spare());
    expect(await set(store, '2')).toBe('applied');
    expect(readFileSync(target, 'utf8')).toBe('untouched');
    expect(await fieldA(other)).toBe('2');
  });
});
