import fs, {
  type StatsFs,
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { fsStore } from '../index.ts';
import {
  changeAt,
  keyOf,
  keysOf,
  openStore,
  recordAt,
  removeTemporaryDirectories,
  temporaryDirectory,
} from '../testing/directories.ts';
import { type StoreProcess, isRoot, startProcess } from '../testing/store-process.ts';

afterAll(removeTemporaryDirectories);

const now = 1_700_000_000_000;
const key = keyOf('the session');
const record = recordAt(now);

const open = (directory: string, platform?: NodeJS.Platform) =>
  openStore({ directory, clock: () => now, ...(platform && { platform }) });

/** The kinds and modes of all that lies below. */
function modesIn(directory: string): string[] {
  const modes = readdirSync(directory, { recursive: true }).map((name) => {
    const stats = lstatSync(join(directory, String(name)));
    return `${stats.isDirectory() ? 'directory' : 'file'} ${(stats.mode & 0o777).toString(8)}`;
  });
  return [...new Set(modes)].toSorted((left, right) => (left < right ? -1 : 1));
}

describe('at start', () => {
  it('the directory is made where it is missing, for its owner alone', async () => {
    const directory = join(temporaryDirectory(), 'a', 'b');
    const store = open(directory);
    await store.create(key, { ...record, owner: 'u1' });
    expect(lstatSync(directory).mode & 0o777).toBe(0o700);
    expect(modesIn(directory)).toEqual(['directory 700', 'file 600']);
    expect(store.describe()).toEqual({ name: 'fs', location: directory, sharedBy: 'host' });
  });

  it('those above it can be entered by others, as the umask has it: else root would lock the app out', async () => {
    for (const [umask, mode] of [
      [0o022, 0o755],
      [0o077, 0o700],
      [0, 0o755],
    ] as const) {
      const above = join(temporaryDirectory(), 'a', 'b');
      const child = startProcess();
      await child.call('umask', umask);
      await child.call('open', { directory: join(above, 'sessions') });
      child.kill('SIGKILL');
      expect([dirname(above), above].map((path) => lstatSync(path).mode & 0o777)).toEqual([mode, mode]);
      expect(lstatSync(join(above, 'sessions')).mode & 0o777).toBe(0o700);
    }
  });

  it('an open umask opens nothing', async () => {
    const directory = join(temporaryDirectory(), 'sessions');
    const child = startProcess();
    await child.call('umask', 0);
    await child.call('open', { directory });
    await child.call('create', key, recordAt(Date.now()));
    child.kill('SIGKILL');
    expect(modesIn(directory)).toEqual(['directory 700', 'file 600']);
  });

  it('a path that is not absolute is refused', () => {
    for (const directory of ['', '.', 'sessions', './sessions', '../x', '/a\0b']) {
      expect(() => open(directory)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error);
    }
  });

  it('other options that make no sense are refused', () => {
    const directory = temporaryDirectory();
    for (const options of [{ sweepEveryMs: -1 }, { graceMs: Number.NaN }, { sweepEveryMs: Infinity }]) {
      expect(() => fsStore({ directory, ...options })).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error,
      );
    }
  });

  it('a misspelt option is told by name: a write would not be as durable as was meant', () => {
    const options: object = { durabilty: 'fsync' };
    expect(() => fsStore({ directory: temporaryDirectory(), ...options })).toThrow(/has no option "durabilty"/);
  });

  it('Windows is refused, with what to do instead', () => {
    expect(() => open(temporaryDirectory(), 'win32')).toThrow(/@sess\/redis/);
    expect(() => open(temporaryDirectory(), 'win32')).toThrow(
      expect.objectContaining({ code: 'FS_UNSUPPORTED' }) as Error,
    );
  });

  const refused: Record<string, { make(directory: string): void; says: RegExp }> = {
    'a file': { make: (path) => writeFileSync(path, ''), says: /is not a directory/ },
    'a symbolic link': {
      make(path) {
        mkdirSync(`${path}-elsewhere`, { mode: 0o700 });
        symlinkSync(`${path}-elsewhere`, path);
      },
      says: /is a symbolic link/,
    },
    'a link to nothing': { make: (path) => symlinkSync('/nonexistent', path), says: /is a symbolic link/ },
    'a directory that its group may enter': {
      make(path) {
        mkdirSync(path);
        chmodSync(path, 0o750);
      },
      says: /chmod 700/,
    },
    'a directory that everybody may enter': {
      make(path) {
        mkdirSync(path);
        chmodSync(path, 0o777);
      },
      says: /chmod 700/,
    },
  };

  for (const [what, { make, says }] of Object.entries(refused)) {
    it(`${what} is refused, with what to do`, () => {
      const path = join(temporaryDirectory(), 'sessions');
      make(path);
      expect(() => open(path)).toThrow(expect.objectContaining({ code: 'FS_DIRECTORY' }) as Error);
      expect(() => open(path)).toThrow(says);
    });
  }

  it('a directory below one that everybody may write to is refused', () => {
    const open777 = join(temporaryDirectory(), 'tmp');
    mkdirSync(open777);
    chmodSync(open777, 0o777);
    expect(() => open(join(open777, 'sessions'))).toThrow(/everybody may replace it/);
    chmodSync(open777, 0o1777);
    expect(open(join(open777, 'sessions')).describe().name).toBe('fs');
  });

  it.skipIf(!isRoot)(
    `what belongs to another user is refused${isRoot ? '' : ' (skipped: only root can make it so)'}`,
    () => {
      const path = join(temporaryDirectory(), 'sessions');
      mkdirSync(path, { mode: 0o700 });
      chownSync(path, 65534, 65534);
      expect(() => open(path)).toThrow(/belongs to another user \(uid 65534\)/);

      // The attack on a shared /tmp: the directory is ours, and somebody else's above it can be exchanged.
      const shared = join(temporaryDirectory(), 'tmp');
      const between = join(shared, 'sess-0');
      mkdirSync(between, { recursive: true });
      chmodSync(shared, 0o1777);
      chownSync(between, 65534, 65534);
      mkdirSync(join(between, 'sessions'), { mode: 0o700 });
      expect(() => open(join(between, 'sessions'))).toThrow(/belongs to another user/);
    },
  );

  it.skipIf(!isRoot)(
    `what cannot be written is refused${isRoot ? '' : ' (skipped: needs root to become another user)'}`,
    async () => {
      const directory = temporaryDirectory();
      chownSync(directory, 65534, 65534);
      chmodSync(directory, 0o500);
      const child = startProcess();
      await child.call('become', 65534);
      await expect(child.call('open', { directory })).rejects.toMatchObject({ code: 'FS_DIRECTORY' });
      await expect(child.call('open', { directory: join(directory, 'below') })).rejects.toMatchObject({
        code: 'FS_DIRECTORY',
      });
      child.kill('SIGKILL');
    },
  );
});

