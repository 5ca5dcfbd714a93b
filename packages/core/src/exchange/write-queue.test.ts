import { setImmediate as turn } from 'node:timers/promises';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { SessError } from '../errors.ts';
import { onSessionEvent } from '../events.ts';
import { memoryStore } from '../storage/memory-store.ts';
import type { SessionChange, SessionStore, UpdateVerdict } from '../store.ts';
import { keyOf } from '../cookie/token.ts';
import { WorkByKey } from '../work-by-key.ts';
import { type WriteOutcome, queueWrite } from './write-queue.ts';
import type { Write } from './write.ts';

const key = keyOf('session');
const times = { touchedAt: 1, expiresAt: 1000 };

interface Watched {
  store: SessionStore;
  updates: SessionChange[];
  reads: number;
  /** Runs before each update reaches the store: a barrier, a rival, a fault. */
  before: ((attempt: number) => unknown) | undefined;
  text(field: string): Promise<string | undefined>;
  /** What another process does. */
  elsewhere(fields: Record<string, string>): Promise<UpdateVerdict>;
}

async function watched(fields: Record<string, string> = {}): Promise<Watched> {
  const inner = memoryStore({ clock: () => 0 });
  await inner.create(key, { fields, createdAt: 0, touchedAt: 0, expiresAt: 1000 });
  const watch: Watched = {
    updates: [],
    reads: 0,
    before: undefined,
    store: {
      create: inner.create,
      async read(name) {
        watch.reads += 1;
        await turn();
        return inner.read(name);
      },
      async update(name, change) {
        watch.updates.push(change);
        await watch.before?.(watch.updates.length);
        await turn();
        return inner.update(name, change);
      },
      destroy: inner.destroy,
    },
    async text(field) {
      const record = await inner.read(key);
      return typeof record === 'object' ? record.fields[field] : undefined;
    },
    elsewhere: (set) => inner.update(key, { ...times, set }),
  };
  return watch;
}

