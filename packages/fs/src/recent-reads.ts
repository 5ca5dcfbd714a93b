import type { SessionKey } from '@sess/core';
import type { LiveToken } from './names.ts';
import type { StoredRecord } from './record-file.ts';

/** A session, as it was read. */
export interface ReadSession {
  token: LiveToken;
  record: StoredRecord;
}

const most = 128;
/** UTF-16 units of all texts. Larger sessions are read again. */
const largest = 32_768;

/**
 * What was read of sessions a moment ago, since most that is written was read in the same request: that write need not
 * read again. It is a guess about the store, and nothing more. A token's name never comes back, and what it stands for
 * never changes, so a commit that renames the token from that name has proved the guess; every other answer needs a look.
 */
export class RecentReads {
  readonly #sessions = new Map<SessionKey, ReadSession>();

  add(key: SessionKey, { token, record }: ReadSession): void {
    let size = 0;
    for (const name in record.fields) size += record.fields[name]?.length ?? 0;
    if (size > largest) return;
    // A copy: the record itself is the reader's, to do with as it likes.
    this.#sessions.set(key, { token, record: { ...record, fields: { ...record.fields } } });
    if (this.#sessions.size <= most) return;
    const [oldest] = this.#sessions.keys();
    if (oldest !== undefined) this.#sessions.delete(oldest);
  }

  /** For one write. */
  take(key: SessionKey): ReadSession | undefined {
    const found = this.#sessions.get(key);
    if (found !== undefined) this.#sessions.delete(key);
    return found;
  }
}
