import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { builtCopy, entryName, fragileDisk } from '../testing/built-copy.ts';
import {
  changeAt,
  dataFileOf,
  fastDirectory,
  keyOf,
  keysOf,
  openStore,
  recordAt,
  removeTemporaryDirectories,
  temporaryDirectory,
} from '../testing/directories.ts';
import { runApp } from '../testing/run-app.ts';
import { ProcessDied, startThreaded } from '../testing/store-process.ts';

afterAll(removeTemporaryDirectories);

const now = Date.now();
const key = keyOf('the session');
const record = recordAt(now, { owner: 'u1' });
const unknown = { code: 'STORE_UNAVAILABLE', message: expect.stringContaining('is not known') as string };

/** For programs: a store on a directory, and names of what they need. */
function scene(directory: string, options = ''): string {
  return `
    const directory = ${JSON.stringify(directory)}, key = ${JSON.stringify(key)}, record = ${JSON.stringify(record)};
    const store = openStore({ directory, ${options} });`;
}

/** Uses the store for as long as it would take a thread to be there. Not where a slow disk would be told of. */
const withoutThread = `
  for (let round = 0; round < 50; round++) {
    await store.create(key, record);
    if ((await store.read(key)).expiresAt !== record.expiresAt) tell('wrong');
    const before = appSide.count;
    await store.destroy(key);
    if (appSide.count === before) tell('in the thread');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  tell('done');`;

/** The packages that a built file imports, by itself and by its own files. */
function packagesOf(file: string, seen = new Set<string>()): Set<string> {
  const path = join(import.meta.dirname, '../../dist', file);
  if (seen.has(path)) return new Set();
  seen.add(path);
  const specifiers = [...readFileSync(path, 'utf8').matchAll(/^(?:import|export)[^;]*? from '([^']+)'/gm)].map(
    ([, specifier = '']) => specifier,
  );
  const own = specifiers.filter((specifier) => specifier.startsWith('.'));
  const packages = specifiers.filter((specifier) => !/^(?:\.|node:)/.test(specifier));
  return new Set([...packages, ...own.flatMap((name) => [...packagesOf(join(file, '..', name), seen)])]);
}

