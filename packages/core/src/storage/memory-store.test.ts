import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type MemoryStore, memoryStore, sharedMemoryStore } from './memory-store.ts';
import type { SessionRecord } from '../store.ts';
import { soon } from '../testing/other-process.ts';

// That it keeps the store contract is tested by @sess/store-tests, which depends on this package.

const keyOf = (name: string | number) => createHash('sha256').update(String(name)).digest('hex');

function recordFrom(now: number, parts: Partial<SessionRecord> = {}): SessionRecord {
  return { fields: {}, createdAt: now, touchedAt: now, expiresAt: now + 1000, writeIds: [], ...parts };
}

async function keysOf(store: MemoryStore, owner: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of store.keysByOwner(owner)) keys.push(...page.keys);
  return keys;
}

describe('the memory store', () => {
  it('does not let expired sessions pile up while others are written', async () => {
    let now = 0;
    const store = memoryStore({ clock: () => now });
    for (let number = 0; number < 10_000; number++) {
      await store.create(keyOf(number), recordFrom(now, { owner: `u${number}` }), soon());
      now += 10;
    }
    // 100 are alive at a time.
    const { removed, kept } = await store.sweep();
    expect(kept).toBeLessThanOrEqual(100);
    expect(removed).toBeLessThan(100);
  });

  it('does not let expired end markers pile up either', async () => {
    let now = 0;
    const store = memoryStore({ clock: () => now });
    for (let number = 0; number < 1000; number++) {
      await store.create(keyOf(number), recordFrom(now), soon());
      await store.destroy(keyOf(number), { endMarkerMs: 100 }, soon());
      now += 10;
    }
    expect((await store.sweep()).removed).toBeLessThan(50);
  });

  it('forgets the owner together with the last session', async () => {
    let now = 0;
    const store = memoryStore({ clock: () => now });
    await store.create(keyOf('expires'), recordFrom(now, { owner: 'u1' }), soon());
    await store.create(keyOf('destroyed'), recordFrom(now, { owner: 'u1' }), soon());
    await store.destroy(keyOf('destroyed'), {}, soon());
    expect(await keysOf(store, 'u1')).toEqual([keyOf('expires')]);
    now += 1000;
    await store.sweep();
    expect(await keysOf(store, 'u1')).toEqual([]);
  });

  it('goes by the wall clock when it is given none', async () => {
    const store = memoryStore();
    await store.create(keyOf('live'), recordFrom(Date.now(), { expiresAt: Date.now() + 60_000 }), soon());
    await store.create(keyOf('past'), recordFrom(Date.now() - 60_000), soon());
    expect(await store.read(keyOf('live'), soon())).toBeDefined();
    expect(await store.read(keyOf('past'), soon())).toBeUndefined();
  });

  it('warns that each process has sessions of its own', async () => {
    const store = memoryStore();
    expect(store.describe()).toMatchObject({ name: 'memory', sharedBy: 'process' });
    expect(await store.check()).toMatchObject([{ code: 'MEMORY_PER_PROCESS', severity: 'warning' }]);
  });

  it('keeps its sessions when it is closed: it may be shared', async () => {
    const store = memoryStore();
    await store.create(keyOf(1), recordFrom(Date.now()), soon());
    await store.close();
    expect(await store.read(keyOf(1), soon())).toBeDefined();
  });

  it('is a store of its own each time', async () => {
    const key = keyOf('own');
    await memoryStore().create(key, recordFrom(Date.now()), soon());
    expect(await memoryStore().read(key, soon())).toBeUndefined();
  });
});

describe('the shared memory store', () => {
  it('is the same one for every caller', () => {
    expect(sharedMemoryStore()).toBe(sharedMemoryStore());
  });

  it('is the same one for a second copy of this module, as bundlers make them', async () => {
    const address = './memory-store.ts?copy';
    const copy: typeof import('./memory-store.ts') = await import(address);
    expect(copy.memoryStore).not.toBe(memoryStore);
    expect(copy.sharedMemoryStore()).toBe(sharedMemoryStore());
  });
});
