import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { BoundedStore } from '../bounded-store.ts';
import { keyOf } from '../cookie/token.ts';
import { SessError } from '../errors.ts';
import { onSessionEvent } from '../events.ts';
import type { RecordChange } from '../record-change.ts';
import { stringOf } from '../record-fields.ts';
import { memoryStore } from '../storage/memory-store.ts';
import { plantedRecord, recordOf, soon, writeElsewhere } from '../testing/other-process.ts';
import { type SessionStore, isEndMarker } from '../store.ts';
import { queueWrite } from './queue-write.ts';
import type { WriteOutcome } from './write-queue.ts';

const key = keyOf('session');
const times = { createdAt: 0, touchedAt: 0, expiresAt: 1000 };
const timeouts = { idleTimeoutMs: 1000, absoluteTimeoutMs: 1000, touchAfterMs: 40 };

interface Watched {
  store: BoundedStore;
  updates: number;
  /** Runs before each replace reaches the store: a barrier, a rival, a fault. */
  before: ((attempt: number) => unknown) | undefined;
  text(field: string): Promise<string | undefined>;
  /** What another process does. */
  elsewhere(fields: Record<string, string>): Promise<unknown>;
}

async function watched(fields: Record<string, string> = {}): Promise<Watched> {
  const inner = memoryStore({ clock: () => 0 });
  await inner.create(key, plantedRecord(fields, times), soon());
  const watch: Watched = {
    updates: 0,
    before: undefined,
    store: {
      create: (name, record) => inner.create(name, record, soon()),
      async read(name) {
        await turn();
        return inner.read(name, soon());
      },
      async replace(name, version, record) {
        watch.updates += 1;
        await watch.before?.(watch.updates);
        await turn();
        return inner.replace(name, version, record, soon());
      },
      destroy: (name, options = {}) => inner.destroy(name, options, soon()),
    },
    async text(field) {
      const text = (await recordOf(inner, key))?.fields[field];
      return text === undefined ? undefined : stringOf(text);
    },
    elsewhere: (set) => writeElsewhere(inner, key, { set }),
  };
  return watch;
}

/** What became of a write; of an update, with the field's text. */
type Told = { gone: true } | { gone: false; text: string | undefined };

async function write(store: BoundedStore, change: RecordChange, name = key, queue = queueWrite): Promise<Told> {
  const outcome: WriteOutcome = await queue(store, name, undefined, change, timeouts);
  if (outcome.gone) return outcome;
  const text = change.update && outcome.stored.record.fields[change.update.key];
  return { gone: false, text: text === undefined ? undefined : stringOf(text) };
}

const set = (fields: Record<string, string>): RecordChange => ({
  at: 1,
  fields: { set: fields, revise: {}, unset: [] },
});
const count = (field = 'n'): RecordChange => ({
  at: 1,
  update: { key: field, revise: (text) => String(Number(text ?? '0') + 1) },
});
const gate = (): { opened: Promise<void>; open: () => void } => {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
};