describe('the thread of a store', () => {
  it('does the work of all verbs: the thread of the app touches no file', async () => {
    const said = await runApp(`${scene(temporaryDirectory())}
      await untilInThread(store);
      appSide.isBroken = true;
      tell(await store.create(key, record));
      tell(await store.read(key));
      tell(await store.update(key, { set: { b: '2' }, touchedAt: record.touchedAt, expiresAt: record.expiresAt }));
      tell(await store.destroy(key));
      tell(await store.destroy(key, { endMarkerMs: 60_000 }));
      tell(await store.read(key));
      tell(await codeOf(store.sweep()));`);
    const changed = { ...record, fields: { a: '1', b: '2' } };
    expect(said).toEqual([true, record, 'replaced', changed, null, 'ended', 'STORE_UNAVAILABLE']);
  });

  it('is not used where a write waits for the disk to confirm it', async () => {
    const said = await runApp(`${scene(fastDirectory(), "durability: 'fsync'")} ${withoutThread}`);
    expect(said).toEqual(['done']);
  });

  it('loads of core what it needs, and not the whole: that would be loaded twice in each process', () => {
    expect([...packagesOf('disk-thread-entry.js')]).toEqual(['@sess/core/internal/thread']);
    expect([...packagesOf('index.js')]).toContain('@sess/core');
  });

  it('has neither the environment of the app nor what the app loads before itself', async () => {
    const disk = fragileDisk();
    const hook = join(temporaryDirectory(), 'hook.mjs');
    const log = `${hook}.log`;
    writeFileSync(
      hook,
      `import fs from 'node:fs'; import { threadId } from 'node:worker_threads'; fs.appendFileSync(${JSON.stringify(log)}, threadId + ' ');`,
    );
    const url = pathToFileURL(hook).href;
    await runApp(`${scene(temporaryDirectory())} await untilInThread(store);`, {
      built: disk.built,
      nodeArgs: ['--import', url],
      env: { NODE_OPTIONS: `--import ${url}`, SECRET: 'canary' },
    });
    expect(disk.environment()).toEqual({});
    expect(new Set(readFileSync(log, 'utf8').trim().split(' '))).toEqual(new Set(['0']));
  });

  it('goes by the clock that the store was given', async () => {
    const said = await runApp(`${scene(temporaryDirectory(), 'clock: () => clock')}
      var clock = 1000;
      await untilInThread(store);
      tell(await store.create(key, { ...record, touchedAt: 1000, expiresAt: 2000 }));
      clock = 1999;
      tell((await store.read(key)).expiresAt);
      clock = 2000;
      tell(await store.read(key));
      clock = 1999;
      tell((await store.read(key)).expiresAt);`);
    expect(said).toEqual([true, 2000, null, 2000]);
  });

  it('goes by Date where the tests of an app have replaced it', async () => {
    const said = await runApp(`${scene(temporaryDirectory())}
      await untilInThread(store);
      await store.create(key, record);
      const { now } = Date;
      Date.now = () => record.expiresAt;
      tell(await store.read(key));
      Date.now = now;
      tell((await store.read(key)).expiresAt);`);
    expect(said).toEqual([null, record.expiresAt]);
  });

  it('answers while the tests of an app hold time still', async () => {
    const said = await runApp(`${scene(temporaryDirectory())}
      await untilInThread(store);
      await store.create(key, record);
      const still = performance.now();
      performance.now = () => still;
      // Longer than a call may take.
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      tell((await store.read(key)).expiresAt);`);
    expect(said).toEqual([record.expiresAt]);
  });

  it('keeps no process alive that has nothing to do, and ends with the store', async () => {
    const said = await runApp(`${scene(temporaryDirectory())}
      await untilInThread(store);
      await store.create(key, record);
      const other = openStore({ directory: directory + '/other' });
      await untilInThread(other);
      const threads = () => process.report.getReport().workers.length;
      tell(threads());
      await other.close();
      await other.close();
      tell(threads());`);
    expect(said).toEqual([2, 1]);
  });

  it('keeps a process alive until a write that is under way is stored', async () => {
    const directory = temporaryDirectory();
    const said = await runApp(`${scene(directory)}
      await untilInThread(store);
      void store.create(key, record).then(() => tell('stored'));`);
    expect(said).toEqual(['stored']);
    expect(await openStore({ directory }).read(key)).toEqual(record);
  });

  it('is sent the calls of one turn of the event loop together, and answers many of them a few at a time', async () => {
    const said = await runApp(`
      import { Worker } from 'node:worker_threads';
      ${scene(temporaryDirectory())}
      await untilInThread(store);
      const { postMessage } = Worker.prototype;
      let sent = 0, answers = 0;
      Worker.prototype.postMessage = function (...args) {
        if (sent++ === 0) this.on('message', () => answers++);
        return postMessage.apply(this, args);
      };
      await Promise.all(Array.from({ length: 320 }, (_, index) => store.read(index.toString(16).padStart(64, '0'))));
      tell(sent);
      tell(answers);`);
    expect(said[0]).toBe(1);
    expect(said[1]).toBeGreaterThanOrEqual(20);
    expect(said[1]).toBeLessThan(320);
  });

  it('hands on the context of each caller, and keeps none', async () => {
    const said = await runApp(
      `
      import { AsyncLocalStorage } from 'node:async_hooks';
      ${scene(temporaryDirectory())}
      const context = new AsyncLocalStorage();
      const first = new WeakRef({});
      await context.run(first.deref(), () => untilInThread(store));
      tell(await Promise.all(['a', 'b'].map((name) => context.run(name, async () => {
        await store.read(key);
        return context.getStore();
      }))));
      for (let turns = 0; turns < 100 && first.deref(); turns++) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        gc();
      }
      tell(first.deref() === undefined);`,
      { nodeArgs: ['--expose-gc'] },
    );
    expect(said).toEqual([['a', 'b'], true]);
  });
});

