import type { Clock } from '../clock.ts';
import { copyOfFields } from '../session/record-fields.ts';
import type { SessionChange, SessionKey, SessionRecord, SessionStore, UpdateVerdict } from '../store.ts';

/**
 * The store of a cookie session: one record, for one request. It knows nothing of other requests,
 * which is why cookie sessions keep neither P2 (a copied cookie works after logout) nor P3.
 */
export class OneRecordStore implements SessionStore {
  record: SessionRecord | undefined;
  readonly #clock: Clock;

  constructor(clock: Clock, record?: SessionRecord) {
    this.#clock = clock;
    this.record = record !== undefined && clock() < record.expiresAt ? record : undefined;
  }

  async create(_key: SessionKey, record: SessionRecord): Promise<boolean> {
    this.record = record;
    return true;
  }

  async read(): Promise<SessionRecord | undefined> {
    return this.record;
  }

  async update(_key: SessionKey, change: SessionChange): Promise<UpdateVerdict> {
    return this.updateAtOnce(change);
  }

  updateAtOnce(change: SessionChange): UpdateVerdict {
    const { record } = this;
    if (record === undefined || this.#clock() >= record.expiresAt) return 'gone';
    const fields: Record<string, string> = Object.assign(copyOfFields(record.fields), change.set);
    for (const key of change.unset ?? []) delete fields[key];
    for (const [key, text] of Object.entries(change.revise ?? {})) if (Object.hasOwn(fields, key)) fields[key] = text;
    const { owner: _, ...rest } = record;
    const owner = change.owner === undefined ? record.owner : change.owner;
    this.record = {
      ...rest,
      fields,
      touchedAt: change.touchedAt,
      expiresAt: change.expiresAt,
      ...(owner === undefined || owner === null ? {} : { owner }),
      ...(change.settings === undefined ? {} : { settings: change.settings }),
    };
    return 'applied';
  }

  async destroy(): Promise<SessionRecord | undefined> {
    const { record } = this;
    this.record = undefined;
    return record;
  }
}
