import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  type SessionChange,
  type SessionKey,
  type SessionRecord,
  type SessionStore,
  type StoreAbilities,
  hasAbility,
} from '@sess/core';
import type { Plant } from './options.ts';
import type { TestClock } from './test-clock.ts';

/** A lifetime that no test outlives. */
export const minuteMs = 60_000;

interface RecordParts extends Partial<SessionRecord> {
  /** Time left, from now. */
  leftMs?: number;
}

interface ChangeParts extends Partial<SessionChange> {
  leftMs?: number;
}

interface SubjectParts {
  id: string;
  stores: readonly SessionStore[];
  plant: Plant | undefined;
  clock: TestClock;
  rounds: number;
  seed: number;
}

/** What one test works with: a storage of its own, several handles on it, and a clock. */
export class Subject {
  readonly stores: readonly SessionStore[];
  readonly clock: TestClock;
  readonly rounds: number;
  readonly seed: number;
  readonly #id: string;
  readonly #plant: Plant | undefined;
  #keys = 0;

  constructor(parts: SubjectParts) {
    this.stores = parts.stores;
    this.clock = parts.clock;
    this.rounds = parts.rounds;
    this.seed = parts.seed;
    this.#id = parts.id;
    this.#plant = parts.plant;
  }

  get store(): SessionStore {
    return this.worker(0);
  }

  get plant(): Plant {
    assert.ok(this.#plant, 'open() returns no plant');
    return this.#plant;
  }

  /** One of the handles, as if in a process of its own. Numbers start again behind the last one. */
  worker(number: number): SessionStore {
    const store = this.stores[number % this.stores.length];
    assert.ok(store, 'open() returns no stores');
    return store;
  }

  able<Name extends keyof StoreAbilities>(name: Name, worker = 0): SessionStore & StoreAbilities[Name] {
    const store = this.worker(worker);
    assert.ok(hasAbility(store, name), `the store declares "${name}" and has no such method`);
    return store;
  }

  /** The keys that the index shows. One may be shown more than once. */
  async keysOf(owner: string, worker = 0): Promise<SessionKey[]> {
    const keys = new Set<SessionKey>();
    for await (const page of this.able('keysByOwner', worker).keysByOwner(owner))
      for (const key of page.keys) keys.add(key);
    return [...keys];
  }

  /** Has the entries of these keys dropped, and of no others. */
  async forget(owner: string, keys: readonly SessionKey[], worker = 0): Promise<void> {
    for await (const page of this.able('keysByOwner', worker).keysByOwner(owner))
      await page.forget(page.keys.filter((key) => keys.includes(key)));
  }

  /** A key that was not used before. */
  key(): SessionKey {
    return createHash('sha256')
      .update(`${this.#id}/${this.#keys++}`)
      .digest('hex');
  }

  /** A record whose three instants all differ, so that none can pass for another. */
  record({ leftMs = minuteMs, ...parts }: RecordParts = {}): SessionRecord {
    const now = this.clock.now();
    return { fields: {}, createdAt: now - 5000, touchedAt: now, expiresAt: now + leftMs, ...parts };
  }

  change({ leftMs = minuteMs, ...parts }: ChangeParts = {}): SessionChange {
    const now = this.clock.now();
    return { touchedAt: now, expiresAt: now + leftMs, ...parts };
  }

  /** Stores a session under a new key. */
  async created(parts: RecordParts = {}): Promise<{ key: SessionKey; record: SessionRecord }> {
    const key = this.key();
    const record = this.record(parts);
    assert.equal(await this.store.create(key, record), true, 'create under a new key');
    return { key, record };
  }

  /** Every worker reads exactly this. */
  async assertStored(key: SessionKey, expected: SessionRecord): Promise<void> {
    for (const store of this.stores) this.assertRecord(await store.read(key), expected);
  }

  /** Every worker finds nothing: no session, no end marker. */
  async assertAbsent(key: SessionKey): Promise<void> {
    for (const store of this.stores) assert.equal(await store.read(key), undefined);
  }

  async assertEnded(key: SessionKey): Promise<void> {
    for (const store of this.stores) assert.equal(await store.read(key), 'ended');
  }

  assertRecord(actual: SessionRecord | 'ended' | undefined, expected: SessionRecord): void {
    if (actual === undefined || actual === 'ended') assert.fail(`expected a record, got ${actual}`);
    const wanted = plain(expected);
    assert.deepEqual({ ...plain(actual), expiresAt: this.#deadline(actual, expected) }, wanted);
  }

  /** A storage with its own clock tells the deadline as it sees it: close to ours, not equal. */
  #deadline(actual: SessionRecord, expected: SessionRecord): number {
    const isClose = Math.abs(actual.expiresAt - expected.expiresAt) <= 5000;
    return this.clock.isOwn && isClose ? expected.expiresAt : actual.expiresAt;
  }
}

/** A record in a form in which equal sessions are equal. No settings and empty ones are the same. */
function plain(record: SessionRecord) {
  return {
    fields: Object.entries(record.fields)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, text]) => [name, brief(text)]),
    createdAt: record.createdAt,
    touchedAt: record.touchedAt,
    expiresAt: record.expiresAt,
    owner: record.owner,
    idleTimeoutMs: record.settings?.idleTimeoutMs,
    persistent: record.settings?.persistent,
  };
}

/** A failure shows both records: not the mebibytes of a text, but enough to tell two apart. */
function brief(text: string): string {
  if (text.length <= 200) return text;
  return `${text.slice(0, 20)}... ${text.length} units, sha256 ${createHash('sha256').update(text).digest('hex')}`;
}
