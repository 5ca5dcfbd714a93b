import { execFile } from 'node:child_process';
import fs, { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { fsStore } from '../index.ts';
import { startSweeper } from './sweeper.ts';
import type { AppStore } from '../testing/app-store.mjs';
import {
  by,
  changeAt,
  fastDirectory,
  keyOf,
  keysOf,
  minuteMs,
  openStore,
  placeOf,
  recordAt,
  removeTemporaryDirectories,
  stampPlaceOf,
  temporaryDirectory,
} from '../testing/directories.ts';
import { openSessionDirectory } from '../disk/directory.ts';

afterEach(() => void vi.restoreAllMocks());
afterAll(removeTemporaryDirectories);

const startAt = 1_700_000_000_000;
const hourMs = 60 * minuteMs;
const key = keyOf('the session');

interface Scene {
  directory: string;
  store: AppStore;
  clock: { now: number };
}

function scene(graceMs?: number): Scene {
  const directory = fastDirectory();
  const clock = { now: startAt };
  const store = openStore({
    directory,
    clock: () => clock.now,
    ...(graceMs !== undefined && { graceMs }),
  });
  return { directory, store, clock };
}

/** A live session of which the directory tells all, as the store itself would have made it. */
function plant(directory: string, name: number, expiresAt: number): void {
  const token = join(placeOf(directory, keyOf(name)), `cur_${expiresAt}_${startAt}_a-b_c`);
  mkdirSync(token, { recursive: true, mode: 0o700 });
  writeFileSync(join(token, 'data_a-b'), 'a sweep opens no file, so this is not read');
}

describe('a sweep', () => {
  it('keeps what has expired for the time of grace: a clock that is set right brings it back', async () => {
    const { store, clock } = scene();
    const record = recordAt(startAt);
    await store.create(key, record);
    clock.now = record.expiresAt + hourMs - 1;
    expect(await store.read(key)).toBeUndefined();
    expect(await store.sweep()).toEqual({ removed: 0, kept: 1 });
    clock.now = startAt;
    expect(await store.read(key)).toEqual(record);
    clock.now = record.expiresAt + hourMs;
    expect(await store.sweep()).toEqual({ removed: 1, kept: 0 });
    clock.now = startAt;
    expect(await store.read(key)).toBeUndefined();
  });

  it('is not what ends an expired session that was destroyed: a clock that is set back does not bring it back', async () => {
    const { store, clock } = scene();
    await store.create(key, recordAt(startAt));
    clock.now += 11 * minuteMs;
    expect(await store.destroy(key)).toBeUndefined();
    clock.now = startAt;
    expect(await store.read(key)).toBeUndefined();
    expect(await store.update(key, changeAt(startAt))).toBe('gone');
  });

  it('of 5,000 sessions opens no file, and lets requests in all the time', async () => {
    const { directory, store, clock } = scene();
    const other = openStore({ directory, clock: () => clock.now });
    for (let name = 0; name < 5000; name++)
      plant(directory, name, name % 4 === 0 ? startAt - 2 * hourMs : startAt + hourMs);
    await other.create(key, recordAt(startAt));

    const opened = vi.spyOn(fs, 'open');
    let isOver = false;
    const sweep = store.sweep().finally(() => (isOver = true));
    let turns = 0;
    while (!isOver) {
      await new Promise((resolve) => setImmediate(resolve));
      turns++;
    }
    expect(await sweep).toEqual({ removed: 1250, kept: 3751 });
    expect(opened).not.toHaveBeenCalled();
    // Every file operation is a turn of its own; there is no loop in between that others wait for.
    expect(turns).toBeGreaterThan(5000);
    opened.mockRestore();

    clock.now += 5 * hourMs;
    isOver = false;
    const second = store.sweep().finally(() => (isOver = true));
    let answered = 0;
    while (!isOver) {
      await other.read(key);
      answered++;
    }
    expect(await second).toEqual({ removed: 3751, kept: 0 });
    expect(answered).toBeGreaterThan(100);
  });

  it('never takes a session whose deadline was moved in time, whoever sweeps at the same time', async () => {
    const { directory, store, clock } = scene(0);
    const sweepers = [1, 2].map(() => openStore({ directory, clock: () => clock.now, graceMs: 0 }));
    const keys = Array.from({ length: 20 }, (_, name) => keyOf(name));
    for (const each of keys) await store.create(each, recordAt(clock.now, { expiresAt: clock.now + 1000 }));
    let isOver = false;
    const sweeping = sweepers.map(async (sweeper) => {
      while (!isOver) await sweeper.sweep();
    });
    // The sweepers end with the test, also where it fails.
    onTestFinished(() => void (isOver = true));
    for (let round = 0; round < 40; round++) {
      // Everyone is due in a moment.
      clock.now += 999;
      const change = {
        touchedAt: clock.now,
        expiresAt: clock.now + 1000,
        ...(round % 2 === 0 && { set: { round: `${round}` } }),
      };
      const verdicts = await Promise.all(keys.map((each) => store.update(each, change)));
      expect(new Set(verdicts)).toEqual(new Set(['replaced']));
    }
    isOver = true;
    await Promise.all(sweeping);
    for (const each of keys) expect(await store.read(each)).toMatchObject({ fields: { a: '1', round: '38' } });
  });

  it('clears what dead processes left, and leaves what may be a living one’s', async () => {
    const { directory, store, clock } = scene();
    await store.create(key, recordAt(startAt, { expiresAt: startAt + 24 * hourMs }));
    const shard = join(directory, key.slice(0, 2));
    const old = (startAt - 2 * minuteMs).toString(36);
    const young = (startAt - minuteMs / 2).toString(36);
    for (const time of [old, young]) {
      mkdirSync(join(shard, `new_${time}-1`, 'cur_1_1_a-b_c'), { recursive: true });
      writeFileSync(join(shard, `new_${time}-1`, 'cur_1_1_a-b_c', 'data_a-b'), '');
    }
    mkdirSync(join(shard, `old_${young}-1`));
    mkdirSync(placeOf(directory, keyOf('empty')), { recursive: true });
    for (const name of ['a', 'b']) mkdirSync(join(directory, 'locks', name));
    writeFileSync(join(stampPlaceOf(directory, key), `data_${young}-1`), 'of a writer that is under way');

    await store.sweep();
    expect(readdirSync(shard).toSorted((left, right) => (left < right ? -1 : 1))).toEqual([key, `new_${young}-1`]);
    expect(existsSync(placeOf(directory, keyOf('empty')))).toBe(false);
    expect(readdirSync(stampPlaceOf(directory, key))).toHaveLength(2);
    expect(readdirSync(join(directory, 'locks'))).toEqual(['a', 'b']);

    clock.now += 2 * minuteMs;
    // Its holder is alive: it has renewed it.
    utimesSync(join(directory, 'locks', 'b'), 1, 1);
    await store.sweep();
    expect(readdirSync(shard)).toEqual([key]);
    expect(readdirSync(stampPlaceOf(directory, key))).toHaveLength(1);
    expect(readdirSync(join(directory, 'locks'))).toEqual(['b']);
  });

  it('removes the entries of owners whose sessions are gone, and no others', async () => {
    const { directory, store, clock } = scene();
    const record = recordAt(startAt, { owner: 'u1', expiresAt: startAt + 24 * hourMs });
    await store.create(key, record);
    await store.create(keyOf('second'), { ...record, owner: 'u2' });
    await store.destroy(keyOf('second'));
    expect(await keysOf(store, 'u2')).toEqual([keyOf('second')]);
    clock.now += 2 * hourMs;
    await store.sweep();
    expect(await keysOf(store, 'u1')).toEqual([key]);
    expect(await keysOf(store, 'u2')).toEqual([]);
    const entries = readdirSync(join(directory, 'owners'), { recursive: true }).map(String);
    expect(entries.filter((name) => name.includes(key))).toHaveLength(1);
  });

  it('goes on after what it cannot remove, and tells it in the end', async () => {
    const { directory, store, clock } = scene();
    for (let name = 0; name < 20; name++) await store.create(keyOf(name), recordAt(startAt));
    clock.now += 24 * hourMs;
    const stuck = keyOf(7);
    const { rename } = fs;
    vi.spyOn(fs, 'rename').mockImplementation((from, to, done) => {
      if (String(from).includes(stuck)) done(Object.assign(new Error('no'), { code: 'EACCES' }));
      else rename(from, to, done);
    });
    await expect(store.sweep()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    vi.restoreAllMocks();
    expect(existsSync(placeOf(directory, stuck))).toBe(true);
    expect(await store.sweep()).toEqual({ removed: 1, kept: 0 });
  });
});

describe('regular sweeps', () => {
  it('happen by themselves, and end with close()', async () => {
    const { directory, store, clock } = scene();
    await store.create(key, recordAt(startAt));
    clock.now += 24 * hourMs;
    const sweeping = fsStore({ directory, clock: () => clock.now, sweepEveryMs: 5 });
    await expect.poll(() => existsSync(placeOf(directory, key)), { timeout: 5000 }).toBe(false);
    await sweeping.close();
    expect(existsSync(join(directory, 'locks', 'sweep'))).toBe(false);
    await expect(sweeping.read(key, by())).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('a sweep under way ends early, and not in a fault, when the store is closed', async () => {
    const { directory, store, clock } = scene();
    for (let name = 0; name < 300; name++) plant(directory, name, startAt - 2 * hourMs);
    const sweeping = store.sweep();
    await store.close();
    const { removed } = await sweeping;
    expect(removed).toBeLessThan(300);
    const next = openStore({ directory, clock: () => clock.now });
    expect(await next.sweep()).toEqual({ removed: 300 - removed, kept: 0 });
  });

  it('do not keep the process from ending', async () => {
    const built = new URL('../../dist/index.js', import.meta.url).href;
    const code = `import { fsStore } from ${JSON.stringify(built)}; fsStore({ directory: ${JSON.stringify(temporaryDirectory())} }); console.log('opened')`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], {
      timeout: 20_000,
    });
    expect(stdout).toBe('opened\n');
  });

  it('are done by one of several processes, until it ends', async () => {
    const opened = openSessionDirectory(temporaryDirectory(), process.platform);
    const sweeps = [0, 0];
    const sweepers = sweeps.map((_, index) =>
      startSweeper({
        everyMs: 2,
        clock: () => performance.now(),
        directory: opened,
        async sweep() {
          sweeps[index] = (sweeps[index] ?? 0) + 1;
        },
      }),
    );
    await expect.poll(() => Math.max(...sweeps), { timeout: 5000 }).toBeGreaterThan(20);
    expect(Math.min(...sweeps)).toBe(0);
    const [first = 0] = sweeps;
    await sweepers[first > 0 ? 0 : 1]?.close();
    await expect.poll(() => Math.min(...sweeps), { timeout: 5000 }).toBeGreaterThan(20);
    await Promise.all(sweepers.map((sweeper) => sweeper.close()));
  });

  it('skip a round after the wall clock jumped', async () => {
    let jumped = 0;
    let looks = 0;
    const sweptAt: number[] = [];
    const sweeper = startSweeper({
      everyMs: 2,
      clock() {
        looks++;
        return performance.now() + jumped;
      },
      directory: openSessionDirectory(temporaryDirectory(), process.platform),
      async sweep() {
        sweptAt.push(looks);
      },
    });
    for (const ms of [24 * hourMs, 0]) {
      const before = sweptAt.length;
      await expect.poll(() => sweptAt.length, { timeout: 5000 }).toBeGreaterThan(before + 3);
      jumped = ms;
    }
    await expect.poll(() => looks - sweptAt.length, { timeout: 5000 }).toBe(3);
    await sweeper.close();
    // One look when it began, and one for each of the two rounds that were skipped.
    expect(looks - sweptAt.length).toBe(3);
  });

  it('that cannot be done are tried again', async () => {
    let tries = 0;
    const sweeper = startSweeper({
      everyMs: 2,
      clock: () => performance.now(),
      directory: openSessionDirectory(temporaryDirectory(), process.platform),
      async sweep() {
        tries++;
        throw new Error('the disk is away');
      },
    });
    await expect.poll(() => tries, { timeout: 5000 }).toBeGreaterThan(3);
    await sweeper.close();
  });
});

describe('a session that is changed while it is swept', () => {
  it('control: a sweep that does not compare takes a live one', async () => {
    const { directory, store, clock } = scene(0);
    await store.create(key, recordAt(startAt));
    clock.now += 11 * minuteMs;
    // What a sweep does that looks, and then removes by the key.
    const isDue = (await store.read(key)) === undefined;
    await store.create(key, recordAt(clock.now));
    if (isDue) rmSync(placeOf(directory, key), { recursive: true });
    expect(await store.read(key)).toBeUndefined();
    expect(await store.update(key, changeAt(clock.now))).toBe('gone');
  });
});
