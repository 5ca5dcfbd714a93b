import { type MemoryStore, type SessionStore, memoryStore } from '@sess/core';

/** A memory store that can be taken down or be made slow, and that counts what it is asked. */
export interface TestStore extends MemoryStore {
  readonly calls: string[];
  readonly size: () => Promise<number>;
  /** Verbs that fail from now on. */
  readonly down: Set<keyof SessionStore>;
  /** From now on every verb waits, until what this returns is called. */
  readonly hold: () => () => void;
}

export function testStore(): TestStore {
  const inside = memoryStore();
  let gate: Promise<void> | undefined;
  const verb =
    <Name extends keyof SessionStore>(name: Name) =>
    async (...args: Parameters<SessionStore[Name]>): Promise<Awaited<ReturnType<SessionStore[Name]>>> => {
      store.calls.push(name);
      await gate;
      if (store.down.has(name)) throw new Error('connect ECONNREFUSED');
      return Reflect.apply(inside[name], inside, args);
    };
  const store: TestStore = {
    ...inside,
    calls: [],
    down: new Set(),
    hold() {
      let release = (): void => {};
      gate = new Promise((resolve) => (release = resolve));
      return release;
    },
    async size() {
      let count = 0;
      for await (const _ of inside.walk()) count += 1;
      return count;
    },
    create: verb('create'),
    read: verb('read'),
    replace: verb('replace'),
    destroy: verb('destroy'),
  };
  return store;
}

export function takeDown(store: TestStore): void {
  for (const name of ['create', 'read', 'replace', 'destroy'] as const) store.down.add(name);
}
