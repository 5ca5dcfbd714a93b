import {
  type DestroyOptions,
  type IndexesOwners,
  type OwnerPage,
  SessError,
  type SessionChange,
  type SessionKey,
  type SessionRecord,
  type SessionStore,
  type Sweeps,
  type UpdateVerdict,
  type WalksKeys,
} from '@sess/core';
import type { OpenStorage, Plant } from '../options.ts';

export interface Damaged {
  code: 'STORE_CORRUPT' | 'STORE_TOO_NEW';
}
export interface Ended {
  endsAt: number;
}
export type Entry = SessionRecord | Ended | Damaged;

/** What the workers share. */
export class Storage {
  readonly entries: Map<SessionKey, Entry> = new Map();
  readonly owners: Map<string, Map<SessionKey, number>> = new Map();
  readonly clock: () => number;

  constructor(clock: () => number) {
    this.clock = clock;
  }

  /** What lies under the key and has not expired. */
  find(key: SessionKey): SessionRecord | Ended | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    if ('code' in entry) throw new SessError(entry.code, 'The record is damaged.');
    const endsAt = 'endsAt' in entry ? entry.endsAt : entry.expiresAt;
    return this.clock() >= endsAt ? undefined : entry;
  }

  live(key: SessionKey): SessionRecord | undefined {
    const entry = this.find(key);
    return entry === undefined || 'endsAt' in entry ? undefined : entry;
  }
}

/**
 * Keeps the contract, and lets other work go first before and after each step, as a store with I/O
 * does. It is made of small steps, for the broken stores to get one of them wrong.
 */
export class HonestStore implements SessionStore, IndexesOwners, WalksKeys, Sweeps {
  readonly storage: Storage;

  constructor(storage: Storage) {
    this.storage = storage;
  }

  async create(key: SessionKey, record: SessionRecord): Promise<boolean> {
    this.assertKey(key);
    await this.enterOwner(record.owner, key);
    await yielded();
    const isFree = this.storage.find(key) === undefined;
    if (isFree) this.storage.entries.set(key, structuredClone(record));
    return isFree;
  }

  async read(key: SessionKey): Promise<SessionRecord | 'ended' | undefined> {
    this.assertKey(key);
    await yielded();
    const entry = this.storage.find(key);
    return entry && 'endsAt' in entry ? 'ended' : structuredClone(entry);
  }

  async update(key: SessionKey, change: SessionChange): Promise<UpdateVerdict> {
    this.assertKey(key);
    await this.enterOwner(change.owner, key);
    await yielded();
    const record = this.storage.live(key);
    if (record === undefined) return 'gone';
    if (!this.holds(record, change)) return 'conflict';
    this.storage.entries.set(key, this.apply(record, change));
    return 'applied';
  }

  async destroy(key: SessionKey, { endMarkerMs = 0 }: DestroyOptions = {}): Promise<SessionRecord | undefined> {
    this.assertKey(key);
    await yielded();
    const record = this.storage.live(key);
    if (endMarkerMs > 0) this.storage.entries.set(key, { endsAt: this.storage.clock() + endMarkerMs });
    else if (record !== undefined) this.storage.entries.delete(key);
    return record;
  }

  async *keysByOwner(owner: string): AsyncGenerator<OwnerPage> {
    const keys = [...(this.storage.owners.get(owner)?.keys() ?? [])];
    for (let at = 0; at < keys.length; at += 1_000) {
      await yielded();
      yield { keys: keys.slice(at, at + 1_000), forget: (gone) => this.forget(owner, gone) };
    }
  }

  async forget(owner: string, keys: readonly SessionKey[]): Promise<void> {
    await yielded();
    const entries = this.storage.owners.get(owner);
    for (const key of keys) {
      const writtenAt = entries?.get(key) ?? Infinity;
      if (this.storage.clock() - writtenAt >= 60_000) entries?.delete(key);
    }
  }

  async *walk(): AsyncGenerator<SessionKey> {
    for (const key of [...this.storage.entries.keys()]) {
      await yielded();
      if (this.isLive(key)) yield key;
    }
  }

