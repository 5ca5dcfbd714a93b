import { type MemoryStore, memoryStore } from '../storage/memory-store.ts';
import { type DestroyOptions, type SessionKey, type SessionRecord, type Succession, isSuccession } from '../store.ts';

/** One call of a store's verb, as core made it. */
export interface StoreCall {
  verb: 'create' | 'read' | 'replace' | 'destroy';
  key: SessionKey;
  record?: SessionRecord;
  next?: Succession;
  options?: DestroyOptions | undefined;
}

export type StoreHook = (call: StoreCall) => Promise<void> | void;

/** A store that remembers what it was asked, and can be slow or fail, before its work or after it. */
export type ProbeStore = MemoryStore & {
  calls: StoreCall[];
  /** Waited for before the work: what it throws, the store throws, and nothing was done. */
  before: StoreHook | undefined;
  /** Waited for after the work: what it throws hides that the work was done. */
  after: StoreHook | undefined;
  /** The verbs since it was last asked. */
  took(): string[];
};

export function probeStore(inner: MemoryStore = memoryStore()): ProbeStore {
  async function pass<T>(call: StoreCall, work: () => Promise<T>): Promise<T> {
    store.calls.push(call);
    await store.before?.(call);
    const result = await work();
    await store.after?.(call);
    return result;
  }
  const store: ProbeStore = {
    ...inner,
    calls: [],
    before: undefined,
    after: undefined,
    took: () => store.calls.splice(0).map(({ verb }) => verb),
    create: (key, record, by) => pass({ verb: 'create', key, record }, () => inner.create(key, record, by)),
    read: (key, by) => pass({ verb: 'read', key }, () => inner.read(key, by)),
    replace: (key, version, next, by) =>
      pass({ verb: 'replace', key, ...(isSuccession(next) ? { next } : { record: next }) }, () =>
        inner.replace(key, version, next, by),
      ),
    destroy: (key, options, by) => pass({ verb: 'destroy', key, options }, () => inner.destroy(key, options, by)),
  };
  return store;
}

/** Holds whoever passes until it is opened. */
export class Gate {
  #open: () => void = () => {};
  #arrive: () => void = () => {};
  readonly opened: Promise<void> = new Promise((resolve) => (this.#open = resolve));
  /** Somebody waits at the gate. */
  readonly reached: Promise<void> = new Promise((resolve) => (this.#arrive = resolve));

  pass(): Promise<void> {
    this.#arrive();
    return this.opened;
  }

  open(): void {
    this.#open();
  }
}
