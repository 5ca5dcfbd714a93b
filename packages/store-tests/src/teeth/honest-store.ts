import {
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
  type Succession,
  type Successor,
  type Sweeps,
  type WalksKeys,
  isSuccession,
} from '@sess/core';
import { textOf } from '../compare.ts';
import { type Kept, type Storage, copyOf, mapped } from './storage.ts';

export type CreateCall = Parameters<SessionStore['create']>;
export type ReadCall = Parameters<SessionStore['read']>;
export type ReplaceCall = [key: SessionKey, version: unknown, record: SessionRecord, by: number];
export type SucceedCall = [key: SessionKey, version: unknown, succession: Succession, by: number];
export type DestroyCall = Parameters<SessionStore['destroy']>;
export type Created = { readonly version: unknown } | undefined;
export type Found = StoredSession | EndMarker | undefined;
export type Destroyed = SessionRecord | EndMarker | undefined;

/**
 * Keeps the contract, and lets other work go first before and after each step, as a store with I/O
 * does. It is made of small steps, for the broken stores to get one of them wrong.
 */
export class HonestStore implements SessionStore, IndexesOwners, WalksKeys, Sweeps {
  readonly storage: Storage;

  constructor(storage: Storage) {
    this.storage = storage;
  }

  async create(...[key, record, by]: CreateCall): Promise<Created> {
    this.assertKey(key);
    await this.enterOwner(record.owner, key);
    await this.reach(by);
    return this.storage.find(key) === undefined ? this.put(key, record) : undefined;
  }

  async read(...[key, by]: ReadCall): Promise<Found> {
    this.assertKey(key);
    await this.reach(by);
    const entry = this.storage.find(key);
    return entry && ('marker' in entry ? structuredClone(entry.marker) : this.handOut(entry));
  }

  async replace(...[key, version, next, by]: Parameters<SessionStore['replace']>): Promise<ReplaceOutcome> {
    return isSuccession(next) ? this.succeed(key, version, next, by) : this.rewrite(key, version, next, by);
  }

  async rewrite(...[key, version, record, by]: ReplaceCall): Promise<ReplaceOutcome> {
    this.assertKey(key);
    await this.enterOwner(record.owner, key);
    await this.reach(by);
    const kept = this.storage.live(key);
    if (kept === undefined) return { verdict: 'gone' };
    if (!this.isSame(kept, version)) return { verdict: 'conflict', stored: this.handOut(kept) };
    return { verdict: 'replaced', ...this.put(key, this.take(record, kept.record)) };
  }

  async succeed(...[key, version, { successor, endMarkerMs }, by]: SucceedCall): Promise<ReplaceOutcome> {
    this.assertKey(key);
    await this.reach(by);
    const kept = this.storage.live(key);
    if (kept === undefined) return { verdict: 'gone' };
    if (!this.isSame(kept, version)) return { verdict: 'conflict', stored: this.handOut(kept) };
    this.end(key, endMarkerMs, { ...successor });
    return { verdict: 'replaced', version: undefined };
  }

  async destroy(...[key, options, by]: DestroyCall): Promise<Destroyed> {
    this.assertKey(key);
    await this.reach(by);
    const entry = this.storage.find(key);
    if (entry && 'marker' in entry) return structuredClone(entry.marker);
    this.end(key, options.endMarkerMs);
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

  put(key: SessionKey, record: SessionRecord): { version: unknown } {
    const version = this.nameState(key, record);
    this.storage.entries.set(key, { record: copyOf(record), version });
    return { version };
  }

  nameState(_key: SessionKey, _record: SessionRecord): unknown {
    return this.storage.nextVersion();
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

  end(key: SessionKey, endMarkerMs = 0, successor?: Successor): void {
    const marker = { ended: true as const, ...(successor && { successor }) };
    if (endMarkerMs > 0) this.storage.entries.set(key, { endsAt: this.storage.clock() + endMarkerMs, marker });
    else this.storage.entries.delete(key);
  }

  raw(key: SessionKey): unknown {
    return structuredClone(this.storage.entries.get(key));
  }

  isLive(key: SessionKey): boolean {
    return !this.isDamaged(key) && this.storage.live(key) !== undefined;
  }

  isDamaged(key: SessionKey): boolean {
    const entry = this.storage.entries.get(key);
    return entry !== undefined && 'code' in entry;
  }
}

function asRead(text: FieldText): FieldText {
  return text.length > 1000 ? new TextEncoder().encode(textOf(text)) : text;
}

/** Lets the microtasks of other calls go first. */
export function yielded(): Promise<void> {
  return Promise.resolve();
}