describe.skipIf(!isRoot)(
  `a user who is kept out${isRoot ? '' : ' (skipped: needs root to become another user)'}`,
  () => {
    const uid = 65534;

    /** Opens it as that user, with a place above that this user may go through. */
    async function openAs(directory: string): Promise<StoreProcess> {
      const child = startProcess();
      await child.call('become', uid);
      try {
        await child.call('open', { directory });
      } catch (error) {
        child.kill('SIGKILL');
        throw error;
      }
      return child;
    }

    /** A place that everybody may go through. */
    function place(): string {
      const path = temporaryDirectory();
      chmodSync(path, 0o755);
      return path;
    }

    it('is told by uid, with the directory above that may not be entered', async () => {
      const above = join(place(), 'app');
      mkdirSync(join(above, 'sessions'), { recursive: true, mode: 0o700 });
      await expect(openAs(join(above, 'sessions'))).rejects.toMatchObject({
        code: 'FS_DIRECTORY',
        message:
          `The session directory ${join(above, 'sessions')} cannot be used (EACCES): the app runs as uid ${uid}, ` +
          `which may not enter ${above} (of uid 0, mode 700). As root: chmod o+x ${above}.`,
      });
    });

    it('is told by uid, with the directory above in which nothing may be made', async () => {
      const above = place();
      await expect(openAs(join(above, 'app', 'sessions'))).rejects.toMatchObject({
        code: 'FS_DIRECTORY',
        message: expect.stringMatching(
          `uid ${uid}, which may make nothing in ${above} \\(of uid 0, mode 755\\)\\. As root: install -d -m 700 -o ${uid} ${above}/app/sessions\\.$`,
        ) as string,
      });
    });

    it('is told by uid, where it is the directory itself', async () => {
      const directory = join(place(), 'sessions');
      mkdirSync(directory);
      chownSync(directory, uid, uid);
      chmodSync(directory, 0o500);
      await expect(openAs(directory)).rejects.toMatchObject({
        message: expect.stringMatching(
          `uid ${uid}, which may not read, write and enter ${directory} .*mode 500\\)\\. Let it: chmod 700 ${directory}\\.$`,
        ) as string,
      });
    });

    it('learns at the opening that root has made what lies inside', async () => {
      const directory = join(place(), 'app', 'sessions');
      await open(directory).close?.();
      chownSync(directory, uid, uid);
      await expect(openAs(directory)).rejects.toMatchObject({
        code: 'FS_DIRECTORY',
        message:
          `The session directory ${directory} holds ${directory}/locks, which belongs to another user (uid 0). ` +
          `As root: chown -R ${uid} ${directory}.`,
      });
    });

    it('learns by check() that a shard is of another user, and by each fault where', async () => {
      const directory = join(place(), 'app', 'sessions');
      const store = open(directory);
      await store.create(key, record);
      for (const path of [directory, join(directory, 'locks'), join(directory, 'owners')]) chownSync(path, uid, uid);
      const child = await openAs(directory);
      const shard = join(directory, key.slice(0, 2));
      await expect(child.call('check')).rejects.toMatchObject({
        code: 'FS_DIRECTORY',
        message: expect.stringContaining(
          `holds ${shard}, which belongs to another user (uid 0). As root: chown -R`,
        ) as string,
      });
      await expect(child.call('read', key)).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringMatching(`EACCES at ${shard}\\S*\\): .*chown -R ${uid} `) as string,
      });
      chownSync(shard, uid, uid);
      expect(await child.call('check')).toBeInstanceOf(Array);
      child.kill('SIGKILL');
    });
  },
);