describe('an error in the thread', () => {
  it('is told as in the thread of the app: class, code, message and cause', async () => {
    const directory = temporaryDirectory();
    const store = openStore({ directory });
    await store.create(key, record);
    // Where it should be is seen in the thread; what it holds, in that of the app.
    rmSync(dataFileOf(directory, key));
    const said = await runApp(`
      import fs from 'node:fs';
      import { SessError } from ${JSON.stringify(import.meta.resolve('@sess/core'))};
      ${scene(directory)}
      const told = async (promise) => {
        const error = await promise.then(() => undefined, (thrown) => thrown);
        const { name, message, code, status, cause, stack } = error;
        tell({ isSess: error instanceof SessError, isType: error instanceof TypeError, name, message, code, status,
          cause: cause && [cause instanceof Error, cause.name, cause.code, Object.keys(cause)],
          isOfThread: stack.includes('disk-thread-entry') });
      };
      for (const isIn of [false, true]) {
        if (isIn) await untilInThread(store);
        await told(store.read(key));
        await told(store.create('f'.repeat(64), { ...record, fields: { a: 1 } }));
        fs.chmodSync(directory + '/owners', 0o700);
        fs.rmSync(directory + '/' + 'ab', { recursive: true, force: true });
        fs.writeFileSync(directory + '/ab', '');
        await told(store.create('ab'.repeat(32), { ...record }));
      }`);
    const [corrupt, mistake, unavailable, ...inThread] = said as { isOfThread: boolean }[];
    expect(corrupt).toMatchObject({ isSess: true, code: 'STORE_CORRUPT', status: 503, isOfThread: false });
    expect(mistake).toMatchObject({ isSess: false, isType: true });
    expect(unavailable).toMatchObject({
      isSess: true,
      code: 'STORE_UNAVAILABLE',
      cause: [true, 'Error', 'ENOTDIR', ['name', 'code']],
    });
    expect(inThread.map(({ isOfThread }) => isOfThread)).toContain(true);
    const rest = (told: { isOfThread: boolean }) => ({ ...told, isOfThread: undefined });
    expect(inThread.map(rest)).toEqual([corrupt, mistake, unavailable].map((told) => rest(told!)));
  });

  it('that keeps a call from being sent leaves the calls beside it alone', async () => {
    const said = await runApp(`${scene(temporaryDirectory())}
      await untilInThread(store);
      const bad = { ...record, owner: () => {} };
      tell(await Promise.all([
        codeOf(store.create('a'.repeat(64), record)),
        codeOf(store.create('b'.repeat(64), bad)),
        codeOf(store.create('c'.repeat(64), record)),
      ]));`);
    expect(said).toEqual([[{ value: true }, 'TypeError', { value: true }]]);
  });
});

describe('the thread of an app whose tests replace', () => {
  /** What is loaded before the store. */
  function before(code: string): string[] {
    const file = join(temporaryDirectory(), 'before.mjs');
    writeFileSync(file, code);
    return ['--import', pathToFileURL(file).href];
  }

  it('the time: it goes by theirs', async () => {
    const nodeArgs = before(`
      const now = Date.now;
      globalThis.ahead = 0;
      globalThis.Date = class extends Date { static now() { return now() + globalThis.ahead; } };`);
    const said = await runApp(
      `${scene(temporaryDirectory())}
      await untilInThread(store);
      await store.create(key, record);
      tell(await store.read(key));
      globalThis.ahead = 24 * 3_600_000;
      tell(await store.read(key));
      tell(await store.update(key, { touchedAt: record.touchedAt + 1, expiresAt: record.expiresAt }));`,
      { nodeArgs },
    );
    expect(said).toEqual([record, null, 'gone']);
  });

  it('the timers: it needs none of them', async () => {
    const nodeArgs = before(`
      globalThis.real = { setTimeout };
      for (const name of ['setTimeout', 'setInterval', 'setImmediate']) globalThis[name] = () => ({ unref() {}, ref() {} });`);
    const said = await runApp(
      `${scene(temporaryDirectory())}
      await store.create(key, record);
      for (let before = -1; before !== appSide.count; ) {
        await new Promise((resolve) => real.setTimeout(resolve, 20));
        before = appSide.count;
        await store.read(key);
      }
      appSide.isBroken = true;
      tell(await store.read(key));
      await store.close();
      tell('closed');`,
      { nodeArgs },
    );
    expect(said).toEqual([record, 'closed']);
  });
});

