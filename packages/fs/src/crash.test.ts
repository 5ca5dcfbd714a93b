import { afterAll, describe, expect, it } from 'vitest';
import type { PlainRecord } from './testing/app-store.mjs';
import {
  changeAt,
  dataFileOf,
  keyOf,
  minuteMs,
  openStore,
  recordAt,
  removeTemporaryDirectories,
  temporaryDirectory,
} from './testing/directories.ts';
import { ProcessDied, type StoreProcess, startThreaded, trace, untraceable } from './testing/store-process.ts';

afterAll(removeTemporaryDirectories);

// strace kills a process at the entry of one system call: the n-th of its kind in the one thread that does the work,
// which is the store's own for the verbs, and that of the pool for a sweep.
const kinds = [
  '?mkdir',
  '?mkdirat',
  'openat',
  'pwrite64',
  '?rename',
  '?renameat',
  '?renameat2',
  '?unlink',
  '?unlinkat',
  '?rmdir',
];
const calls = kinds.join(',');

const hourMs = 60 * minuteMs;
const key = keyOf('the session');
const now = Date.now();
const old = recordAt(now, { owner: 'u1' });
const touched = { ...old, ...changeAt(now) };
const expired = recordAt(now - 24 * hourMs);
const updated = { ...touched, fields: { a: '1', b: '2' } };

interface Operation {
  /** What is stored before. */
  before?: PlainRecord;
  act(process: StoreProcess): Promise<unknown>;
  /** All that may be read after it was killed: as it was before, or as it is after. */
  outcomes: unknown[];
}

const operations: Record<string, Operation> = {
  create: { act: (p) => p.call('create', key, old), outcomes: [undefined, old] },
  update: {
    before: old,
    act: (p) => p.call('update', key, changeAt(now, { set: { b: '2' } })),
    outcomes: [old, updated],
  },
  touch: { before: old, act: (p) => p.call('update', key, changeAt(now)), outcomes: [old, touched] },
  destroy: { before: old, act: (p) => p.call('destroy', key), outcomes: [old, undefined] },
  'destroy with an end marker': {
    before: old,
    act: (p) => p.call('destroy', key, { endMarkerMs: minuteMs }),
    outcomes: [old, 'ended'],
  },
  'a succession': {
    before: old,
    act: (p) => p.call('succeed', key, { successor: { key: keyOf('next'), by: 'rotated' }, endMarkerMs: minuteMs }),
    outcomes: [old, 'ended'],
  },
  'a sweep': { before: expired, act: (p) => p.call('sweep'), outcomes: [undefined] },
};

async function prepared(operation: Operation) {
  const directory = temporaryDirectory();
  const clock = { now };
  const observer = openStore({ directory, clock: () => clock.now });
  if (operation.before) await observer.create(key, operation.before);
  const victim = await startThreaded({ directory }, { UV_THREADPOOL_SIZE: '1' });
  // Starts the thread of the pool too, which sweeps, so that the tracer finds it.
  await victim.call('hash');
  return { directory, observer, victim, clock };
}

/** The system calls of an operation, by kind and number. */
async function systemCalls(operation: Operation): Promise<{ kind: string; number: number }[]> {
  const { victim } = await prepared(operation);
  const tracer = await trace(victim.pid, '-e', `trace=${calls}`);
  await operation.act(victim);
  await tracer.detach();
  victim.kill('SIGKILL');
  const numbers = new Map<string, number>();
  return tracer.lines().flatMap((line) => {
    const kind = /^\[pid +\d+\] (\w+)\(/.exec(line)?.[1];
    if (kind === undefined) return [];
    const number = (numbers.get(kind) ?? 0) + 1;
    numbers.set(kind, number);
    return [{ kind, number }];
  });
}

/** Has the process killed at one system call of the operation, and waits for that. */
async function kill(victim: StoreProcess, act: Operation['act'], kind: string, number: number): Promise<void> {
  await trace(victim.pid, '-e', `trace=${kind}`, '-e', `inject=${kind}:signal=SIGKILL:when=${number}`);
  await expect(act(victim)).rejects.toBeInstanceOf(ProcessDied);
}

async function assertHarmless(operation: Operation, kind: string, number: number): Promise<void> {
  const { observer, victim, clock } = await prepared(operation);
  await kill(victim, operation.act, kind, number);
  const left = await observer.read(key);
  expect(operation.outcomes).toContainEqual(left);
  // Nothing that was left is in anybody's way.
  const isThere = left !== undefined && left !== 'ended';
  expect(await observer.update(key, changeAt(now, { set: { b: '2' } }))).toBe(isThere ? 'replaced' : 'gone');
  clock.now += 24 * hourMs;
  await observer.sweep();
  expect(await observer.create(key, recordAt(clock.now))).toBe(true);
  expect(await observer.destroy(key)).toEqual(recordAt(clock.now));
}

const reason = untraceable();

describe.skipIf(reason !== undefined)(
  `a process killed at any system call${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    for (const [name, operation] of Object.entries(operations)) {
      it(`of ${name} leaves the session as it was before or as it is after`, async () => {
        const points = await systemCalls(operation);
        expect(points.some(({ kind }) => kind.startsWith('rename'))).toBe(true);
        for (const { kind, number } of points) await assertHarmless(operation, kind, number);
        console.log(`${name}: was killed at ${points.map(({ kind, number }) => `${kind} ${number}`).join(', ')}`);
      });
    }

    it('control: a file that is written in place is torn, which is told', async () => {
      const operation: Operation = { before: old, act: (p) => p.call('overwrite', file), outcomes: [] };
      const { observer, victim, directory } = await prepared(operation);
      const file = dataFileOf(directory, key);
      await kill(victim, operation.act, 'pwrite64', 2);
      await expect(observer.read(key)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    });
  },
);
