import type { Clock } from '../clock.ts';
import type { WriteTimes } from '../exchange/write.ts';
import { copyOfFields } from '../session/record-fields.ts';
import type { SessionChange, SessionKey, SessionRecord, SessionStore, UpdateVerdict } from '../store.ts';

/**
 * The store of a cookie session: one record, for one request. It knows nothing of other requests,
 * which is why cookie sessions keep neither P2 (a copied cookie works after logout) nor P3.
 */
export class OneRecordStore implements SessionStore {
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

  /** The same, also behind the deadline: a session may end between its last change and the answer's head. */
  get lastRecord(): SessionRecord | undefined {
    return this.#record;
  }

  async create(_key: SessionKey, record: SessionRecord): Promise<boolean> {
    this.#assertFits(record);
    this.#record = record;
    return true;
  }

  async read(): Promise<SessionRecord | undefined> {
    return this.record;
  }

  async update(_key: SessionKey, change: SessionChange): Promise<UpdateVerdict> {
    return this.updateAtOnce(change, change);
  }

  /** The two parts of a change apart: to put them into one object costs as much as the update. */
  updateAtOnce(times: WriteTimes, changes: Pick<SessionChange, 'set' | 'unset' | 'revise'>): UpdateVerdict {
    const { record } = this;
    if (record === undefined) return 'gone';
    const fields: Record<string, string> = Object.assign(copyOfFields(record.fields), changes.set);
    for (const key of changes.unset ?? []) delete fields[key];
    for (const key in changes.revise) {
      const text = changes.revise[key];
      if (text !== undefined && Object.hasOwn(fields, key)) fields[key] = text;
    }
    const { owner = record.owner, settings = record.settings } = times;
    const touchedAt = Math.max(record.touchedAt, times.touchedAt);
    const expiresAt = times.settings === undefined ? Math.max(record.expiresAt, times.expiresAt) : times.expiresAt;
    // Name by name: a copy of all but some properties costs as much as the rest of the update.
    const next: SessionRecord = { fields, createdAt: record.createdAt, touchedAt, expiresAt };
    if (settings !== undefined) next.settings = settings;
    if (owner !== undefined && owner !== null) next.owner = owner;
    this.#assertFits(next);
    this.#record = next;
    return 'applied';
  }

  async destroy(): Promise<SessionRecord | undefined> {
    const { record } = this;
    this.#record = undefined;
    return record;
  }
}