describe('check()', () => {
  it('finds a network file system, by the number that statfs has for it', async () => {
    const directory = temporaryDirectory();
    const store = open(directory);
    const codes = async () => (await store.check()).map(({ code }) => code);
    expect(await codes()).not.toContain('FS_NETWORK');
    const { statfs } = fs;
    for (const type of [0x6969, 0xff534d42, 0xff534d42 | 0]) {
      const asked = vi.spyOn(fs, 'statfs').mockImplementation((path: unknown, done: unknown) => {
        const answer = done as (error: Error | null, stats: StatsFs) => void;
        statfs(path as string, (error, stats) => answer(error, Object.assign(stats, { type })));
      });
      expect(await codes()).toContain('FS_NETWORK');
      asked.mockRestore();
    }
  });
});

describe('a directory that is replaced while the app runs', () => {
  const replacements: Record<string, (directory: string) => void> = {
    'it is moved away': (directory) => renameSync(directory, `${directory}-away`),
    'it is removed': (directory) => rmSync(directory, { recursive: true }),
    'a link to another place is put in its place': (directory) => {
      renameSync(directory, `${directory}-away`);
      symlinkSync(`${directory}-away`, directory);
    },
    'an empty one is put in its place, as when a disk is unmounted': (directory) => {
      renameSync(directory, `${directory}-away`);
      mkdirSync(directory, { mode: 0o700 });
    },
    'a file is put in its place': (directory) => {
      renameSync(directory, `${directory}-away`);
      writeFileSync(directory, '');
    },
    'the one above it is moved away': (directory) => renameSync(dirname(directory), `${dirname(directory)}-away`),
  };

  for (const [what, replace] of Object.entries(replacements)) {
    it(`${what}: nothing is taken for absent, nothing is written`, async () => {
      const directory = join(temporaryDirectory(), 'above', 'sessions');
      const store = open(directory);
      await store.create(key, record);
      replace(directory);

      const unknown = keyOf('unknown');
      const told = { code: 'STORE_UNAVAILABLE', status: 503 };
      for (const absent of [
        () => store.read(unknown),
        () => store.update(unknown, changeAt(now)),
        () => store.destroy(unknown),
        () => keysOf(store, 'nobody'),
      ]) {
        await expect(absent()).rejects.toMatchObject(told);
      }
      // What is found is looked at in the old place for a moment at most.
      await expect.poll(() => store.read(key).catch((error: unknown) => error), { timeout: 3000 }).toMatchObject(told);
      await expect(store.create(unknown, { ...record, owner: 'u1' })).rejects.toMatchObject(told);
      await expect(store.update(key, changeAt(now, { set: { b: '2' } }))).rejects.toMatchObject(told);
      await expect(store.sweep()).rejects.toMatchObject(told);
      await expect(store.check()).rejects.toMatchObject(told);
      expect(existsSync(join(directory, unknown.slice(0, 2)))).toBe(false);
    });
  }

  it.each(['by the same store', 'after a restart', 'by two processes at once'])(
    'its owners are removed: the index is made again from the sessions, %s',
    async (who) => {
      const directory = join(temporaryDirectory(), 'sessions');
      const stores = [open(directory), open(directory)];
      const keys = Array.from({ length: 20 }, (_, index) => keyOf(index)).toSorted();
      for (const each of keys) await stores[0]?.create(each, { ...record, owner: 'u1' });
      await stores[0]?.create(keyOf('of another'), { ...record, owner: 'u2' });
      await stores[0]?.create(keyOf('of nobody'), record);
      rmSync(join(directory, 'owners'), { recursive: true });
      if (who === 'after a restart') stores.splice(0, 2, open(directory));
      const asked = who === 'by two processes at once' ? stores : stores.slice(0, 1);
      for (const found of await Promise.all(asked.map((store) => keysOf(store, 'u1'))))
        expect(found.toSorted()).toEqual(keys);
      const [first = open(directory)] = stores;
      expect(await keysOf(first, 'u2')).toEqual([keyOf('of another')]);
      expect(await first.create(keyOf('new'), { ...record, owner: 'u2' })).toBe(true);
      expect(await keysOf(first, 'u2')).toHaveLength(2);
      expect(existsSync(join(directory, 'owners_restored'))).toBe(false);
    },
  );

  it('when it is put back everything goes on', async () => {
    const directory = join(temporaryDirectory(), 'sessions');
    const store = open(directory);
    await store.create(key, record);
    renameSync(directory, `${directory}-away`);
    await expect(store.read(keyOf('unknown'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    renameSync(`${directory}-away`, directory);
    expect(await store.read(key)).toEqual(record);
    expect(await store.read(keyOf('unknown'))).toBeUndefined();
  });
});
