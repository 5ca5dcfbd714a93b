import { describe, expect, it } from 'vitest';
import fc from 'fast-check';

import { type FieldChanges, type RecordChange, changedRecord, holdsWrite, namedRecord } from './record-change.ts';
import type { SessionRecord } from './store.ts';

const timeouts = { idleTimeoutMs: 900_000, absoluteTimeoutMs: 10_000_000, touchAfterMs: 37_500 };
const now = 1_700_000_000_000;

const stored: SessionRecord = {
  fields: { user: '"ada"', cart: '[]' },
  createdAt: now - 1_000_000,
  touchedAt: now - 1_000,
  expiresAt: now + 899_000,
  writeIds: [],
};

const texts = fc.string().map((text) => JSON.stringify(text));

/** Changes of these fields alone. */
function changesOf(...names: string[]): fc.Arbitrary<FieldChanges> {
  const name = fc.constantFrom(...names);
  return fc.record({ set: fc.dictionary(name, texts), revise: fc.dictionary(name, texts), unset: fc.array(name) });
}

/** The names that a change has to do with. */
const namesOf = ({ set, revise, unset }: FieldChanges): string[] => [
  ...Object.keys(set),
  ...Object.keys(revise),
  ...unset,
];

const changed = (record: SessionRecord, change: Partial<RecordChange>): SessionRecord =>
  changedRecord(record, { at: now, ...change }, timeouts);

describe('a change of a record', () => {
  it('of other fields gives the same whichever is stored first', () => {
    fc.assert(
      fc.property(changesOf('user', 'theme'), changesOf('cart', 'constructor', '__proto__'), (one, other) => {
        const oneFirst = changed(changed(stored, { fields: one }), { fields: other });
        const otherFirst = changed(changed(stored, { fields: other }), { fields: one });
        expect(oneFirst.fields).toEqual(otherFirst.fields);
      }),
    );
  });

  it('leaves the record that it is applied to as it was, and all other fields', () => {
    fc.assert(
      fc.property(changesOf('user', 'cart', 'theme', '__proto__'), (fields) => {
        const before = structuredClone(stored);
        const after = changed(stored, { fields });
        expect(stored).toEqual(before);
        const others = Object.keys(stored.fields).filter((name) => !namesOf(fields).includes(name));
        expect(others.map((name) => after.fields[name])).toEqual(others.map((name) => stored.fields[name]));
      }),
    );
  });

  it('does not bring back a field that another request has removed, by an object changed in place', () => {
    const { user: _user, ...others } = stored.fields;
    const after = changed({ ...stored, fields: others }, { fields: { set: {}, unset: [], revise: { user: '"bob"' } } });
    expect(after.fields).toEqual({ cart: '[]' });
  });

  it('merges settings by name', () => {
    const settings = { persistent: false, label: 'phone' };
    const after = changed({ ...stored, settings }, { settings: { idleTimeoutMs: 60_000 } });
    expect(after.settings).toEqual({ ...settings, idleTimeoutMs: 60_000 });
  });
});

describe('the deadline of a change', () => {
  it('moves to the idle timeout from now, and never beyond the absolute one', () => {
    expect(changed(stored, {}).expiresAt).toBe(now + 900_000);
    const old = { ...stored, createdAt: now - 9_900_000, expiresAt: now + 100_000 };
    expect(changed(old, {}).expiresAt).toBe(old.expiresAt);
  });

  it('does not move back where another host allows more', () => {
    const longer = { ...stored, expiresAt: now + 3_600_000 };
    expect(changed(longer, {}).expiresAt).toBe(longer.expiresAt);
  });

  it('is what the settings allow, where these change or the session has an idle timeout of its own', () => {
    expect(changed(stored, { settings: { idleTimeoutMs: 60_000 } }).expiresAt).toBe(now + 60_000);
    expect(changed({ ...stored, settings: { idleTimeoutMs: 60_000 } }, {}).expiresAt).toBe(now + 60_000);
  });

  it('is the idle timeout from the last use again, whatever a host with a wrong clock has stored', () => {
    fc.assert(
      fc.property(fc.integer({ min: -200_000_000, max: 200_000_000 }), (aheadMs) => {
        const wrong = { ...stored, touchedAt: now + aheadMs, expiresAt: now + aheadMs + timeouts.idleTimeoutMs };
        const { touchedAt, expiresAt } = changed(wrong, {});
        // A store with a clock of its own uses this difference alone.
        expect(expiresAt - touchedAt).toBe(timeouts.idleTimeoutMs);
        expect(touchedAt - now).toBeLessThanOrEqual(timeouts.touchAfterMs);
      }),
    );
  });
});

describe('the write ids of a record', () => {
  /** The record after writes that follow each other by so many milliseconds, under the ids `w1`, `w2` and so on. */
  const after = (writes: number, everyMs: number): SessionRecord[] => {
    const records = [stored];
    for (let write = 1; write <= writes; write += 1) {
      const before = records.at(-1) ?? stored;
      records.push(namedRecord({ ...before, touchedAt: before.touchedAt + everyMs }, before, `w${write}`));
    }
    return records;
  };

  it('are the last twelve while writes are in doubt, and two when the last one is long past', () => {
    expect(after(14, 1_000).at(-1)?.writeIds).toEqual(Array.from({ length: 12 }, (_, back) => `w${14 - back}`));
    expect(after(14, 10_001).at(-1)?.writeIds).toEqual(['w14', 'w13']);
    expect(namedRecord(stored, undefined, 'w1').writeIds).toEqual(['w1']);
  });

  it('show a write or exclude it, and say neither where too many others have come since', () => {
    const records = after(14, 1_000);
    const [first, second] = [records[1] ?? stored, records[2] ?? stored];
    expect(holdsWrite(records[13] ?? stored, 'w2', first)).toBe(true);
    expect(holdsWrite(records[13] ?? stored, 'lost', second)).toBe(false);
    expect(holdsWrite(records[14] ?? stored, 'lost', second)).toBe(undefined);
    expect(holdsWrite(records[14] ?? stored, 'lost', stored)).toBe(undefined);
  });
});
