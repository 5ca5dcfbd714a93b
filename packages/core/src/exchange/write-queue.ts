import type { BoundedStore } from '../bounded-store.ts';
import { SessError } from '../errors.ts';
import { publish } from '../events.ts';
import { type Timeouts, isTouchDue } from '../expiry.ts';
import { type RecordChange, changedRecord, holdsWrite, namedRecord } from '../record-change.ts';
import { type SessionKey, type SessionRecord, type StoredSession, isEndMarker } from '../store.ts';
import { newWriteId } from './write-id.ts';

/** What became of a write: the session is gone, or this is what the store holds now. */
export type WriteOutcome = { readonly gone: true } | { readonly gone: false; readonly stored: StoredSession };

/** A write that keeps losing against other processes gives up after this long, about when its caller does. */
const GIVE_UP_AFTER_MS = 2_000;

/**
 * A process that has lost and then won lets the others go first: six times as long as it had lost, but for no more than the
 * time of 20 attempts, nor than 400 ms, since other writers in this process wait as well. Where 12 processes wrote one session
 * without pause, the longest wait was 0.9 s without that, and 0.1 s with it (Redis; on files 0.2 s, once their code is warm).
 * 64 processes on Redis: 0.7 s, where three times as long and 15 attempts made it 1.0 to 1.6 s. More attempts shorten the
 * wait of 64 on files, and make that of 12 longer than 0.2 s.
 */
const COURTESY = 6;
const MOST_COURTESY_ATTEMPTS = 20;
const MOST_COURTESY_MS = 400;

// As it is when this is loaded: an app's tests that replace it for a while must stop no write.
const { setTimeout } = globalThis;

interface Waiting {
  readonly change: RecordChange;
  readonly known: StoredSession | undefined;
  resolve(outcome: WriteOutcome): void;
  reject(error: unknown): void;
}

/** The changes of a batch in one record, and those whose update function threw. */
interface Merged {
  readonly record: SessionRecord;
  readonly refused: ReadonlyMap<Waiting, unknown>;
}

/**
 * The writers of one session inside this process, one after the other. While a write is under way the next ones gather,
 * and go out together as one: 200 parallel counts are a few writes, not thousands of lost comparisons.
 */
export class WriteQueue {
  readonly #store: BoundedStore;
  readonly #key: SessionKey;
  readonly #timeouts: Timeouts;
  #waiting: Waiting[] = [];
  /** What this process wrote or was told last: fresher, as a rule, than what a request read. */
  #stored: StoredSession | undefined;
  /** How long the others are to go first, since the batch that was stored last had lost against them. */
  #courtesyMs = 0;

  constructor(store: BoundedStore, key: SessionKey, timeouts: Timeouts) {
    this.#store = store;
    this.#key = key;
    this.#timeouts = timeouts;
  }

  add(change: RecordChange, known: StoredSession | undefined): Promise<WriteOutcome> {
    return new Promise((resolve, reject) => this.#waiting.push({ change, known, resolve, reject }));
  }

  /** Until nobody waits any more. `onIdle` runs in the same turn, so that nobody joins a queue that has ended. */
  async run(onIdle: () => void): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      try {
        await this.#settle(batch);
      } catch (error) {
        this.#courtesyMs = 0;
        for (const waiting of batch) waiting.reject(error);
      }
      if (this.#courtesyMs > 0) await this.#letOthersGoFirst();
    }
    onIdle();
  }

