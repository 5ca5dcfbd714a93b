import { SessError, type SessionFields } from '@sess/core';

import { Session } from './session.ts';

/** A value as it was read. */
interface Read {
  readonly text: string;
  readonly value: unknown;
}

/** The data of a session as it was read, and what an app has made of it. */
export class SessionValues {
  readonly #read: Map<string, Read>;

  private constructor(read: Iterable<readonly [string, Read]>) {
    this.#read = new Map(read);
  }

  static of(fields: SessionFields): SessionValues {
    const values = new SessionValues([]);
    for (const key of fields.keys()) {
      const text = fields.text(key);
      if (text !== undefined) values.#read.set(key, { text, value: fields.value(key) });
    }
    return values;
  }

  copy(): SessionValues {
    return new SessionValues(this.#read);
  }

  all(): Record<string, unknown> {
    return Object.fromEntries([...this.#read].map(([key, { value }]) => [key, value]));
  }

  /** Writes what an app's session differs in. @returns whether there was anything */
  write(session: Session, fields: SessionFields): boolean {
    let isChanged = false;
    const missing = new Set(this.#read.keys());
    for (const [key, value] of Object.entries(session)) {
      missing.delete(key);
      const before = this.#read.get(key);
      const text = textOf(key, value);
      if (key === 'cookie' || key in Session.prototype || text === before?.text) continue;
      if (typeof text !== 'string') {
        missing.add(key);
        continue;
      }
      isChanged = true;
      const plain: unknown = JSON.parse(text);
      if (before !== undefined && before.value === value && typeof plain === 'object' && plain !== null)
        fields.revise(key, plain);
      else fields.set(key, plain);
      this.#read.set(key, { text, value });
    }
    for (const key of missing) {
      if (key === 'cookie' || key in Session.prototype || !this.#read.delete(key)) continue;
      isChanged = true;
      fields.delete(key);
    }
    return isChanged;
  }
}

/** What JSON makes of a value; `undefined` where it leaves it out. */
function textOf(key: string, value: unknown): unknown {
  try {
    return JSON.stringify(value);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SessError('NOT_SERIALIZABLE', `req.session.${key} cannot be written as JSON: ${why}`);
  }
}
