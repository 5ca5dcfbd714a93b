import fs, { appendFileSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FsStore, fsStore } from './fs-store.ts';
import { KnownSessions } from './known-sessions.ts';
import { liveToken } from './names.ts';
import {
  dataFileOf,
  fastDirectory,
  keyOf,
  removeTemporaryDirectories,
  temporaryDirectory,
  tokenPlaceOf,
} from './testing/directories.ts';

afterAll(removeTemporaryDirectories);

const key = '5a'.repeat(32);
const now = Date.now();
const times = (later: number) => ({ touchedAt: now + later, expiresAt: now + 86_400_000 + later });

describe('a write right after a read, while another process writes in between', () => {
  let mine: FsStore;
  let theirs: FsStore;
  beforeEach(async () => {
    const directory = temporaryDirectory();
    mine = fsStore({ directory, sweepEveryMs: 0 });
    theirs = fsStore({ directory, sweepEveryMs: 0 });
    await mine.create(key, { fields: { a: '1', b: '1' }, createdAt: now, ...times(0) });
    await mine.read(key);
  });
  afterEach(async () => {
    await mine.close();
    await theirs.close();
  });

  const texts = async () => {
    const record = await theirs.read(key);
    return typeof record === 'object' ? record.fields : record;
  };

  it('keeps what the other one has written', async () => {
    await theirs.update(key, { set: { b: '2' }, ...times(1) });
    expect(await mine.update(key, { set: { a: '2' }, ...times(2) })).toBe('applied');
    expect(await texts()).toEqual({ a: '2', b: '2' });
  });

  it('compares with what is there now', async () => {
    await theirs.update(key, { set: { a: '2' }, ...times(1) });
    expect(await mine.update(key, { expect: { a: '2' }, set: { a: '3' }, ...times(2) })).toBe('applied');
    await mine.read(key);
    await theirs.update(key, { set: { a: '4' }, ...times(3) });
    expect(await mine.update(key, { expect: { a: '3' }, set: { a: '5' }, ...times(4) })).toBe('conflict');
    await mine.read(key);
    expect(await mine.update(key, { expect: { a: '3' }, set: { a: '5' }, ...times(5) })).toBe('conflict');
    expect(await texts()).toEqual({ a: '4', b: '1' });
  });

  it('revives no session that the other one has ended', async () => {
    await theirs.destroy(key);
    expect(await mine.update(key, { set: { a: '2' }, ...times(1) })).toBe('gone');
    expect(await texts()).toBe(undefined);
  });

  it('touches no session that the other one has ended, nor one that needs no touch', async () => {
    await theirs.destroy(key);
    expect(await mine.update(key, times(0))).toBe('gone');
    expect(await mine.update(key, times(1))).toBe('gone');
  });

  it('stores nothing that the reader did to what it was given', async () => {
    const record = await mine.read(key);
    if (typeof record !== 'object') throw new Error('no session');
    record.fields['b'] = '"not assigned"';
    await mine.update(key, { set: { a: '2' }, ...times(1) });
    expect(await texts()).toEqual({ a: '2', b: '1' });
  });

  it('does not outlive the deadline that was read', async () => {
    let clock = now;
    const directory = temporaryDirectory();
    const store = fsStore({ directory, sweepEveryMs: 0, clock: () => clock });
    await store.create(key, { fields: { a: '1' }, createdAt: now, touchedAt: now, expiresAt: now + 1000 });
    await store.read(key);
    clock += 1000;
    const change = { set: { a: '2' }, touchedAt: clock, expiresAt: clock + 1000 };
    expect(await store.update(key, change)).toBe('gone');
    await store.close();
  });
});

describe('a write whose deadline passes on its way', () => {
  const changes = { 'of data': { set: { a: '2' } }, 'of times': {} };
  it.each(Object.entries(changes))('%s revives no session', async (_, what) => {
    let clock = now;
    const store = fsStore({ directory: temporaryDirectory(), sweepEveryMs: 0, clock: () => clock });
    await store.create(key, { fields: { a: '1' }, createdAt: now, touchedAt: now, expiresAt: now + 1000 });
    await store.read(key);
    // After it was judged to be in time, before it is stored.
    const times = { touchedAt: now + 999, expiresAt: now + 3000 };
    let asked = 0;
    clock = now + 999;
    const late = fsStore({
      directory: store.describe().location,
      sweepEveryMs: 0,
      clock: () => ((asked += 1) > 2 ? now + 1000 : now + 999),
    });
    expect(await late.update(key, { ...times, ...what })).toBe('gone');
    clock = now + 1000;
    expect(await store.read(key)).toBeUndefined();
    await store.close();
    await late.close();
  });
});