describe('the writers of one session', () => {
  it('count to 200 in parallel with a handful of store writes', async () => {
    const watch = await watched();
    await Promise.all(Array.from({ length: 200 }, () => write(watch.store, count())));
    expect(await watch.text('n')).toBe('200');
    expect(watch.updates).toBeLessThanOrEqual(3);
  });

  it('are told what the store holds afterwards', async () => {
    const { store } = await watched({ n: '4' });
    const outcomes = await Promise.all([write(store, count()), write(store, count())]);
    expect(outcomes).toEqual([
      { gone: false, text: '5' },
      { gone: false, text: '6' },
    ]);
    expect(await write(store, set({ x: '1' }))).toEqual({ gone: false, text: undefined });
  });

  it('write each in its own session without waiting for another', async () => {
    const { store } = await watched();
    const other = keyOf('other');
    await store.create(other, plantedRecord({}, times));
    const never = gate();
    const stuck: BoundedStore = {
      ...store,
      async replace(name, version, record) {
        if (name === key) await never.opened;
        return store.replace(name, version, record);
      },
    };
    const first = write(stuck, count());
    expect(await write(stuck, count(), other)).toEqual({ gone: false, text: '1' });
    never.open();
    expect(await first).toEqual({ gone: false, text: '1' });
  });

  it('lose no count to other processes that write in between', async () => {
    const watch = await watched();
    watch.before = async (attempt) => {
      if (attempt <= 5) await watch.elsewhere({ n: String(Number((await watch.text('n')) ?? '0') + 100) });
    };
    await Promise.all(Array.from({ length: 20 }, () => write(watch.store, count())));
    expect(await watch.text('n')).toBe('520');
  });

  it('do what they would do one behind the other, whenever each comes', async () => {
    const step = fc.tuple(fc.constantFrom('set', 'count', 'rival', 'turn'), fc.constantFrom('a', 'b'));
    const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const watch = await watched();
      const outcomes: Promise<Told>[] = [];
      let counts = 0;
      let rivals = 0;
      for (const [verb, field] of steps) {
        if (verb === 'turn') await turn();
        if (verb === 'set') outcomes.push(write(watch.store, set({ [field]: `"${outcomes.length}"` })));
        if (verb === 'count') outcomes.push(write(watch.store, count('n')));
        if (verb === 'count') counts += 1;
        if (verb === 'rival') await watch.elsewhere({ n: String(Number((await watch.text('n')) ?? '0') + 1000) });
        if (verb === 'rival') rivals += 1;
      }
      await Promise.all(outcomes);
      expect(await watch.text('n')).toBe(counts + rivals === 0 ? undefined : String(counts + 1000 * rivals));
      for (const field of ['a', 'b']) {
        const writes = steps.filter(([verb]) => verb === 'set' || verb === 'count');
        const last = writes.findLastIndex(([verb, name]) => verb === 'set' && name === field);
        expect(await watch.text(field)).toBe(last === -1 ? undefined : `"${last}"`);
      }
    });
    await expect(fc.check(property, { numRuns: 150 })).resolves.toMatchObject({ failed: false, counterexample: null });
  });
});

describe('a process that has lost and then won', () => {
  it('lets the others go first for longer than it had lost', async () => {
    const watch = await watched({ n: '0' });
    watch.before = async (attempt) => {
      if (attempt !== 1) return;
      await watch.elsewhere({ n: '100' });
      await pause(20);
    };
    await write(watch.store, count());
    const wonAt = performance.now();
    let wroteAt = 0;
    watch.before = () => (wroteAt = performance.now());
    await write(watch.store, count());
    expect(await watch.text('n')).toBe('102');
    expect(wroteAt - wonAt).toBeGreaterThan(50);
  });
});

