import {
  type DestroyOptions,
  type EndMarker,
  type FieldText,
  type IndexesOwners,
  type OwnerPage,
  type ReplaceOutcome,
  SessError,
  type SessionKey,
  type SessionRecord,
  type SessionStore,
  type StoredSession,
  type Sweeps,
  type WalksKeys,
} from '@sess/core';
import { textOf } from '../compare.ts';
import type { OpenStorage, Plant } from '../options.ts';

export interface Damaged {
  code: 'STORE_CORRUPT' | 'STORE_TOO_NEW';
}
export interface Ended {
  endsAt: number;
  marker: EndMarker;
}
export interface Kept {
  record: SessionRecord;
  version: unknown;
}
export type Entry = Kept | Ended | Damaged;

/** What the workers share. */
export class Storage {
  readonly entries: Map<SessionKey, Entry> = new Map();
  readonly owners: Map<string, Map<SessionKey, number>> = new Map();
  readonly clock: () => number;
  #writes = 0;

  constructor(clock: () => number) {
    this.clock = clock;
  }

  /** What lies under the key and has not expired. */
  find(key: SessionKey): Kept | Ended | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    if ('code' in entry) throw new SessError(entry.code, 'The record is damaged.');
    const endsAt = 'marker' in entry ? entry.endsAt : entry.record.expiresAt;
    return this.clock() >= endsAt ? undefined : entry;
  }

  live(key: SessionKey): Kept | undefined {
    const entry = this.find(key);
    return entry === undefined || 'marker' in entry ? undefined : entry;
  }

  /** Stores a copy under a version that no state had before. */
  put(key: SessionKey, record: SessionRecord): { version: unknown } {
    const version = ++this.#writes;
    this.entries.set(key, { record: copyOf(record), version });
    return { version };
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

  async create(key: SessionKey, record: SessionRecord, by: number): Promise<{ version: unknown } | undefined> {
    this.assertKey(key);
    await this.enterOwner(record.owner, key);
    await this.reach(by);
    return this.storage.find(key) === undefined ? this.storage.put(key, record) : undefined;
  }

  async read(key: SessionKey, by: number): Promise<StoredSession | EndMarker | undefined> {
    this.assertKey(key);
    await this.reach(by);
    const entry = this.storage.find(key);
    return entry && ('marker' in entry ? structuredClone(entry.marker) : this.handOut(entry));
  }

  async replace(key: SessionKey, version: unknown, record: SessionRecord, by: number): Promise<ReplaceOutcome> {
    this.assertKey(key);
    await this.enterOwner(record.owner, key);
    await this.reach(by);
    const kept = this.storage.live(key);
    if (kept === undefined) return { verdict: 'gone' };
    if (!this.isSame(kept, version)) return { verdict: 'conflict', stored: this.handOut(kept) };
    return { verdict: 'replaced', ...this.storage.put(key, this.take(record, kept.record)) };
  }

  async destroy(key: SessionKey, options: DestroyOptions, by: number): Promise<SessionRecord | EndMarker | undefined> {
    this.assertKey(key);
    await this.reach(by);
    const entry = this.storage.find(key);
    if (entry && 'marker' in entry) return structuredClone(entry.marker);
    this.end(key, options);
    return entry && this.handOut(entry).record;
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
      else if ('record' in entry) report.kept++;
    }
    return report;
  }

  assertKey(key: SessionKey): void {
    if (!/^[0-9a-f]{64}$/.test(key)) throw new TypeError('A session key is 64 lower case hex digits.');
  }

  /** The way to the storage: nothing begins when the caller's time is over. */
  async reach(by: number): Promise<void> {
    await yielded();
    if (performance.now() >= by) throw new SessError('STORE_TIMEOUT', 'The storage did not answer in time.');
  }

  async enterOwner(owner: string | undefined, key: SessionKey): Promise<void> {
    if (owner === undefined) return;
    await yielded();
    const entries = this.storage.owners.get(owner) ?? new Map<SessionKey, number>();
    this.storage.owners.set(owner, entries.set(key, this.storage.clock()));
  }

  isSame(kept: Kept, version: unknown): boolean {
    return kept.version === version;
  }

  /** What is stored in the place of `before`. */
  take(record: SessionRecord, _before: SessionRecord): SessionRecord {
    return record;
  }

  /** A copy for the caller, with the long texts as bytes. */
  handOut({ record, version }: Kept): StoredSession {
    const copy = copyOf(record);
    return { version, record: { ...copy, fields: mapped(copy.fields, (text) => asRead(text)) } };
  }

  end(key: SessionKey, { endMarkerMs = 0, successor }: DestroyOptions): void {
    const marker = { ended: true as const, ...(successor && { successor: { ...successor } }) };
    if (endMarkerMs > 0) this.storage.entries.set(key, { endsAt: this.storage.clock() + endMarkerMs, marker });
    else this.storage.entries.delete(key);
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
  override async create(key: SessionKey, record: SessionRecord, by: number): Promise<{ version: unknown } | undefined> {
    return super.create(key, this.take(record), by);
  }

  override take(record: SessionRecord): SessionRecord {
    return { ...record, expiresAt: this.storage.clock() + record.expiresAt - record.touchedAt };
  }
}

export function openWith(Store: typeof HonestStore, clock: () => number, instances: number): OpenStorage {
  const storage = new Storage(clock);
  const stores = Array.from({ length: instances }, () => new Store(storage));
  return { stores, plant: plantIn(storage) };
}

function plantIn({ entries }: Storage): Plant {
  const plant = (code: Damaged['code']) => async (key: SessionKey) => void entries.set(key, { code });
  return {
    corrupt: plant('STORE_CORRUPT'),
    foreign: plant('STORE_CORRUPT'),
    tooNew: plant('STORE_TOO_NEW'),
    raw: async (key) => structuredClone(entries.get(key)),
  };
}

/** `Object.fromEntries` makes `__proto__` a key like any other. */
export function mapped(
  fields: SessionRecord['fields'],
  change: (text: FieldText, name: string) => FieldText,
): Record<string, FieldText> {
  return Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, change(text, name)]));
}

/** Kept as strings, so that a text has one form in the storage. */
function copyOf(record: SessionRecord): SessionRecord {
  return structuredClone({ ...record, fields: mapped(record.fields, textOf) });
}

function asRead(text: FieldText): FieldText {
  return text.length > 1000 ? new TextEncoder().encode(textOf(text)) : text;
}

/** Lets the microtasks of other calls go first. */
export function yielded(): Promise<void> {
  return Promise.resolve();
}