describe('a read of a session that this process knows', () => {
  let directory: string;
  let mine: FsStore;
  let theirs: FsStore;
  beforeEach(async () => {
    directory = temporaryDirectory();
    mine = fsStore({ directory, sweepEveryMs: 0 });
    theirs = fsStore({ directory, sweepEveryMs: 0 });
    await mine.create(key, { fields: { a: '1', b: '1' }, createdAt: now, ...times(0) });
    await mine.read(key);
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await mine.close();
    await theirs.close();
  });

  const fields = async (store = mine) => {
    const record = await store.read(key);
    return typeof record === 'object' ? record.fields : record;
  };
  const fault = () => mine.read(key).then(String, (error: { code: string }) => error.code);

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

  it('is one look, after a read and after a write of its own', async () => {
    expect(await callsOf(() => mine.read(key))).toEqual(['lstat']);
    await mine.update(key, { set: { a: '2' }, ...times(1) });
    expect(await callsOf(() => mine.read(key))).toEqual(['lstat']);
    await mine.update(key, times(2));
    expect(await callsOf(() => mine.read(key))).toEqual(['lstat']);
    expect(await mine.read(key)).toMatchObject({ fields: { a: '2', b: '1' }, ...times(2) });
    expect(await callsOf(() => theirs.read(key))).toEqual(['readdir', 'open', 'fstat', 'read', 'close']);
  });

  it('sees each change of another process: data, a touch, an owner', async () => {
    await theirs.update(key, { set: { b: '2' }, ...times(1) });
    expect(await fields()).toEqual({ a: '1', b: '2' });
    await theirs.update(key, times(5));
    expect(await mine.read(key)).toMatchObject(times(5));
    await theirs.update(key, { owner: 'u1', ...times(6) });
    expect(await mine.read(key)).toMatchObject({ owner: 'u1' });
  });

  it('finds no session that another process has ended, with a marker or without one', async () => {
    await theirs.destroy(key, { endMarkerMs: 60_000 });
    expect(await mine.read(key)).toBe('ended');
    const other = keyOf('other');
    await mine.create(other, { fields: {}, createdAt: now, ...times(0) });
    await mine.read(other);
    await theirs.destroy(other);
    expect(await mine.read(other)).toBeUndefined();
  });

  it('finds what took the place of an ended one, not the ended one', async () => {
    await theirs.destroy(key);
    await theirs.create(key, { fields: { c: '1' }, createdAt: now, ...times(0) });
    expect(await fields()).toEqual({ c: '1' });
  });

  it('ends with the deadline', async () => {
    let clock = now;
    const store = fsStore({ directory, sweepEveryMs: 0, clock: () => clock });
    await store.read(key);
    clock = times(0).expiresAt;
    expect(await store.read(key)).toBeUndefined();
    await store.close();
  });

  it('takes no file for the one it knows that was changed, exchanged, emptied or removed', async () => {
    const file = dataFileOf(directory, key);
    const text = readFileSync(file);
    const damaged = Buffer.from(text);
    damaged.write('x', damaged.length - 1);
    const damages: [what: string, damage: () => void][] = [
      ['as long as before', () => writeFileSync(file, damaged)],
      ['longer', () => appendFileSync(file, 'x')],
      ['empty', () => writeFileSync(file, '')],
      [
        'another file of the same length and times',
        () => {
          const beside = join(directory, 'beside');
          const { atime, mtime } = fs.statSync(file);
          writeFileSync(beside, damaged);
          utimesSync(beside, atime, mtime);
          renameSync(beside, file);
        },
      ],
      ['gone', () => rmSync(file)],
    ];
    const found: string[] = [];
    for (const [what, damage] of damages) {
      writeFileSync(file, text);
      expect(await fields()).toEqual({ a: '1', b: '1' });
      // A file system's clock may tick only every 10 ms.
      await new Promise((resolve) => setTimeout(resolve, 25));
      damage();
      found.push(`${what}: ${await fault()}`);
    }
    expect(found).toEqual(damages.map(([what]) => `${what}: STORE_CORRUPT`));
  });

  it('takes no file for the one that it wrote that is longer or shorter', async () => {
    const damages: ((file: string) => void)[] = [
      (file) => appendFileSync(file, 'x'),
      (file) => writeFileSync(file, ''),
    ];
    for (const [n, damage] of damages.entries()) {
      await mine.update(key, { set: { n: String(n) }, ...times(n + 1) });
      const file = dataFileOf(directory, key);
      const text = readFileSync(file);
      damage(file);
      expect(await fault()).toBe('STORE_CORRUPT');
      writeFileSync(file, text);
      expect(await fields()).toMatchObject({ n: String(n) });
    }
  });

  it('leaves a damaged one as it is, also when it is written to after that', async () => {
    const file = dataFileOf(directory, key);
    appendFileSync(file, 'x');
    expect(await fault()).toBe('STORE_CORRUPT');
    await expect(mine.update(key, { set: { a: '2' }, ...times(1) })).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    await expect(mine.update(key, times(2))).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(dataFileOf(directory, key)).toBe(file);
    expect(readFileSync(file, 'utf8')).toMatch(/x$/);
  });

  it('leaves one as it is that was damaged since it was last looked at', async () => {
    const damages: ((file: string) => void)[] = [(file) => appendFileSync(file, 'x'), (file) => rmSync(file)];
    for (const [n, damage] of damages.entries()) {
      const other = keyOf(n);
      await mine.create(other, { fields: { a: '1' }, createdAt: now, ...times(0) });
      await mine.read(other);
      const token = tokenPlaceOf(directory, other);
      damage(dataFileOf(directory, other));
      await new Promise((resolve) => setTimeout(resolve, 120));
      for (const change of [{ set: { a: '2' }, ...times(1) }, times(2)])
        await expect(mine.update(other, change)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
      expect(tokenPlaceOf(directory, other)).toBe(token);
      await mine.read(other).catch(() => {});
    }
  });

  it('takes no other directory under the name of its token for that token', async () => {
    const token = tokenPlaceOf(directory, key);
    renameSync(token, `${token}x`);
    fs.mkdirSync(token);
    rmSync(`${token}x`, { recursive: true });
    expect(await fault()).toBe('STORE_CORRUPT');
  });

  it('gives each reader a record of its own', async () => {
    await mine.update(key, { settings: { persistent: true }, ...times(1) });
    const record = await mine.read(key);
    if (typeof record !== 'object') throw new Error('no session');
    record.fields['a'] = 'changed';
    Object.assign(record.settings ?? {}, { persistent: false });
    expect(await mine.read(key)).toMatchObject({ fields: { a: '1' }, settings: { persistent: true } });
  });
});

describe('what is known of sessions', () => {
  const sized = (length: number) => ({
    token: liveToken(1, 1, 'id'),
    record: { fields: { a: 'x'.repeat(length) }, createdAt: 1 },
    file: { size: length },
  });

  it('is 8 MB of text at most, and none of a large session', () => {
    const known = new KnownSessions();
    known.add(key, sized(40_000));
    expect(known.find(key)).toBeUndefined();
    const keys = Array.from({ length: 3000 }, (_, n) => keyOf(n));
    for (const each of keys) known.add(each, sized(30_000));
    const kept = keys.filter((each) => known.find(each) !== undefined);
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length * 30_001).toBeLessThanOrEqual(4 * 1024 * 1024);
  });

  it('counts an owner, and what each field takes besides its texts', () => {
    const { token, file } = sized(1);
    const records = [
      { fields: { a: '1' }, createdAt: 1, owner: 'o'.repeat(30_000) },
      { fields: Object.fromEntries(Array.from({ length: 900 }, (_, n) => [String(n), '1'])), createdAt: 1 },
    ];
    for (const record of records) {
      const known = new KnownSessions();
      const keys = Array.from({ length: 3000 }, (_, n) => keyOf(n));
      for (const each of keys) known.add(each, { token, record, file });
      const kept = keys.filter((each) => known.find(each) !== undefined);
      expect(kept.length).toBeGreaterThan(0);
      expect(kept.length * 30_000).toBeLessThanOrEqual(4 * 1024 * 1024);
    }
  });

  it('keeps nothing of a text that is no more in the session', async () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const store = fsStore({ directory: fastDirectory(), sweepEveryMs: 0 });
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 40; n++) {
      const fields = { small: JSON.stringify('a text that stays'), large: JSON.stringify('x'.repeat(1e6)) };
      await store.create(keyOf(n), { fields, createdAt: now, ...times(0) });
      await store.update(keyOf(n), { unset: ['large'], ...times(1) });
    }
    collect();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(10e6);
    expect(await store.read(keyOf(0))).toMatchObject({ fields: { small: '"a text that stays"' } });
    await store.close();
  });

  it('counts what is forgotten, replaced and pushed out as room', () => {
    const known = new KnownSessions();
    for (let n = 0; n < 100; n++) {
      known.add(key, sized(30_000));
      known.add(key, sized(30_000));
      known.forget(key);
      known.add(`0000${'ab'.repeat(30)}`, sized(30_000));
      known.add(`2000${'ab'.repeat(30)}`, sized(30_000));
    }
    const keys = Array.from({ length: 100 }, (_, n) => keyOf(n));
    for (const each of keys) known.add(each, sized(30_000));
    expect(keys.filter((each) => known.find(each) !== undefined).length).toBeGreaterThan(95);
  });

  it('is of that key, and of no other that has its place', () => {
    const known = new KnownSessions();
    known.add('00'.repeat(32), sized(1));
    expect(known.find(`00${'11'.repeat(31)}`)).toBeUndefined();
    expect(known.find(`0000${'11'.repeat(30)}`)).toBeUndefined();
    known.forget(`0000${'11'.repeat(30)}`);
    expect(known.find('00'.repeat(32))).toBeDefined();
  });
});
