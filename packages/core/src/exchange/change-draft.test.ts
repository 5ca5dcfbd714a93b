import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ChangeDraft } from './change-draft.ts';
import { memoryStore } from '../storage/memory-store.ts';
import type { SessionRecord, SessionStore } from '../store.ts';
import { keyOf } from '../cookie/token.ts';
import type { Write } from './write.ts';

const key = keyOf('session');
const times = { touchedAt: 1, expiresAt: 1000 };

async function storeWith(fields: Record<string, string>): Promise<SessionStore> {
  const store = memoryStore({ clock: () => 0 });
  await store.create(key, { fields, createdAt: 0, touchedAt: 0, expiresAt: 1000 });
  return store;
}

async function recordIn(store: SessionStore): Promise<SessionRecord> {
  const record = await store.read(key);
  if (typeof record !== 'object') throw new Error('the session is there');
  return record;
}

/** One write alone, as the store would see it without any batching. */
async function applyAlone(store: SessionStore, { times: when, fields, update }: Write): Promise<void> {
  if (update !== undefined) {
    const { [update.key]: text } = (await recordIn(store)).fields;
    const next = update.revise(text);
    await store.update(key, {
      ...when,
      ...(next === undefined ? { unset: [update.key] } : { set: { [update.key]: next } }),
    });
  }
  if (fields !== undefined || update === undefined) await store.update(key, { ...when, ...fields });
}

const name = fc.constantFrom('a', 'b', 'c');
const text = fc.constantFrom('1', '2', '3');
const disjoint = fc
  .uniqueArray(fc.tuple(name, text, fc.constantFrom('set', 'revise', 'unset')), { selector: ([field]) => field })
  .map((steps) => {
    const set: Record<string, string> = Object.create(null);
    const revise: Record<string, string> = Object.create(null);
    const unset: string[] = [];
    for (const [field, value, verb] of steps) {
      if (verb === 'unset') unset.push(field);
      else (verb === 'set' ? set : revise)[field] = value;
    }
    return { set, revise, unset };
  });
const when = fc.record({ touchedAt: fc.nat({ max: 50 }), expiresAt: fc.integer({ min: 900, max: 1100 }) });
const append = (suffix: string | undefined) => (current: string | undefined) =>
  suffix === undefined ? undefined : `${current ?? ''}${suffix}`;
const write: fc.Arbitrary<Write> = fc.oneof(
  fc.record({ times: when, fields: disjoint }),
  fc.record({ times: when }),
  fc
    .tuple(when, name, fc.option(text, { nil: undefined }))
    .map(([at, field, suffix]) => ({ times: at, update: { key: field, known: undefined, revise: append(suffix) } })),
);
const fieldsBefore = fc
  .uniqueArray(fc.tuple(name, text), { selector: ([field]) => field })
  .map((entries): Record<string, string> => Object.assign(Object.create(null), Object.fromEntries(entries)));

function draftOf(writes: readonly Write[], held: Readonly<Record<string, string>>): ChangeDraft {
  const known = ['a', 'b', 'c'].map((field) => [field, held[field]] as const);
  const draft = new ChangeDraft(new Map(known));
  for (const one of writes) draft.add(one);
  return draft;
}

describe('several writes as one change', () => {
  it('do the same as one behind the other', async () => {
    const property = fc.asyncProperty(
      fieldsBefore,
      fc.array(write, { minLength: 1, maxLength: 8 }),
      async (held, writes) => {
        const alone = await storeWith(held);
        for (const one of writes) await applyAlone(alone, one);
        const together = await storeWith(held);
        const draft = draftOf(writes, held);
        expect(await together.update(key, draft.change())).toBe('applied');
        const expected = await recordIn(alone);
        expect(await recordIn(together)).toEqual(expected);
        for (const [field, value] of draft.texts()) expect(expected.fields[field]).toBe(value);
      },
    );
    await expect(fc.check(property, { numRuns: 500 })).resolves.toMatchObject({ failed: false, counterexample: null });
  });

  it('apply nothing when an update goes by what the store no longer holds', async () => {
    const property = fc.asyncProperty(
      fieldsBefore,
      fieldsBefore,
      fc.array(write, { minLength: 1, maxLength: 6 }),
      async (held, thought, writes) => {
        const store = await storeWith(held);
        const draft = draftOf(writes, thought);
        const stale = [...draft.expected()].some(([field, value]) => value !== held[field]);
        const before = await recordIn(store);
        expect(await store.update(key, draft.change())).toBe(stale ? 'conflict' : 'applied');
        if (!stale) return true;
        return JSON.stringify(await recordIn(store)) === JSON.stringify(before);
      },
    );
    await expect(fc.check(property, { numRuns: 500 })).resolves.toMatchObject({ failed: false, counterexample: null });
  });

  it('without an update compare nothing: the last assignment wins', () => {
    const draft = draftOf([{ times, fields: { set: { a: '1' }, revise: { b: '2' }, unset: ['c'] } }], {});
    expect(draft.change()).toEqual({ ...times, set: { a: '1' }, revise: { b: '2' }, unset: ['c'] });
  });

  it('of which none has a field are a touch: no data goes along', () => {
    expect(draftOf([{ times }, { times: { touchedAt: 5, expiresAt: 900 } }], {}).change()).toEqual({
      touchedAt: 5,
      expiresAt: 1000,
    });
  });

  it('keep a change of settings, and its shorter deadline, from whoever did not know of it', () => {
    const short: Write = { times: { touchedAt: 2, expiresAt: 50, settings: { idleTimeoutMs: 48 } } };
    const ordinary: Write = { times: { touchedAt: 3, expiresAt: 1000 } };
    const expected = { touchedAt: 3, expiresAt: 50, settings: { idleTimeoutMs: 48 } };
    expect(draftOf([short, ordinary], {}).change()).toEqual(expected);
    expect(draftOf([ordinary, short], {}).change()).toEqual(expected);
    const last: Write = { times: { touchedAt: 4, expiresAt: 70, settings: { persistent: true } } };
    expect(draftOf([short, last], {}).change()).toEqual({
      touchedAt: 4,
      expiresAt: 70,
      settings: { persistent: true },
    });
  });

  it('leave out an update that throws, but for the comparison that its refusal depends on', () => {
    const draft = new ChangeDraft(new Map([['stock', '0']]));
    const refuse = (): never => {
      throw new Error('sold out');
    };
    expect(() => draft.add({ times, update: { key: 'stock', known: '7', revise: refuse } })).toThrow('sold out');
    draft.add({ times, fields: { set: { seen: '1' }, revise: {}, unset: [] } });
    expect(draft.change()).toEqual({ ...times, set: { seen: '1' }, expect: { stock: '0' } });
  });
});
