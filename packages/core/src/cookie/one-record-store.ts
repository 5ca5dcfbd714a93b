import type { BoundedStore } from '../bounded-store.ts';
import type { Clock } from '../clock.ts';
import {
  type ReplaceOutcome,
  type SessionKey,
  type SessionRecord,
  type StoredSession,
  type Succession,
  isSuccession,
} from '../store.ts';

/**
 * The store of a cookie session: one record, for one request. It knows nothing of other requests: a copied cookie works
 * after a logout, and of two parallel requests the later answer wins.
 */
export class OneRecordStore implements BoundedStore {
  #record: SessionRecord | undefined;
  readonly #clock: Clock;
  readonly #assertFits: (record: SessionRecord) => void;

  /** @param assertFits throws for a record that does not fit; it is not taken then */
  constructor(clock: Clock, record: SessionRecord | undefined, assertFits: (record: SessionRecord) => void) {
    this.#clock = clock;
    this.#record = record;
    this.#assertFits = assertFits;
  }

  /** What it holds, until the record's deadline. */
  get record(): SessionRecord | undefined {
    const record = this.#record;
    return record !== undefined && this.#clock() < record.expiresAt ? record : undefined;
  }

  /** The same, as a store finds it. */
  get found(): StoredSession | undefined {
    const { record } = this;
    return record && { record, version: record };
  }

  /** The same, also after the deadline: a session may end between its last change and the answer's head. */
  get lastRecord(): SessionRecord | undefined {
    return this.#record;
  }

  async create(_key: SessionKey, record: SessionRecord): Promise<{ readonly version: unknown }> {
    this.replaceAtOnce(withoutIds(record));
    return { version: this.#record };
  }

  async read(): Promise<StoredSession | undefined> {
    return this.found;
  }

  async replace(_key: SessionKey, version: unknown, next: SessionRecord | Succession): Promise<ReplaceOutcome> {
    const { found } = this;
    if (found === undefined) return { verdict: 'gone' };
    if (found.version !== version) return { verdict: 'conflict', stored: found };
    if (isSuccession(next)) this.#record = undefined;
    else this.replaceAtOnce(withoutIds(next));
    return { verdict: 'replaced', version: this.#record };
  }

  /** For a caller that knows that nobody else writes at this moment. */
  replaceAtOnce(record: SessionRecord): void {
    this.#assertFits(record);
    this.#record = record;
  }

  async destroy(): Promise<SessionRecord | undefined> {
    const { record } = this;
    this.#record = undefined;
    return record;
  }
}

/** Write ids are for stores that others write to as well: in a cookie they would only take up room. */
const withoutIds = (record: SessionRecord): SessionRecord => ({ ...record, writeIds: [] });