describe('many stores in one process', () => {
  it('leave no file open when they are closed while their threads start', async () => {
    const said = await runApp(`${scene(temporaryDirectory())}
      import { readdirSync } from 'node:fs';
      const open = () => readdirSync('/proc/self/fd').length;
      await store.read(key);
      await store.close();
      const before = open();
      for (let round = 0; round < 16; round++) {
        const other = openStore({ directory });
        await other.read(key);
        await new Promise((resolve) => setTimeout(resolve, 20 + 8 * round));
        await other.close();
      }
      tell(open() - before);`);
    expect(said[0]).toBeLessThan(8);
  });

  it('take their threads along when nobody has them any more', async () => {
    const said = await runApp(
      `${scene(temporaryDirectory())}
      import { readdirSync } from 'node:fs';
      const threads = () => readdirSync('/proc/self/task').length;
      await untilInThread(store);
      const before = threads();
      for (let round = 0; round < 5; round++) await untilInThread(openStore({ directory }));
      tell(threads() - before >= 5);
      for (let round = 0; round < 100 && threads() > before; round++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      tell(threads() - before);
      tell(await store.read(key));`,
      { nodeArgs: ['--expose-gc'] },
    );
    expect(said).toEqual([true, 0, null]);
  });
});

describe('a thread that dies', () => {
  it('leaves the calls that it had with an unknown outcome; later ones go on without it', async () => {
    const disk = fragileDisk();
    const directory = temporaryDirectory();
    const child = await startThreaded({ directory }, { SESS_FS_BUILT: disk.built });
    await child.call('create', key, record);
    disk.die();
    const calls = [
      child.call('update', key, changeAt(now, { set: { b: '2' } })),
      child.call('read', keyOf('other')),
      child.call('read', key),
    ];
    const ends = await Promise.allSettled(calls);
    expect(ends[0]).toMatchObject({ status: 'rejected', reason: unknown });
    const before = Number(await child.call('appSideCalls'));
    expect(await child.call('read', key)).toEqual(record);
    expect(await child.call('update', key, changeAt(now, { set: { b: '2' } }))).toBe('replaced');
    expect(await child.call('destroy', key)).toMatchObject({ fields: { a: '1', b: '2' } });
    expect(Number(await child.call('appSideCalls'))).toBeGreaterThan(before);
    await child.call('close');
    child.kill('SIGKILL');
  });
});

describe('a thread that cannot start', () => {
  const ways: Record<string, (entry: string) => void> = {
    'because a bundle left its file out': (entry) => rmSync(entry),
    'because its file is broken': (entry) => writeFileSync(entry, 'import {'),
    'because something that it needs is missing': (entry) => writeFileSync(entry, "import 'not-there';"),
    'because it ends at once': (entry) => writeFileSync(entry, 'process.exit(0)'),
    'because its file is of another version': (entry) =>
      writeFileSync(
        entry,
        "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => {}); parentPort.postMessage('sess-fs 1');",
      ),
    'because it never says that it is there': (entry) =>
      writeFileSync(entry, "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => {});"),
  };
  for (const [why, act] of Object.entries(ways)) {
    it(`${why} is done without`, async () => {
      const dist = builtCopy();
      act(join(dist, entryName));
      const options = { built: join(dist, 'index.js') };
      expect(await runApp(`${scene(fastDirectory())} ${withoutThread}`, options)).toEqual(['done']);
      expect(await runApp(`${scene(fastDirectory())} ${withoutThread} await store.close();`, options)).toEqual([
        'done',
      ]);
    });
  }

  it('because the process may have none is done without', async () => {
    const nodeArgs = ['--experimental-permission', '--allow-fs-read=*', '--allow-fs-write=*', '--no-warnings'];
    expect(await runApp(`${scene(fastDirectory())} ${withoutThread}`, { nodeArgs })).toEqual(['done']);
  });
});

describe('a burst of calls', () => {
  it.each([1500, 5000])('of %s waits for a disk that is well: none is refused', async (count) => {
    const child = await startThreaded({ directory: fastDirectory() });
    await child.call('create', key, record);
    // Again where this machine was busy with something else.
    await expect.poll(() => child.call('flood', count, key), { timeout: 20_000 }).toEqual({ answered: count });
    child.kill('SIGKILL');
  });
});