const set = (fields: Record<string, string>): Write => ({ times, fields: { set: fields, revise: {}, unset: [] } });
const count = (field = 'n', known?: string): Write => ({
  times,
  update: { key: field, known, revise: (text) => String(Number(text ?? '0') + 1) },
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
    const { store, updates, text } = await watched();
    await Promise.all(Array.from({ length: 200 }, () => queueWrite(store, key, count())));
    expect(await text('n')).toBe('200');
    expect(updates.length).toBeLessThanOrEqual(3);
  });

  it('are told what the store holds afterwards', async () => {
    const { store } = await watched({ n: '4' });
    const outcomes = await Promise.all([
      queueWrite(store, key, count('n', '4')),
      queueWrite(store, key, count('n', '4')),
    ]);
    expect(outcomes).toEqual([
      { gone: false, text: '5' },
      { gone: false, text: '6' },
    ]);
    expect(await queueWrite(store, key, set({ x: '1' }))).toEqual({ gone: false, text: undefined });
  });

  it('write each in its own session without waiting for another', async () => {
    const { store } = await watched();
    const other = keyOf('other');
    await store.create(other, { fields: {}, createdAt: 0, touchedAt: 0, expiresAt: 1000 });
    const never = gate();
    const stuck: SessionStore = {
      ...store,
      async update(name, change) {
        if (name === key) await never.opened;
        return store.update(name, change);
      },
    };
    const first = queueWrite(stuck, key, count());
    expect(await queueWrite(stuck, other, count())).toEqual({ gone: false, text: '1' });
    never.open();
    expect(await first).toEqual({ gone: false, text: '1' });
  });

  it('lose no count to other processes that write in between', async () => {
    const watch = await watched();
    watch.before = async (attempt) => {
      if (attempt <= 5) await watch.elsewhere({ n: String(Number((await watch.text('n')) ?? '0') + 100) });
    };
    await Promise.all(Array.from({ length: 20 }, () => queueWrite(watch.store, key, count())));
    expect(await watch.text('n')).toBe('520');
  });

  it('do what they would do one behind the other, whenever each comes', async () => {
    const step = fc.tuple(fc.constantFrom('set', 'count', 'rival', 'turn'), fc.constantFrom('a', 'b'));
    const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const watch = await watched();
      const outcomes: Promise<WriteOutcome>[] = [];
      let counts = 0;
      let rivals = 0;
      for (const [verb, field] of steps) {
        if (verb === 'turn') await turn();
        if (verb === 'set') outcomes.push(queueWrite(watch.store, key, set({ [field]: `"${outcomes.length}"` })));
        if (verb === 'count') outcomes.push(queueWrite(watch.store, key, count('n')));
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

describe('a write that fails', () => {
  it('fails alone when its own function throws; the others of the batch are stored', async () => {
    const { store, text } = await watched({ n: '1' });
    const broken: Write = {
      times,
      update: {
        key: 'n',
        known: '1',
        revise() {
          throw new TypeError('a bug in the app');
        },
      },
    };
    const outcomes = await Promise.allSettled([
      queueWrite(store, key, count()),
      queueWrite(store, key, broken),
      queueWrite(store, key, count()),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await text('n')).toBe('3');
  });

  it('because its function refuses was given what the store holds, not what the request read long ago', async () => {
    const watch = await watched({ stock: '0' });
    await watch.elsewhere({ stock: '5' });
    const buy: Write = {
      times,
      update: {
        key: 'stock',
        known: '0',
        revise(text) {
          if (Number(text) < 1) throw new Error('sold out');
          return String(Number(text) - 1);
        },
      },
    };
    expect(await queueWrite(watch.store, key, buy)).toEqual({ gone: false, text: '4' });
    await watch.elsewhere({ stock: '1' });
    const two = await Promise.allSettled([queueWrite(watch.store, key, buy), queueWrite(watch.store, key, buy)]);
    expect(two.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(await watch.text('stock')).toBe('0');
    await expect(queueWrite(watch.store, key, buy)).rejects.toThrow('sold out');
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
    const first = queueWrite(watch.store, key, count('n', '1'));
    await lost.opened;
    const second = queueWrite(watch.store, key, set({ x: '1' }));
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
    const first = queueWrite(watch.store, key, count());
    const second = queueWrite(watch.store, key, count());
    await expect(first).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
    expect(await second).toEqual({ gone: false, text: '1' });
  });

  it('finds the session gone, and so do all that went along', async () => {
    const watch = await watched({ n: '1' });
    watch.before = async (attempt) => {
      if (attempt === 1) await watch.store.destroy(key);
    };
    const outcomes = await Promise.all([
      queueWrite(watch.store, key, count()),
      queueWrite(watch.store, key, set({ x: '1' })),
      queueWrite(watch.store, key, count()),
    ]);
    expect(outcomes).toEqual([{ gone: true }, { gone: true }, { gone: true }]);
    expect(await watch.text('n')).toBe(undefined);
  });

  it('tells of each round that it lost, by the keys that were compared', async () => {
    const watch = await watched({ n: '0', other: '0' });
    watch.before = async (attempt) => attempt <= 2 && watch.elsewhere({ n: String(attempt * 10) });
    const heard: unknown[] = [];
    const stop = onSessionEvent('conflict', (event) => heard.push(event));
    await Promise.all([
      queueWrite(watch.store, key, count('n', '0')),
      queueWrite(watch.store, key, set({ other: '1' })),
      queueWrite(watch.store, key, count('n', '0')),
    ]);
    stop();
    expect(await watch.text('n')).toBe('22');
    expect(heard).toEqual([
      { handle: key, keys: ['n'] },
      { handle: key, keys: ['n'] },
    ]);
  });

  it('loses again and again only for so long, and says that nothing was stored', async () => {
    const watch = await watched({ n: '0' });
    watch.before = async () => watch.elsewhere({ n: String(Math.random()) });
    await expect(queueWrite(watch.store, key, count())).rejects.toMatchObject({
      code: 'SESSION_CONFLICT',
      status: 503,
      message: expect.stringContaining('Nothing was stored'),
    });
  });
});

describe('the queues', () => {
  it('leave nothing behind when their work is done', async () => {
    const { store } = await watched();
    const both = Promise.all([queueWrite(store, key, count()), queueWrite(store, key, set({ x: '1' }))]);
    const queues: unknown = Reflect.get(globalThis, Symbol.for('@sess/core write queues v4'));
    const running = (): unknown => (queues instanceof WorkByKey ? queues.get(key) : 'no queues');
    expect(running()).toMatchObject({ key, store });
    await both;
    await turn();
    expect(running()).toBeUndefined();
    await queueWrite(store, key, set({ x: '2' }));
    expect(running()).toBeUndefined();
  });

  it('are of one store each, also where stores hold sessions of the same key', async () => {
    const watches = [await watched(), await watched(), await watched()];
    const counts = watches.map(({ store }) => Array.from({ length: 10 }, () => queueWrite(store, key, count())));
    await Promise.all(counts.flat());
    expect(await Promise.all(watches.map(({ text }) => text('n')))).toEqual(['10', '10', '10']);
    for (const { updates } of watches) expect(updates.length).toBeLessThanOrEqual(3);
  });

  it('are shared with a second copy of this module, as bundlers make them', async () => {
    const address = './write-queue.ts?copy';
    const copy: typeof import('./write-queue.ts') = await import(address);
    expect(copy.queueWrite).not.toBe(queueWrite);
    const { store, updates, text } = await watched();
    await Promise.all(
      Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? queueWrite : copy.queueWrite)(store, key, count())),
    );
    expect(await text('n')).toBe('50');
    expect(updates.length).toBeLessThanOrEqual(3);
  });
});
