import fs, { appendFileSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { knownLiveStamp } from '../layout/names.ts';
import { sessionPath } from '../layout/paths.ts';
import type { LiveSession } from './live-session.ts';
import { Remembered } from './remembered.ts';
import type { AppStore } from '../testing/app-store.mjs';
import {
  changeAt,
  dataFileOf,
  keyOf,
  minuteMs,
  openStore,
  recordAt,
  removeTemporaryDirectories,
  stampPlaceOf,
  temporaryDirectory,
} from '../testing/directories.ts';

afterAll(removeTemporaryDirectories);

const key = keyOf('the session');
const now = Date.now();
const record = recordAt(now, { fields: { a: '1', b: '1' } });

let directory: string;
let mine: AppStore;
let theirs: AppStore;
/** Two stores stand for two processes: each remembers for itself. */
beforeEach(async () => {
  directory = temporaryDirectory();
  mine = openStore({ directory });
  theirs = openStore({ directory });
  await mine.create(key, record);
  await mine.read(key);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await mine.close();
  await theirs.close();
});

async function fields(store = mine) {
  const found = await store.read(key);
  return typeof found === 'object' ? found.fields : found;
}

function fault(): Promise<string> {
  return mine.read(key).then(String, (error: { code: string }) => error.code);
}

/** The file calls of a read. */
async function callsOf(read: () => Promise<unknown>): Promise<string[]> {
  const names = ['readdir', 'open', 'fstat', 'read', 'close', 'lstat'] as const;
  const calls: string[] = [];
  for (const name of names) {
    const real = fs[name] as (...args: unknown[]) => void;
    vi.spyOn(fs, name).mockImplementation((...args: unknown[]) => {
      // The session directory itself is looked at now and then.
      if (args[0] !== directory) calls.push(name);
      Reflect.apply(real, fs, args);
    });
  }
  await read();
  vi.restoreAllMocks();
  return calls;
}

/** Longer than a tick of a file system's clock. */
const tick = () => new Promise((resolve) => setTimeout(resolve, 25));

describe('a read of a session that this process remembers', () => {
  it('is one look, after a read and after a write of its own', async () => {
    expect(await callsOf(() => mine.read(key))).toEqual(['lstat']);
    await mine.update(key, changeAt(now, { set: { a: '2' } }));
    expect(await callsOf(() => mine.read(key))).toEqual(['lstat']);
    expect(await mine.read(key)).toMatchObject({ fields: { a: '2', b: '1' } });
    expect(await callsOf(() => theirs.read(key))).toEqual(['readdir', 'open', 'fstat', 'read', 'close']);
  });

  it('sees each change of another process: data, a touch, an owner', async () => {
    await theirs.update(key, changeAt(now, { set: { b: '2' } }));
    expect(await fields()).toEqual({ a: '1', b: '2' });
    await theirs.update(key, changeAt(now + 5));
    expect(await mine.read(key)).toMatchObject(changeAt(now + 5));
    await theirs.update(key, changeAt(now + 6, { owner: 'u1' }));
    expect(await mine.read(key)).toMatchObject({ owner: 'u1' });
  });

  it('finds no session that another process has ended, with a marker or without one', async () => {
    await theirs.destroy(key, { endMarkerMs: minuteMs });
    expect(await mine.read(key)).toBe('ended');
    const other = keyOf('other');
    await mine.create(other, record);
    await mine.read(other);
    await theirs.destroy(other);
    expect(await mine.read(other)).toBeUndefined();
  });

  it('finds no session that goes on under another key', async () => {
    const successor = { key: keyOf('next'), by: 'rotated' } as const;
    expect(await theirs.succeed(key, { successor, endMarkerMs: minuteMs })).toMatchObject({ verdict: 'replaced' });
    expect(await mine.stored(key)).toEqual({ ended: true, successor });
  });

  it('finds what took the place of an ended one, not the ended one', async () => {
    await theirs.destroy(key);
    await theirs.create(key, recordAt(now, { fields: { c: '1' } }));
    expect(await fields()).toEqual({ c: '1' });
  });

  it('ends with the deadline', async () => {
    let clock = now;
    const store = openStore({ directory, clock: () => clock });
    await store.read(key);
    clock = record.expiresAt;
    expect(await store.read(key)).toBeUndefined();
    await store.close();
  });

  it('gives each reader a record of its own', async () => {
    for (const found of [await mine.stored(key), await mine.stored(key)]) {
      if (found === undefined || !('record' in found)) throw new Error('no session');
      expect(found.record).toEqual(record);
      Object.assign(found.record.fields, { a: 'changed' });
    }
    expect(await fields()).toEqual(record.fields);
  });
});

describe('what lies where a remembered session lay', () => {
  it('is not taken for it when it was changed, exchanged, emptied or removed', async () => {
    const file = dataFileOf(directory, key);
    const text = readFileSync(file);
    const damaged = Buffer.from(text);
    damaged.write('x', damaged.length - 1);
    const damages: [what: string, damage: () => void][] = [
      ['as long as before', () => writeFileSync(file, damaged)],
      ['longer', () => appendFileSync(file, 'x')],
      ['empty', () => writeFileSync(file, '')],
      ['another file of the same length and times', () => replaceFile(file, damaged)],
      ['gone', () => rmSync(file)],
    ];
    const found: string[] = [];
    for (const [what, damage] of damages) {
      writeFileSync(file, text);
      expect(await fields()).toEqual(record.fields);
      await tick();
      damage();
      found.push(`${what}: ${await fault()}`);
    }
    expect(found).toEqual(damages.map(([what]) => `${what}: STORE_CORRUPT`));
  });

  function replaceFile(file: string, bytes: Buffer): void {
    const beside = join(directory, 'beside');
    const { atime, mtime } = fs.statSync(file);
    writeFileSync(beside, bytes);
    utimesSync(beside, atime, mtime);
    renameSync(beside, file);
  }

  it('is not taken for what this process wrote when it is longer or shorter', async () => {
    const damages: ((file: string) => void)[] = [
      (file) => appendFileSync(file, 'x'),
      (file) => writeFileSync(file, ''),
    ];
    for (const [n, damage] of damages.entries()) {
      await mine.update(key, changeAt(now + n, { set: { n: String(n) } }));
      const file = dataFileOf(directory, key);
      const text = readFileSync(file);
      damage(file);
      expect(await fault()).toBe('STORE_CORRUPT');
      writeFileSync(file, text);
      expect(await fields()).toMatchObject({ n: String(n) });
    }
  });

  it('stays as it is when it is damaged, also when it is written to after that', async () => {
    const file = dataFileOf(directory, key);
    appendFileSync(file, 'x');
    expect(await fault()).toBe('STORE_CORRUPT');
    for (const change of [changeAt(now, { set: { a: '2' } }), changeAt(now)])
      await expect(mine.update(key, change)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(dataFileOf(directory, key)).toBe(file);
    expect(readFileSync(file, 'utf8')).toMatch(/x$/);
  });

  it('is not its stamp when it is another directory of that name', async () => {
    const stamp = stampPlaceOf(directory, key);
    renameSync(stamp, `${stamp}x`);
    fs.mkdirSync(stamp);
    rmSync(`${stamp}x`, { recursive: true });
    expect(await fault()).toBe('STORE_CORRUPT');
  });
});

describe('what is remembered', () => {
  /** One file on the disk stands for the data of all sessions. */
  const pathOf = (name: number) => ({ ...sessionPath(directory, key), key: keyOf(name) });
  const session = (bytes = readFileSync(dataFileOf(directory, key))): LiveSession => ({
    stamp: knownLiveStamp(basename(stampPlaceOf(directory, key))),
    bytes,
  });

  it('is 4,096 sessions at most, those in use among them', async () => {
    const remembered = new Remembered();
    const each = session();
    remembered.add(keyOf(0), each);
    const inUse: unknown[] = [];
    for (let name = 1; name <= 10_000; name += 1) {
      remembered.add(keyOf(name), each);
      if (name % 1000 === 0) inUse.push(await remembered.find(pathOf(0)));
    }
    expect(inUse).not.toContain(undefined);
    let kept = 0;
    for (let name = 1; name <= 10_000; name += 1) if (await remembered.find(pathOf(name))) kept += 1;
    expect(kept).toBeGreaterThan(1000);
    expect(kept).toBeLessThanOrEqual(4096);
  });

  it('is no session above 2 KB, nor what that was before', async () => {
    const remembered = new Remembered();
    remembered.add(keyOf(0), session());
    expect(await remembered.find(pathOf(0))).toBeDefined();
    const file = dataFileOf(directory, key);
    const large = Buffer.alloc(2049, ' ');
    writeFileSync(file, large);
    remembered.add(keyOf(0), session(large));
    expect(await remembered.find(pathOf(0))).toBeUndefined();
  });
});
