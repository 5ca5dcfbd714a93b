import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, closeSync, constants, openSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  changeAt,
  dataFileOf,
  keyOf,
  minuteMs,
  openStore,
  placeOf,
  recordAt,
  removeTemporaryDirectories,
  stampPlaceOf,
  temporaryDirectory,
} from './testing/directories.ts';
import { isRoot, startProcess, startStore, startThreaded, trace, untraceable } from './testing/store-process.ts';

afterAll(removeTemporaryDirectories);

const now = Date.now();
const key = keyOf('the session');
const record = recordAt(now, { fields: { a: 'x'.repeat(1000) } });
const changed = changeAt(now, { set: { a: 'y'.repeat(1000) } });

const needsRoot = isRoot ? '' : ' (skipped: needs root)';
const reason = untraceable();
const needsTracing = reason === undefined ? '' : ` (skipped: ${reason})`;

/** A small file system of its own, in memory. */
function mounted(options: string): string {
  const directory = temporaryDirectory();
  execFileSync('mount', ['-t', 'tmpfs', '-o', `mode=700,${options}`, 'tmpfs', directory]);
  onTestFinished(() => void execFileSync('umount', ['-l', directory]));
  return directory;
}

/** Takes what is left: a few blocks or inodes may be, that a new session was too large for. */
function fillUp(directory: string): void {
  try {
    for (let count = 0; ; count++) writeFileSync(join(directory, `filler ${count}`), 'x'.repeat(4096));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  }
}