  async sweep(): Promise<{ removed: number; kept: number }> {
    const report = { removed: 0, kept: 0 };
    for (const key of [...this.storage.entries.keys()]) {
      await yielded();
      const entry = this.storage.entries.get(key);
      if (entry === undefined || 'code' in entry) continue;
      const isOver = this.storage.find(key) === undefined;
      if (isOver) this.storage.entries.delete(key);
      if (isOver) report.removed++;
      else if (!('endsAt' in entry)) report.kept++;
    }
    return report;
  }

  assertKey(key: SessionKey): void {
    if (!/^[0-9a-f]{64}$/.test(key)) throw new TypeError('A session key is 64 lower case hex digits.');
  }

  async enterOwner(owner: string | null | undefined, key: SessionKey): Promise<void> {
    if (typeof owner !== 'string') return;
    await yielded();
    const entries = this.storage.owners.get(owner) ?? new Map<SessionKey, number>();
    this.storage.owners.set(owner, entries.set(key, this.storage.clock()));
  }

  holds(record: SessionRecord, { expect = {} }: SessionChange): boolean {
    return Object.entries(expect).every(([name, text]) => own(record.fields, name) === text);
  }

  apply(record: SessionRecord, change: SessionChange): SessionRecord {
    const owner = change.owner === undefined ? record.owner : change.owner;
    const settings = change.settings ?? record.settings;
    return {
      fields: this.merge(record, change),
      createdAt: record.createdAt,
      touchedAt: Math.max(record.touchedAt, change.touchedAt),
      expiresAt: change.settings ? change.expiresAt : Math.max(record.expiresAt, change.expiresAt),
      ...(typeof owner === 'string' && { owner }),
      ...(settings && { settings: { ...settings } }),
    };
  }

  merge(record: SessionRecord, change: SessionChange): Record<string, string> {
    const fields = new Map(Object.entries(record.fields));
    for (const name of change.unset ?? []) fields.delete(name);
    for (const [name, text] of Object.entries(change.revise ?? {})) if (fields.has(name)) fields.set(name, text);
    for (const [name, text] of Object.entries(change.set ?? {})) fields.set(name, text);
    return Object.fromEntries(fields);
  }

  isLive(key: SessionKey): boolean {
    return !this.isDamaged(key) && this.storage.live(key) !== undefined;
  }

  isDamaged(key: SessionKey): boolean {
    const entry = this.storage.entries.get(key);
    return entry !== undefined && 'code' in entry;
  }
}

/** The same for a storage that has its own clock: the hosts' clocks count only by their differences. */
export class OwnClockStore extends HonestStore {
  override async create(key: SessionKey, record: SessionRecord): Promise<boolean> {
    return super.create(key, { ...record, expiresAt: this.#deadline(record) });
  }

  override async update(key: SessionKey, change: SessionChange): Promise<UpdateVerdict> {
    return super.update(key, { ...change, expiresAt: this.#deadline(change) });
  }

  #deadline({ touchedAt, expiresAt }: { touchedAt: number; expiresAt: number }): number {
    return this.storage.clock() + expiresAt - touchedAt;
  }
}

export function plantIn({ entries }: Storage): Plant {
  return {
    async corrupt(key) {
      entries.set(key, { code: 'STORE_CORRUPT' });
    },
    async foreign(key) {
      entries.set(key, { code: 'STORE_CORRUPT' });
    },
    async tooNew(key) {
      entries.set(key, { code: 'STORE_TOO_NEW' });
    },
    raw: async (key) => structuredClone(entries.get(key)),
  };
}

export function openWith(Store: typeof HonestStore, clock: () => number, instances: number): OpenStorage {
  const storage = new Storage(clock);
  const stores = Array.from({ length: instances }, () => new Store(storage));
  return { stores, plant: plantIn(storage) };
}

/** Of a field that is there; `fields[name]` would find `constructor` in every record. */
export function own(fields: Record<string, string>, name: string): string | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** Lets the microtasks of other calls go first. */
export function yielded(): Promise<void> {
  return Promise.resolve();
}
