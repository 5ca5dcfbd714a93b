import { SessError } from '../errors.ts';
import type { SessionChange } from '../store.ts';
import type { FieldUpdate, Write } from './write.ts';

type Step = { verb: 'set' | 'revise'; text: string } | { verb: 'unset' };

/** Several writes of one session, in their order, as the one change that has the same effect. */
export class ChangeDraft {
  readonly #known: ReadonlyMap<string, string | undefined>;
  readonly #steps = new Map<string, Step>();
  readonly #expect = new Map<string, string | undefined>();
  #times: Write['times'] | undefined;

  constructor(known: ReadonlyMap<string, string | undefined>) {
    this.#known = known;
  }

  /**
   * Adds a write. One whose update function throws is left out, but for the comparison: its refusal
   * is worth as much as the value that it was given, which may be old.
   * @throws what the update function throws
   */
  add(write: Write): void {
    if (write.update !== undefined) this.#addUpdate(write.update);
    for (const [key, text] of Object.entries(write.fields?.set ?? {})) this.#steps.set(key, { verb: 'set', text });
    for (const [key, text] of Object.entries(write.fields?.revise ?? {})) this.#addRevision(key, text);
    for (const key of write.fields?.unset ?? []) this.#steps.set(key, { verb: 'unset' });
    this.#addTimes(write.times);
  }

  #addRevision(key: string, text: string): void {
    const before = this.#steps.get(key);
    if (before?.verb === 'unset') return;
    this.#steps.set(key, { verb: before?.verb ?? 'revise', text });
  }

  #addUpdate(update: FieldUpdate): void {
    const { key } = update;
    const before = this.#steps.get(key);
    let current: string | undefined;
    if (before === undefined || before.verb === 'revise') {
      const held = this.#held(update);
      if (!this.#expect.has(key)) this.#expect.set(key, held);
      current = before === undefined || held === undefined ? held : before.text;
    } else {
      // A write before it in the same change decides what the field holds: nothing to compare.
      current = before.verb === 'set' ? before.text : undefined;
    }
    const text = update.revise(current);
    this.#steps.set(key, text === undefined ? { verb: 'unset' } : { verb: 'set', text });
  }

  /** All updates of a change go by the same text: the one that it is compared with. */
  #held({ key, known }: FieldUpdate): string | undefined {
    if (this.#expect.has(key)) return this.#expect.get(key);
    return this.#known.has(key) ? this.#known.get(key) : known;
  }

  #addTimes(times: Write['times']): void {
    const before = this.#times;
    if (before === undefined) {
      this.#times = times;
      return;
    }
    // Without settings the deadline only moves later; a change of settings decides it.
    const decides = times.settings !== undefined || before.settings === undefined ? times : before;
    this.#times = {
      ...before,
      ...times,
      touchedAt: Math.max(before.touchedAt, times.touchedAt),
      expiresAt: decides.settings === undefined ? Math.max(before.expiresAt, times.expiresAt) : decides.expiresAt,
    };
  }

  change(): SessionChange {
    const set: Record<string, string> = Object.create(null);
    const revise: Record<string, string> = Object.create(null);
    const unset: string[] = [];
    for (const [key, step] of this.#steps) {
      if (step.verb === 'unset') unset.push(key);
      else (step.verb === 'set' ? set : revise)[key] = step.text;
    }
    if (this.#times === undefined) throw new Error('a change without a write');
    return {
      ...this.#times,
      ...(isEmpty(set) ? {} : { set }),
      ...(isEmpty(revise) ? {} : { revise }),
      ...(unset.length === 0 ? {} : { unset }),
      ...(this.#expect.size === 0
        ? {}
        : { expect: Object.assign(Object.create(null), Object.fromEntries(this.#expect)) }),
    };
  }

  /** The comparison that the change depends on. */
  expected(): ReadonlyMap<string, string | undefined> {
    return this.#expect;
  }

  /** What the store holds of these fields once the change is applied. Revisions are not known to have landed. */
  texts(): Map<string, string | undefined> {
    const texts = new Map<string, string | undefined>();
    for (const [key, step] of this.#steps)
      if (step.verb !== 'revise') texts.set(key, step.verb === 'set' ? step.text : undefined);
    return texts;
  }

  lostTooOften(attempts: number): SessError {
    return new SessError(
      'SESSION_CONFLICT',
      `session.update lost against other processes ${attempts} times in a row. Nothing was stored; try again.`,
    );
  }
}

export function isEmpty(record: Record<string, string>): boolean {
  for (const _ in record) return false;
  return true;
}
