import { decodeField, encodeField, textOrNothing } from './field-text.ts';
import type { FieldChanges } from '../record-change.ts';
import { copyOfFields, setField, stringOf } from '../record-fields.ts';
import type { FieldText } from '../store.ts';

/** One key that this request looked at or changed. */
interface Slot {
  value: unknown;
  /** The app assigned or deleted the key, and that is not stored yet. */
  pending: 'assigned' | 'deleted' | undefined;
}

/**
 * A session's data: what the store holds, as texts, and what this request made of it.
 * A value is parsed when it is first looked at, and only then.
 */
export class Fields {
  #stored: Readonly<Record<string, FieldText>>;
  /** Texts that the store gave as bytes, once they are decoded. */
  #decoded: Map<FieldText, string> | undefined;
  #slots: Map<string, Slot> | undefined;
  #lastChanges: FieldChanges | undefined;
  #beingWritten: FieldChanges | undefined;

  constructor(stored: Readonly<Record<string, FieldText>>) {
    this.#stored = stored;
  }

  has(key: string): boolean {
    const slot = this.#slots?.get(key);
    return slot === undefined ? Object.hasOwn(this.#stored, key) : slot.pending !== 'deleted';
  }

  get(key: string): unknown {
    const slot = this.#slots?.get(key);
    if (slot !== undefined) return slot.value;
    const text = this.storedText(key);
    if (text === undefined) return undefined;
    const value = decodeField(key, text);
    this.#slot(key, { value, pending: undefined });
    return value;
  }

  /** Assigning `undefined` deletes: JSON has no such value. */
  set(key: string, value: unknown): void {
    this.#slot(key, { value, pending: value === undefined ? 'deleted' : 'assigned' });
  }

  /** An object that was read or assigned, and then changed in place. */
  revise(key: string, value: object): void {
    const isAssigned = this.#slots?.get(key)?.pending === 'assigned';
    this.#slot(key, { value, pending: isAssigned ? 'assigned' : undefined });
  }

  delete(key: string): void {
    this.#slot(key, { value: undefined, pending: 'deleted' });
  }

  #slot(key: string, slot: Slot): void {
    (this.#slots ??= new Map()).set(key, slot);
  }

  keys(): string[] {
    if (this.#slots === undefined) return Object.keys(this.#stored);
    const keys = Object.keys(this.#stored).filter((key) => this.#slots?.get(key)?.pending !== 'deleted');
    for (const [key, slot] of this.#slots)
      if (slot.pending !== 'deleted' && !Object.hasOwn(this.#stored, key)) keys.push(key);
    return keys;
  }

  storedKeys(): string[] {
    return Object.keys(this.#stored);
  }

  /** The text that the store was last known to hold. */
  storedText(key: string): string | undefined {
    const text = Object.hasOwn(this.#stored, key) ? this.#stored[key] : undefined;
    return typeof text === 'object' ? this.#decode(text) : text;
  }

  /** Whether the store was last known to hold the same text in both. Most are one object: those are not decoded. */
  storesSame(key: string, other: Fields): boolean {
    return this.#stored[key] === other.#stored[key] || this.storedText(key) === other.storedText(key);
  }

  #decode(bytes: Uint8Array): string {
    const known = this.#decoded?.get(bytes);
    if (known !== undefined) return known;
    const text = stringOf(bytes);
    (this.#decoded ??= new Map()).set(bytes, text);
    return text;
  }

  /**
   * What differs from the store, or `undefined`. An assignment equal to what was read is not a change.
   * An object changed in place is *revised*: it is written only where its key still exists.
   *
   * @throws SessError `NOT_SERIALIZABLE`, `RESERVED_KEY`
   */
  changes(): FieldChanges | undefined {
    if (this.#slots === undefined) return undefined;
    // No key here is `__proto__`: it is reserved.
    const set: Record<string, string> = {};
    const revise: Record<string, string> = {};
    const unset: string[] = [];
    let changed = false;
    for (const [key, slot] of this.#slots) {
      const before = this.storedText(key);
      if (slot.pending === 'deleted') {
        if (before === undefined) continue;
        unset.push(key);
      } else {
        if (slot.pending === undefined && (typeof slot.value !== 'object' || slot.value === null)) continue;
        // Most objects that were read are not changed. (JSON alone would miss a name that was set on an array.)
        if (slot.pending === undefined && textOrNothing(slot.value) === before) continue;
        const text = encodeField(key, slot.value);
        if (text === before) continue;
        (slot.pending === 'assigned' ? set : revise)[key] = text;
      }
      changed = true;
    }
    this.#lastChanges = changed ? { set, unset, revise } : undefined;
    return this.#lastChanges;
  }

  /**
   * The keys with a change that is neither stored nor being written, also where it could not be stored. What a change is
   * follows the same rule as in `changes()`.
   */
  changedKeys(): string[] {
    const texts = this.#beingWritten === undefined ? this.#stored : this.texts(this.#beingWritten);
    const isChanged = ([key, slot]: [string, Slot]): boolean => {
      const text = Object.hasOwn(texts, key) ? texts[key] : undefined;
      return differs(slot, text === undefined ? undefined : stringOf(text));
    };
    return [...(this.#slots ?? [])].filter(isChanged).map(([key]) => key);
  }

  /** Whether this key has a change that is not stored. */
  isChanged(key: string): boolean {
    const changes = this.#slots?.has(key) === true ? this.changes() : undefined;
    return (
      changes !== undefined &&
      (Object.hasOwn(changes.set, key) || Object.hasOwn(changes.revise, key) || changes.unset.includes(key))
    );
  }

  /** Whether an object that was read was changed in place since. */
  isRevised(key: string): boolean {
    const slot = this.#slots?.get(key);
    if (slot === undefined || slot.pending !== undefined || typeof slot.value !== 'object' || slot.value === null)
      return false;
    return textOrNothing(slot.value) !== this.storedText(key);
  }

  /**
   * What `changes()` told last is about to be written. Takes the pending marks off, so that an assignment made while
   * the write runs is not mistaken for a stored one. Returns how to put them back when the write failed.
   */
  beginWrite(): () => void {
    this.#beingWritten = this.#lastChanges;
    const marked: Slot[] = [];
    for (const slot of this.#slots?.values() ?? []) {
      if (slot.pending !== 'assigned') continue;
      marked.push(slot);
      slot.pending = undefined;
    }
    return () => {
      this.#beingWritten = undefined;
      for (const slot of marked) slot.pending = 'assigned';
    };
  }

  /** These changes are stored: they are what later changes are compared with. */
  wrote(changes: FieldChanges): void {
    this.#beingWritten = undefined;
    const stored = Object.assign(copyOfFields(this.#stored), changes.set, changes.revise);
    this.#stored = stored;
    for (const key of changes.unset) {
      delete stored[key];
      if (this.#slots?.get(key)?.pending === 'deleted') this.#slots.delete(key);
    }
  }

  /** Forgets what the request knows of a key: from here on it is as stored. */
  detach(key: string): void {
    this.#slots?.delete(key);
  }

  /** The store holds this text now. Forgets what the request knows of the key, except an assignment since then. */
  rebase(key: string, text: string | undefined): void {
    const stored = copyOfFields(this.#stored);
    if (text === undefined) delete stored[key];
    else setField(stored, key, text);
    this.#stored = stored;
    if (this.#slots?.get(key)?.pending === undefined) this.#slots?.delete(key);
  }

  /**
   * All texts, with the changes in them.
   * @throws SessError `NOT_SERIALIZABLE`
   */
  texts(changes: FieldChanges | undefined = this.changes()): Record<string, FieldText> {
    const texts = Object.assign(copyOfFields(this.#stored), changes?.set, changes?.revise);
    for (const key of changes?.unset ?? []) delete texts[key];
    return texts;
  }

  /**
   * The number of keys, and of UTF-16 units in keys and texts (of bytes, where a text is given as bytes), with the changes
   * in them. An upper bound, found without decoding.
   */
  sizeWith(changes: FieldChanges): { keys: number; units: number } {
    let keys = 0;
    let units = 0;
    for (const texts of [this.#stored, changes.set, changes.revise]) {
      for (const key in texts) {
        if (texts === this.#stored || !Object.hasOwn(this.#stored, key)) keys += 1;
        units += key.length + (texts[key]?.length ?? 0);
      }
    }
    return { keys, units };
  }
}

/** Whether a key has another value than this text, or one that has no text. */
function differs({ value, pending }: Slot, text: string | undefined): boolean {
  if (pending === 'deleted') return text !== undefined;
  if (pending === undefined && (typeof value !== 'object' || value === null)) return false;
  const now = textOrNothing(value);
  return now === undefined || now !== text;
}