describe('a write that fails', () => {
  it('fails alone when its own function throws; the others of the batch are stored', async () => {
    const { store, text } = await watched({ n: '1' });
    const broken: RecordChange = {
      at: 1,
      update: {
        key: 'n',
        revise() {
          throw new TypeError('a bug in the app');
        },
      },
    };
    const outcomes = await Promise.allSettled([write(store, count()), write(store, broken), write(store, count())]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await text('n')).toBe('3');
  });

  it('because its function refuses was given what the store holds, not what the request read long ago', async () => {
    const watch = await watched({ stock: '0' });
    await watch.elsewhere({ stock: '5' });
    const buy: RecordChange = {
      at: 1,
      update: {
        key: 'stock',
        revise(text) {
          if (Number(text) < 1) throw new Error('sold out');
          return String(Number(text) - 1);
        },
      },
    };
    expect(await write(watch.store, buy)).toEqual({ gone: false, text: '4' });
    await watch.elsewhere({ stock: '1' });
    const two = await Promise.allSettled([write(watch.store, buy), write(watch.store, buy)]);
    expect(two.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(await watch.text('stock')).toBe('0');
    await expect(write(watch.store, buy)).rejects.toThrow('sold out');
  });

  it('fails with all that went along, also with those that came while it lost a round', async () => {
    const watch = await watched({ n: '1' });
    const lost = gate();
    const joined = gate();
    watch.before = async (attempt) => {
      if (attempt === 1) {
        await watch.elsewhere({ n: '50' });
      } else if (attempt === 2) {
        await watch.elsewhere({ n: '60' });
        lost.open();
        await joined.opened;
      } else {
        throw new SessError('STORE_UNAVAILABLE', 'The store is down.');
      }
    };
    const first = write(watch.store, count());
    await lost.opened;
    const second = write(watch.store, set({ x: '1' }));
    joined.open();
    const outcomes = await Promise.allSettled([first, second]);
    expect(outcomes).toMatchObject([
      { reason: { code: 'STORE_UNAVAILABLE' } },
      { reason: { code: 'STORE_UNAVAILABLE' } },
    ]);
  });

  it('does not fail those that come after it', async () => {
    const watch = await watched();
    watch.before = (attempt) => {
      if (attempt === 1) throw new SessError('STORE_TIMEOUT', 'The store is slow.');
    };
    const first = write(watch.store, count());
    const second = write(watch.store, count());
    await expect(first).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
    expect(await second).toEqual({ gone: false, text: '1' });
  });

  it('finds the session gone, and so do all that went along', async () => {
    const watch = await watched({ n: '1' });
    watch.before = async (attempt) => {
      if (attempt === 1) await watch.store.destroy(key);
    };
    const outcomes = await Promise.all([
      write(watch.store, count()),
      write(watch.store, set({ x: '1' })),
      write(watch.store, count()),
    ]);
    expect(outcomes).toEqual([{ gone: true }, { gone: true }, { gone: true }]);
    expect(await watch.text('n')).toBe(undefined);
  });

  it('tells of each round that it lost, by the keys that were to be written', async () => {
    const watch = await watched({ n: '0', other: '0' });
    watch.before = async (attempt) => attempt <= 2 && watch.elsewhere({ n: String(attempt * 10) });
    const heard: unknown[] = [];
    const stop = onSessionEvent('conflict', (event) => heard.push(event));
    await Promise.all([
      write(watch.store, count()),
      write(watch.store, set({ other: '1' })),
      write(watch.store, count()),
    ]);
    stop();
    expect(await watch.text('n')).toBe('22');
    expect(heard).toEqual([
      { handle: key, keys: ['n'] },
      { handle: key, keys: ['n', 'other'] },
    ]);
  });

  it('loses again and again only for so long, and says that nothing was stored', async () => {
    const watch = await watched({ n: '0' });
    watch.before = async () => watch.elsewhere({ n: String(Math.random()) });
    await expect(write(watch.store, count())).rejects.toMatchObject({
      code: 'SESSION_CONFLICT',
      status: 503,
      message: expect.stringContaining('Nothing was stored'),
    });
  });
});

describe('the queues', () => {
  it('a process that has lost slowly lets others go first for half a second at most', async () => {
    const watch = await watched();
    watch.before = async (attempt) => {
      if (attempt > 1) return;
      await pause(700);
      await watch.elsewhere({ x: '1' });
    };
    await write(watch.store, count());
    const from = performance.now();
    await write(watch.store, count());
    expect(performance.now() - from).toBeLessThan(650);
    expect(await watch.text('n')).toBe('2');
  });

  it('leave nothing behind when their work is done', async () => {
    const { store } = await watched();
    const both = Promise.all([write(store, count()), write(store, set({ x: '1' }))]);
    const queues: unknown = Reflect.get(globalThis, Symbol.for('@sess/core write queues v6'));
    const running = (): unknown => (queues instanceof WeakMap ? Object.keys(Object(queues.get(store))) : 'no queues');
    expect(running()).toEqual([key]);
    await both;
    await turn();
    expect(running()).toEqual([]);
    await write(store, set({ x: '2' }));
    await turn();
    expect(running()).toEqual([]);
  });

  it('are of one store each, also where stores hold sessions of the same key', async () => {
    const watches = [await watched(), await watched(), await watched()];
    const counts = watches.map(({ store }) => Array.from({ length: 10 }, () => write(store, count())));
    await Promise.all(counts.flat());
    expect(await Promise.all(watches.map(({ text }) => text('n')))).toEqual(['10', '10', '10']);
    for (const { updates } of watches) expect(updates).toBeLessThanOrEqual(3);
  });

  it('are shared with a second copy of this module, as bundlers make them', async () => {
    const address = './queue-write.ts?copy';
    const copy: typeof import('./queue-write.ts') = await import(address);
    expect(copy.queueWrite).not.toBe(queueWrite);
    const watch = await watched();
    const both = [queueWrite, copy.queueWrite];
    await Promise.all(Array.from({ length: 50 }, (_, index) => write(watch.store, count(), key, both[index % 2])));
    expect(await watch.text('n')).toBe('50');
    expect(watch.updates).toBeLessThanOrEqual(3);
  });
});

describe('a write of which the store cannot say whether it was carried out', () => {
  /** Answers the first write with what stands after so many others, as a store that has sent it twice. */
  async function doubting(
    isCarriedOut: boolean,
    rivals: number,
  ): Promise<{ inner: SessionStore; store: BoundedStore }> {
    const inner = memoryStore({ clock: () => 0 });
    await inner.create(key, plantedRecord({ n: '1' }, { ...times, writeIds: ['first'] }), soon());
    let isFirst = true;
    const store: BoundedStore = {
      create: (name, record) => inner.create(name, record, soon()),
      read: (name) => inner.read(name, soon()),
      async replace(name, version, record) {
        if (!isFirst) return inner.replace(name, version, record, soon());
        isFirst = false;
        if (isCarriedOut) await inner.replace(name, version, record, soon());
        for (let n = 0; n < rivals; n++) await writeElsewhere(inner, key, { set: { other: String(n) } });
        const stored = await inner.read(name, soon());
        if (stored === undefined || isEndMarker(stored)) throw new Error('nobody has ended it');
        return { verdict: 'conflict', stored, isDoubtful: true };
      },
      destroy: (name, options = {}) => inner.destroy(name, options, soon()),
    };
    return { inner, store };
  }

  it.each([0, 1, 11])('and that was, is not repeated when %i others have written since', async (rivals) => {
    const { inner, store } = await doubting(true, rivals);
    expect(await write(store, count())).toEqual({ gone: false, text: '2' });
    expect((await recordOf(inner, key))?.fields['n']).toBe('2');
  });

  it.each([1, 11])('and that was not, is tried again when %i others have written since', async (rivals) => {
    const { inner, store } = await doubting(false, rivals);
    expect(await write(store, count())).toEqual({ gone: false, text: '2' });
    expect((await recordOf(inner, key))?.fields['n']).toBe('2');
  });

  it.each([true, false])(
    'is neither repeated nor called stored after 12 others (carried out: %s)',
    async (isCarriedOut) => {
      const { inner, store } = await doubting(isCarriedOut, 12);
      await expect(write(store, count())).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect((await recordOf(inner, key))?.fields['n']).toBe(isCarriedOut ? '2' : '1');
    },
  );

  it.each([true, false])('and only touches, has no name and no doubt (carried out: %s)', async (isCarriedOut) => {
    const { inner, store } = await doubting(isCarriedOut, isCarriedOut ? 0 : 1);
    expect(await write(store, { at: 50 })).toEqual({ gone: false, text: undefined });
    const record = await recordOf(inner, key);
    expect(record?.touchedAt).toBe(50);
    expect(record?.writeIds.filter((id) => !id.startsWith('else-'))).toEqual(['first']);
  });
});
