import { type EndMarker, type FieldText, SessError, type SessionKey, type SessionRecord } from '@sess/core';
import { textOf } from '../compare.ts';

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

  /** A version that no state had before. */
  nextVersion(): unknown {
    return ++this.#writes;
  }
}

/** `Object.fromEntries` makes `__proto__` a key like any other. */
export function mapped(
  fields: SessionRecord['fields'],
  change: (text: FieldText, name: string) => FieldText,
): Record<string, FieldText> {
  return Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, change(text, name)]));
}

/** Kept as strings, so that a text has one form in the storage. */
export function copyOf(record: SessionRecord): SessionRecord {
  return structuredClone({ ...record, fields: mapped(record.fields, textOf) });
}