describe('a thread whose disk hangs', () => {
  it('answers in bounded time, takes no thread of the pool, and refuses what would pile up', async () => {
    const disk = fragileDisk();
    const directory = temporaryDirectory();
    // Whoever took the one thread of the pool would be noticed.
    const child = await startThreaded({ directory }, { SESS_FS_BUILT: disk.built, UV_THREADPOOL_SIZE: '1' });
    await openStore({ directory }).create(key, record);
    disk.hang();

    const flood = child.call('flood', 1500, key);
    for (let count = 0; count < 5; count++) {
      expect(await child.call('hash')).toBe('done');
      expect(await child.call('lookUp')).toBe(true);
    }
    expect(await flood).toEqual({ STORE_TIMEOUT: 1500 });
    // As soon as they count as late it is said at once.
    await expect.poll(() => child.call('flood', 10, key), { timeout: 20_000 }).toEqual({ STORE_BUSY: 10 });

    disk.release();
    await expect.poll(() => child.call('flood', 10, key), { timeout: 20_000 }).toEqual({ answered: 10 });
    child.kill('SIGKILL');
  });

  it('carries out nothing afterwards that was given up, begun or not', async () => {
    const disk = fragileDisk();
    const directory = temporaryDirectory();
    const observer = openStore({ directory });
    for (const name of ['changed', 'touched', 'destroyed']) await observer.create(keyOf(name), record);
    const child = await startThreaded({ directory }, { SESS_FS_BUILT: disk.built });
    for (const begun of ['create', 'update'] as const) {
      disk.hang();
      const first =
        begun === 'create'
          ? child.call('create', key, record)
          : child.call('update', keyOf('changed'), changeAt(now, { set: { a: '2' } }));
      const calls = [
        first,
        child.call('create', keyOf('new'), { ...record, owner: 'u2' }),
        child.call('update', keyOf('touched'), changeAt(now)),
        child.call('destroy', keyOf('destroyed')),
      ];
      for (const end of await Promise.allSettled(calls))
        expect(end).toMatchObject({ status: 'rejected', reason: { code: 'STORE_TIMEOUT' } });
      disk.release();
      // It comes behind all of them.
      expect(await child.call('read', keyOf('nobody'))).toBeUndefined();
      expect(await observer.read(key)).toBeUndefined();
      expect(await observer.read(keyOf('new'))).toBeUndefined();
      // Which is written first: it was not even begun.
      expect(await keysOf(observer, 'u2')).toEqual([]);
      for (const name of ['changed', 'touched', 'destroyed']) expect(await observer.read(keyOf(name))).toEqual(record);
      const left = readdirSync(directory, { recursive: true }).map(String);
      expect(left.filter((name) => name.includes('new_'))).toEqual([]);
    }
    child.kill('SIGKILL');
  });

  it('keeps neither what the pool does waiting nor close()', async () => {
    const disk = fragileDisk();
    const env = { SESS_FS_BUILT: disk.built, UV_THREADPOOL_SIZE: '1' };
    const child = await startThreaded({ directory: temporaryDirectory() }, env);
    disk.hang();
    const late = child.call('create', key, record);
    expect(await child.call('check')).toBeInstanceOf(Array);
    const closed = child.call('close');
    await expect(late).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
    await closed;
    child.kill('SIGKILL');
  });

  it('keeps a process alive that has nothing else to do until nothing is left of a write that was given up', async () => {
    const disk = fragileDisk();
    const directory = temporaryDirectory();
    const log = join(temporaryDirectory(), 'told');
    const program = `
      import { appendFileSync } from 'node:fs';
      ${scene(directory)}
      await untilInThread(store);
      appendFileSync(${JSON.stringify(log)}, 'ready ');
      store.create(key, { ...record, owner: undefined }).catch((error) => appendFileSync(${JSON.stringify(log)}, error.code));`;
    disk.hang();
    const ended = runApp(program, { built: disk.built });
    await expect.poll(() => readFileSync(log, { encoding: 'utf8', flag: 'a+' })).toBe('ready STORE_TIMEOUT');
    disk.release();
    await ended;
    expect(
      readdirSync(directory, { recursive: true })
        .map(String)
        .filter((name) => name.includes('new_')),
    ).toEqual([]);
  });

  it('does not keep a process alive that is told to end', async () => {
    const disk = fragileDisk();
    const child = await startThreaded({ directory: temporaryDirectory() }, { SESS_FS_BUILT: disk.built });
    disk.hang();
    const late = child.call('create', key, record);
    child.kill('SIGTERM');
    await expect(late).rejects.toBeInstanceOf(ProcessDied);
  });
});