  /**
   * Those that still lose have fewer rivals then. A pause of the losers would do the opposite: what the store has just told
   * them would be outdated.
   */
  async #letOthersGoFirst(): Promise<void> {
    const ms = this.#courtesyMs;
    this.#courtesyMs = 0;
    // Others are about to write, so it will be outdated.
    this.#stored = undefined;
    await new Promise<void>((resolve) => setTimeout(resolve, ms));
  }

  async #settle(batch: Waiting[]): Promise<void> {
    const started = performance.now();
    let stored = this.#stored ?? batch.findLast(({ known }) => known !== undefined)?.known ?? (await this.#read());
    for (let lost = 0; stored !== undefined;) {
      if (lost > 0 && this.#isNeedless(batch, stored)) return this.#done(batch, new Map(), stored);
      const merged = this.#merge(stored.record, batch);
      const next = await this.#tryToStore(stored, merged, batch);
      if (next === 'done') return;
      stored = next;
      if (stored === undefined) break;
      publish('conflict', () => ({ handle: this.#key, keys: keysOf(batch) }));
      lost += 1;
      const lostForMs = performance.now() - started;
      if (lostForMs > GIVE_UP_AFTER_MS) throw lostTooOften(lost);
      const attempts = Math.min(COURTESY * lost, MOST_COURTESY_ATTEMPTS);
      this.#courtesyMs = Math.min((lostForMs / lost) * attempts, MOST_COURTESY_MS);
      // Whoever came while this batch lost goes along, at once: after a pause the stored session that is known here would
      // be outdated, and those who pause would lose to those who never do.
      batch.push(...this.#waiting.splice(0));
    }
    this.#stored = undefined;
    this.#courtesyMs = 0;
    for (const { resolve } of batch) resolve({ gone: true });
  }

  /** @returns what stands in the store instead; `undefined` where the session is gone */
  async #tryToStore(
    stored: StoredSession,
    { record, refused }: Merged,
    batch: readonly Waiting[],
  ): Promise<StoredSession | undefined | 'done'> {
    if (refused.size === batch.length) return this.#refuse(stored, refused);
    // A touch needs no name: repeated, it is the same touch. So on files it is one rename, also on a full disk.
    const isTouch = record.fields === stored.record.fields && record.settings === stored.record.settings;
    const writeId = newWriteId();
    const named = isTouch ? record : namedRecord(record, stored.record, writeId);
    const outcome = await this.#store.replace(this.#key, stored.version, named);
    if (outcome.verdict === 'gone') return undefined;
    if (outcome.verdict === 'replaced') {
      this.#done(batch, refused, { record: named, version: outcome.version });
      return 'done';
    }
    if (outcome.isDoubtful !== true || isTouch) return outcome.stored;
    const isStored = holdsWrite(outcome.stored.record, writeId, stored.record);
    if (isStored === undefined) throw inDoubt();
    if (!isStored) return outcome.stored;
    this.#done(batch, refused, outcome.stored);
    return 'done';
  }

  /** All update functions threw, perhaps at outdated data: it counts only if the store still holds the same. */
  async #refuse(
    stored: StoredSession,
    refused: ReadonlyMap<Waiting, unknown>,
  ): Promise<StoredSession | undefined | 'done'> {
    const now = await this.#read();
    if (now === undefined || now.record.writeIds[0] !== stored.record.writeIds[0]) return now;
    this.#done([], refused, now);
    return 'done';
  }

  #merge(stored: SessionRecord, batch: readonly Waiting[]): Merged {
    const refused = new Map<Waiting, unknown>();
    let record = stored;
    for (const waiting of batch) {
      try {
        record = changedRecord(record, waiting.change, this.#timeouts);
      } catch (error) {
        refused.set(waiting, error);
      }
    }
    return { record, refused };
  }

  #done(batch: readonly Waiting[], refused: ReadonlyMap<Waiting, unknown>, stored: StoredSession): void {
    this.#stored = stored;
    for (const [{ reject }, error] of refused) reject(error);
    for (const { resolve } of batch) resolve({ gone: false, stored });
  }

  /** Others have just written, so the session was touched too. */
  #isNeedless(batch: readonly Waiting[], { record }: StoredSession): boolean {
    return batch.every(
      ({ change: { at, fields, settings, update } }) =>
        fields === undefined &&
        settings === undefined &&
        update === undefined &&
        !isTouchDue(at, record, this.#timeouts),
    );
  }

  async #read(): Promise<StoredSession | undefined> {
    const found = await this.#store.read(this.#key);
    return found === undefined || isEndMarker(found) ? undefined : found;
  }
}

function keysOf(batch: readonly Waiting[]): string[] {
  const keys = batch.flatMap(({ change: { fields, update } }) => [
    ...(update === undefined ? [] : [update.key]),
    ...(fields === undefined ? [] : [...Object.keys(fields.set), ...Object.keys(fields.revise), ...fields.unset]),
  ]);
  return [...new Set(keys)];
}

function lostTooOften(attempts: number): SessError {
  return new SessError(
    'SESSION_CONFLICT',
    `Storing the session lost against other processes ${attempts} times in a row. Nothing was stored; try again.`,
  );
}

function inDoubt(): SessError {
  return new SessError(
    'STORE_UNAVAILABLE',
    'The connection to the session store was lost during a write, and it is not known whether that was carried out: too many others have written to the session since.',
  );
}
