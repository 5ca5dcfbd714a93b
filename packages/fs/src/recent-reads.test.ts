import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FsStore, fsStore } from './fs-store.ts';
import { removeTemporaryDirectories, temporaryDirectory } from './testing/directories.ts';

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