describe.skipIf(!isRoot)(`a disk${needsRoot}`, () => {
  const fulls = { 'with no room left': 'size=128k', 'with no inodes left': 'size=100m,nr_inodes=60' };

  for (const [what, options] of Object.entries(fulls)) {
    it(`${what}: what is stored stays and can be read, touched and destroyed; new ones are refused`, async () => {
      const directory = mounted(options);
      const store = openStore({ directory });
      const created: (boolean | Error)[] = [];
      while (created.length < 200 && !created.some((outcome) => outcome instanceof Error)) {
        created.push(await store.create(keyOf(created.length), record).catch((error: Error) => error));
      }
      expect(created.pop()).toMatchObject({ code: 'STORE_FULL', status: 503 });
      const count = created.length;
      expect(count).toBeGreaterThan(3);
      const left = readdirSync(directory, { recursive: true }).map(String);
      expect(left.filter((name) => name.includes('new_'))).toEqual([]);

      fillUp(directory);

      for (let other = 0; other < count; other++) expect(await store.read(keyOf(other))).toEqual(record);
      await expect(store.update(keyOf(0), changed)).rejects.toMatchObject({ code: 'STORE_FULL' });
      expect(await store.read(keyOf(0))).toEqual(record);
      expect(await store.update(keyOf(0), changeAt(now))).toBe('replaced');
      expect(await store.destroy(keyOf(1), { endMarkerMs: minuteMs })).toEqual(record);
      expect(await store.read(keyOf(1))).toBe('ended');
      expect(await store.destroy(keyOf(2))).toEqual(record);
      // What the two held is free again.
      expect(await store.update(keyOf(0), changed)).toBe('replaced');
      const findings = await store.check();
      expect(findings.map(({ code }) => code)).toContain(what.includes('room') ? 'FS_SPACE' : 'FS_INODES');
    });
  }

  it('that is remounted read-only: sessions are read, writes are told and lose nothing', async () => {
    const directory = mounted('size=1m');
    const store = openStore({ directory });
    await store.create(key, record);
    execFileSync('mount', ['-o', 'remount,ro', directory]);
    const told = { code: 'STORE_UNAVAILABLE', message: expect.stringContaining('read-only') as string };
    expect(await store.read(key)).toEqual(record);
    expect(await store.read(keyOf('unknown'))).toBeUndefined();
    await expect(store.create(keyOf('new'), record)).rejects.toMatchObject(told);
    await expect(store.update(key, changed)).rejects.toMatchObject(told);
    await expect(store.update(key, changeAt(now))).rejects.toMatchObject(told);
    await expect(store.destroy(key)).rejects.toMatchObject(told);
    execFileSync('mount', ['-o', 'remount,rw', directory]);
    expect(await store.read(key)).toEqual(record);
    expect(await store.destroy(key)).toEqual(record);
  });

  it('that is unmounted: nothing is taken for absent', async () => {
    const directory = mounted('size=1m');
    const store = openStore({ directory });
    await store.create(key, record);
    execFileSync('umount', [directory]);
    await expect(store.read(key)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', directory]);
  });

  it('in memory is found by check()', async () => {
    const findings = await openStore({ directory: mounted('size=500m') }).check();
    expect(findings.map(({ code }) => code)).toEqual(['FS_TEMP', 'FS_MEMORY']);
  });

  it('whose rights were taken away from the app: nothing is taken for absent', async () => {
    const directory = temporaryDirectory();
    chownSync(directory, 65534, 65534);
    const child = startProcess();
    await child.call('become', 65534);
    await child.call('open', { directory });
    await child.call('untilInThread');
    await child.call('create', key, record);
    for (const place of [directory, join(directory, key.slice(0, 2)), placeOf(directory, key)]) {
      chmodSync(place, 0o000);
      for (const call of [
        () => child.call('read', key),
        () => child.call('update', key, changed),
        () => child.call('update', key, changeAt(now)),
        () => child.call('destroy', key),
        () => child.call('create', key, record),
      ]) {
        await expect(call()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      }
      chmodSync(place, 0o700);
      expect(await child.call('read', key)).toEqual(record);
    }
    child.kill('SIGKILL');
  });

  it('whose directory was opened to others is found by check()', async () => {
    const directory = temporaryDirectory();
    const store = openStore({ directory });
    expect((await store.check()).map(({ code }) => code)).not.toContain('FS_MODE');
    chmodSync(directory, 0o755);
    expect(await store.check()).toContainEqual(expect.objectContaining({ code: 'FS_MODE', severity: 'error' }));
  });
});

describe.skipIf(reason !== undefined)(`a process${needsTracing}`, () => {
  it('with no file descriptor left tells it, and goes on when there is one again', async () => {
    const directory = temporaryDirectory();
    const child = await startThreaded({ directory });
    await child.call('create', key, record);
    execFileSync('prlimit', ['--pid', String(child.pid), '--nofile=3:4096']);
    for (const call of [
      () => child.call('read', key),
      () => child.call('update', key, changed),
      () => child.call('create', keyOf('new'), record),
      () => child.call('destroy', key),
    ]) {
      await expect(call()).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining('EMFILE') as string,
      });
    }
    execFileSync('prlimit', ['--pid', String(child.pid), '--nofile=4096:4096']);
    expect(await child.call('read', key)).toEqual(record);
    expect(await child.call('create', keyOf('new'), record)).toBe(true);
    child.kill('SIGKILL');
  });

  const errors: Record<string, { inject: string; act: 'read' | 'update' | 'touch' | 'destroy' }> = {
    'an error of the disk while it reads': { inject: 'pread64:error=EIO', act: 'read' },
    'an error of the disk while it looks': { inject: 'getdents64:error=EIO', act: 'read' },
    'an error of the disk while it writes': { inject: 'pwrite64:error=EIO', act: 'update' },
    'an error of the disk while it confirms the record': { inject: 'fdatasync:error=EIO', act: 'update' },
    'an error of the disk at the first fsync': { inject: 'fsync:error=EIO:when=1', act: 'update' },
    'an error of the disk at the last fsync': { inject: 'fsync:error=EIO:when=2', act: 'update' },
    'an error of the disk at the rename of an update': {
      inject: '?rename,?renameat,?renameat2:error=EIO:when=1',
      act: 'update',
    },
    'an error of the disk at the rename of a touch': { inject: '?rename,?renameat,?renameat2:error=EIO', act: 'touch' },
    'an error of the disk at the rename of a destroy': {
      inject: '?rename,?renameat,?renameat2:error=EIO',
      act: 'destroy',
    },
    'no memory in the kernel': { inject: 'openat:error=ENOMEM', act: 'read' },
    'too many files in the system': { inject: 'openat:error=ENFILE', act: 'update' },
  };

  // In the pool, and in the store's own thread where it does not wait for the disk to confirm.
  const ways = Object.entries(errors).flatMap(([what, error]) =>
    (['fsync', 'process'] as const)
      .filter((durability) => durability === 'fsync' || !/^f(data)?sync:/.test(error.inject))
      .map((durability) => ({ what, durability, ...error })),
  );

  for (const { what, durability, inject, act } of ways) {
    it(`that meets ${what} tells it; what is stored is whole (durability "${durability}")`, async () => {
      const directory = temporaryDirectory();
      const child =
        durability === 'fsync'
          ? await startStore({ directory, durability }, { UV_THREADPOOL_SIZE: '1' })
          : await startThreaded({ directory });
      await child.call('create', key, record);
      const calls = {
        read: () => child.call('read', key),
        update: () => child.call('update', key, changed),
        touch: () => child.call('update', key, changeAt(now)),
        destroy: () => child.call('destroy', key),
      };
      const tracer = await trace(child.pid, '-e', `trace=${inject.split(':')[0]}`, '-e', `inject=${inject}`);
      await expect(calls[act]()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await tracer.detach();
      const left = await child.call('read', key);
      // An error behind the commit says that the outcome is not known: there it took place.
      expect([record, { ...record, ...changeAt(now), fields: changed.set }]).toContainEqual(left);
      for (const time of [now + 5, now + 6])
        expect(await child.call('update', key, changeAt(time, { set: { b: String(time) } }))).toBe('replaced');
      // The session's data, and at most the file of the attempt: it may have taken place.
      expect(readdirSync(stampPlaceOf(directory, key)).length).toBeLessThanOrEqual(2);
      child.kill('SIGKILL');
    });
  }

  it('that waits for the disk waits for all names that lead to a new session', async () => {
    const directory = temporaryDirectory();
    const child = await startStore({ directory, durability: 'fsync' });
    const tracer = await trace(child.pid, '-y', '-e', 'trace=fsync,fdatasync');
    await child.call('create', key, { ...record, owner: 'u1' });
    await tracer.detach();
    const confirmed = tracer.lines().flatMap((line) => /f(?:data)?sync\(\d+<(.*)>\)/.exec(line)?.[1] ?? []);
    const [shard = ''] = readdirSync(join(directory, 'owners'));
    const [place = ''] = readdirSync(join(directory, 'owners', shard));
    const owners = ['owners', join('owners', shard), join('owners', shard, place)];
    for (const name of [...owners, '.', key.slice(0, 2)]) expect(confirmed).toContain(join(directory, name));
    child.kill('SIGKILL');
  });

  it('that was stopped while it wrote does not write over what came after', async () => {
    const directory = temporaryDirectory();
    const store = openStore({ directory });
    await store.create(key, record);
    const child = await startThreaded({ directory });
    await child.call('read', key);
    const tracer = await trace(
      child.pid,
      '-e',
      'trace=?rename,?renameat,?renameat2',
      '-e',
      'inject=?rename,?renameat,?renameat2:delay_enter=3000000:when=1',
    );
    const late = child.call('update', key, changed);
    late.catch(() => {});
    const renames = (how: string) => tracer.lines().filter((line) => line.includes('rename') && line.includes(how));
    await expect.poll(() => renames('').length).toBe(1);
    expect(await store.destroy(key)).toEqual(record);
    // Longer than any call may take: it is told so, and the rename comes later still.
    await expect(late).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
    await expect.poll(() => renames('ENOENT').length).toBe(1);
    expect(await store.read(key)).toBeUndefined();
    await tracer.detach();
    child.kill('SIGKILL');
  });
});

/** Makes whoever opens the file wait, as on a disk that does not answer; until it is told that it does again. */
function hang(file: string): { end(): void } {
  const aside = temporaryDirectory();
  const fifo = join(aside, 'fifo');
  execFileSync('mkfifo', ['-m', '600', fifo]);
  renameSync(file, join(aside, 'file'));
  renameSync(fifo, file);
  return {
    end() {
      renameSync(file, fifo);
      renameSync(join(aside, 'file'), file);
      // Whoever still waits is let go. Refused when nobody does, which would prove that nothing hung.
      closeSync(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK));
    },
  };
}

// In the pool, where a store waits for the disk to confirm. In its own thread: thread/disk-thread.test.ts.
it('a process whose disk hangs answers in bounded time, leaves the thread pool to others, and refuses what would pile up', async () => {
  const directory = temporaryDirectory();
  const child = await startStore({ directory, durability: 'fsync' }, { UV_THREADPOOL_SIZE: '4' });
  await child.call('create', key, record);
  await child.call('hangOnFifos');
  const disk = hang(dataFileOf(directory, key));

  // No clock is looked at: the disk hangs until all this has been answered.
  const flood = child.call('flood', 1500, key);
  // Not only the first, which may be ahead of them.
  for (let count = 0; count < 5; count++) expect(await child.call('hash')).toBe('done');
  expect(await flood).toEqual({ STORE_TIMEOUT: 1500 });
  // Those that wait for the disk are still there: it is said at once, as soon as they count as late.
  await expect.poll(() => child.call('flood', 10, key), { timeout: 20_000 }).toEqual({ STORE_BUSY: 10 });

  disk.end();
  await expect.poll(() => child.call('flood', 10, key), { timeout: 20_000 }).toEqual({ answered: 10 });
  child.kill('SIGKILL');
});
