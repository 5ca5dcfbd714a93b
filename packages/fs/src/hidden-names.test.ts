import fs, { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AppStore } from './testing/app-store.mjs';
import {
  changeAt,
  keyOf,
  minuteMs,
  openStore,
  placeOf,
  recordAt,
  removeTemporaryDirectories,
  temporaryDirectory,
} from './testing/directories.ts';

// On btrfs, and maybe elsewhere, a name that is renamed while its directory is listed is in no listing.

afterAll(removeTemporaryDirectories);

const now = 1_700_000_000_000;
const key = keyOf('the session');
const record = recordAt(now);

describe('a listing that does not show the token', () => {
  let directory: string;
  let store: AppStore;
  beforeEach(async () => {
    directory = temporaryDirectory();
    const writer = openStore({ directory, clock: () => now });
    await writer.create(key, record);
    await writer.close();
    // Another process: it knows nothing of the session.
    store = openStore({ directory, clock: () => now });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await store.close();
  });

  /** The next listings of the session's directory are empty. */
  function hideToken(times: number): void {
    const { readdir } = fs;
    let left = times;
    vi.spyOn(fs, 'readdir').mockImplementation(((path: string, ...rest: unknown[]) => {
      const done = rest.at(-1) as (error: null, names: string[]) => void;
      if (path !== placeOf(directory, key) || left === 0) return void Reflect.apply(readdir, fs, [path, ...rest]);
      left -= 1;
      setImmediate(done, null, []);
    }) as typeof fs.readdir);
  }

  const verbs: [string, () => Promise<unknown>, unknown][] = [
    ['read', () => store.read(key), record],
    ['update', () => store.update(key, changeAt(now, { set: { a: '2' } })), 'replaced'],
    ['touch', () => store.update(key, changeAt(now + 1)), 'replaced'],
    ['destroy', () => store.destroy(key), record],
    ['destroy with a marker', () => store.destroy(key, { endMarkerMs: minuteMs }), record],
    ['create', () => store.create(key, record), false],
  ];
  it.each(verbs)('is not taken for absence by %s', async (_, act, outcome) => {
    hideToken(7);
    expect(await act()).toEqual(outcome);
  });

  it('leaves out no session when all are counted', async () => {
    hideToken(7);
    const keys: string[] = [];
    for await (const each of store.walk()) keys.push(each);
    expect(keys).toEqual([key]);
  });

  it('that is never another one ends with the call, and not as absence', async () => {
    hideToken(Infinity);
    await expect(store.read(key)).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
  });

  it('of a directory that is empty indeed is absence, and removes it', async () => {
    const other = keyOf('what a sweep has left');
    mkdirSync(placeOf(directory, other), { recursive: true });
    expect(await store.read(other)).toBeUndefined();
    expect(existsSync(placeOf(directory, other))).toBe(false);
    rmdirSync(placeOf(directory, other).slice(0, -key.length - 1));
  });
});
