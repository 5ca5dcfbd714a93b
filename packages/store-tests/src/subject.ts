import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  type DestroyOptions,
  type EndMarker,
  type ReplaceOutcome,
  type SessionKey,
  type SessionRecord,
  type SessionStore,
  type StoreAbilities,
  type StoredSession,
  type Succession,
  hasAbility,
  isEndMarker,
} from '@sess/core';
import { by } from './by.ts';
import { assertMarker, assertSame, versionOf } from './compare.ts';
import type { Plant } from './options.ts';
import type { TestClock } from './test-clock.ts';

/** A lifetime that no test outlives. */
export const minuteMs = 60_000;

/** A lifetime that a test outlives, in real time where the storage has its own clock. */
export const shortMs = 200;

/** The longest one that a slow machine is given instead. */
const longestShortMs = 6400;

interface RecordParts extends Partial<SessionRecord> {
  /** Time left, from now. */
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

/**
 * What one test works with: a storage of its own, several handles on it, and a clock. A handle stands for a worker
 * process, so a version is only ever handed back to the worker that got it.
 */
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

  get workers(): readonly number[] {
    return [...this.stores.keys()];
  }

  get plant(): Plant {
    assert.ok(this.#plant, 'open() returns no plant');
    return this.#plant;
  }

  /** One of the handles. Numbers start again after the last one. */
  worker(number: number): SessionStore {
    const store = this.stores[number % this.stores.length];
    assert.ok(store, 'open() returns no stores');
    return store;
  }

  create(key: SessionKey, record: SessionRecord, worker = 0): ReturnType<SessionStore['create']> {
    return this.worker(worker).create(key, record, by());
  }

  read(key: SessionKey, worker = 0): ReturnType<SessionStore['read']> {
    return this.worker(worker).read(key, by());
  }

  replace(key: SessionKey, version: unknown, next: SessionRecord | Succession, worker = 0): Promise<ReplaceOutcome> {
    return this.worker(worker).replace(key, version, next, by());
  }

  destroy(key: SessionKey, options: DestroyOptions = {}, worker = 0): ReturnType<SessionStore['destroy']> {
    return this.worker(worker).destroy(key, options, by());
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
    return { fields: {}, createdAt: now - 5000, touchedAt: now, expiresAt: now + leftMs, writeIds: [], ...parts };
  }

  /** Stores a session under a new key, by the first worker. */
  async created(parts: RecordParts = {}): Promise<StoredSession & { key: SessionKey }> {
    const key = this.key();
    const record = this.record(parts);
    const created = await this.create(key, record);
    assert.ok(created, 'create under a new key answers a version');
    return { key, record, version: created.version };
  }

  /**
   * Does what has to happen while something with `ms` to live stands, and then outlives it. A storage with its own clock
   * does not wait for a slow machine: where the time was over before the work was done, it is done again with twice as long.
   */
  async outlive<T>(work: (ms: number) => Promise<T>): Promise<T> {
    for (let ms = shortMs; ; ms *= 2) {
      const begunAt = performance.now();
      try {
        const result = await work(ms);
        await this.clock.pass(ms);
        return result;
      } catch (error) {
        const wasTooSlow = this.clock.isOwn && performance.now() - begunAt >= ms;
        if (!wasTooSlow || ms >= longestShortMs) throw error;
      }
    }
  }

  /** What a worker reads, which has to be a session. */
  async stored(key: SessionKey, worker = 0): Promise<StoredSession> {
    return sessionOf(await this.read(key, worker));
  }

  /** Reads the session and replaces it, which has to succeed. Returns the new version. */
  async replaced(key: SessionKey, record: SessionRecord, worker = 0): Promise<unknown> {
    const { version } = await this.stored(key, worker);
    return versionOf(await this.replace(key, version, record, worker));
  }

  /** Ends a session in favour of a successor, which has to succeed. */
  async succeeded(key: SessionKey, succession: Succession, worker = 0): Promise<void> {
    const { version } = await this.stored(key, worker);
    versionOf(await this.replace(key, version, succession, worker));
  }

  /** Every worker reads exactly this. */
  async assertStored(key: SessionKey, expected: SessionRecord): Promise<void> {
    for (const worker of this.workers) this.assertRecord((await this.stored(key, worker)).record, expected);
  }

  /** Every worker finds nothing: no session, no end marker. */
  async assertAbsent(key: SessionKey): Promise<void> {
    for (const worker of this.workers) assert.equal(await this.read(key, worker), undefined);
  }

  async assertEnded(key: SessionKey, successor?: EndMarker['successor']): Promise<void> {
    for (const worker of this.workers) assertMarker(await this.read(key, worker), successor);
  }

  assertRecord(actual: SessionRecord | EndMarker | undefined, expected: SessionRecord): void {
    if (actual === undefined || isEndMarker(actual)) assert.fail(`expected a record, got ${JSON.stringify(actual)}`);
    const expiresAt = this.#deadline(actual, expected);
    assertSame({ ...actual, expiresAt }, expected);
  }

  /** A storage with its own clock tells the deadline as it sees it: close to ours, not equal. */
  #deadline(actual: SessionRecord, expected: SessionRecord): number {
    const isClose = Math.abs(actual.expiresAt - expected.expiresAt) <= 5000;
    return this.clock.isOwn && isClose ? expected.expiresAt : actual.expiresAt;
  }
}

export function sessionOf(found: StoredSession | EndMarker | undefined): StoredSession {
  if (found === undefined || isEndMarker(found)) assert.fail(`expected a session, got ${JSON.stringify(found)}`);
  return found;
}
