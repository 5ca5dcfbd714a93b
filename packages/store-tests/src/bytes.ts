import assert from 'node:assert/strict';
import type { FieldText, SessionKey, SessionRecord } from '@sess/core';
import { textOf, versionOf } from './compare.ts';
import type { Subject } from './subject.ts';
import type { Suite } from './suite.ts';

type Fields = Record<string, FieldText>;

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A text of 64 KB, long enough for a store that returns long texts as bytes. */
const long = (letter: string): string => `"${letter.repeat(65_534)}"`;

function without(fields: Fields, name: string): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([each]) => each !== name));
}

/** What an app may put in the place of `{ long, short, other }`, with the texts as the store has returned them. */
const steps: Record<string, (read: Fields) => Fields> = {
  'nothing changed': (read) => read,
  'a short text changed': (read) => ({ ...read, short: '"changed"' }),
  'a short text longer': (read) => ({ ...read, short: `"${'s'.repeat(300)}"` }),
  'a short text gone': (read) => without(read, 'short'),
  'a field added': (read) => ({ ...read, added: '1' }),
  'a long field added': (read) => ({ ...read, added: long('a') }),
  'another order of the fields': (read) => Object.fromEntries(Object.entries(read).toReversed()),
  'the long text changed, of the same length': (read) => ({ ...read, long: long('y') }),
  'the long text one letter shorter': (read) => ({ ...read, long: `"${'x'.repeat(65_533)}"` }),
  'the long text one letter longer': (read) => ({ ...read, long: `"${'x'.repeat(65_535)}"` }),
  'the long text short': (read) => ({ ...read, long: '1' }),
  'the long text gone': (read) => without(read, 'long'),
  'the same long text as a string': (read) => ({ ...read, long: long('x') }),
  'the same long text as other bytes': (read) => ({ ...read, long: utf8(long('x')) }),
  'other bytes of the same length': (read) => ({ ...read, long: utf8(long('z')) }),
  'bytes that are a part of more': (read) => ({ ...read, long: utf8(`-${long('p')}-`).subarray(1, -1) }),
  'the two long texts exchanged': ({ long = '', other = '', ...read }) => ({ ...read, long: other, other: long }),
  'one long text in both places': ({ long = '', ...read }) => ({ ...read, long, other: long }),
  'a long text under another name': ({ long = '', ...read }) => ({ ...read, renamed: long }),
};

const texts = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, textOf(text)]));

/** Replaces what is stored by what `step` makes of it, and looks whether that is then stored. */
async function carryOut(t: Subject, key: SessionKey, step: (read: Fields) => Fields, worker = 0): Promise<void> {
  const { record, version } = await t.stored(key, worker);
  const fields = step(record.fields);
  const expected = { ...record, fields: texts(fields) };
  versionOf(await t.replace(key, version, { ...record, fields }, worker));
  await t.assertStored(key, expected);
}

export function bytes({ group, test }: Suite): void {
  group('texts as bytes', () => {
    const whole: Fields = { long: long('x'), short: '"s"', other: long('o') };

    for (const [what, step] of Object.entries(steps)) {
      test(`replace with what was read and ${what}`, async (t) => {
        const { key } = await t.created({ fields: whole });
        await carryOut(t, key, step, 1);
        await carryOut(t, key, (read) => ({ ...read, short: '"after"' }), 2);
      });
    }

    test('are taken by create and by replace, beside strings', async (t) => {
      const mixed = { empty: utf8(''), letters: utf8('"ß€😀"'), long: utf8(long('x')), text: '"ß€😀"' };
      const { key, record } = await t.created({ fields: mixed });
      await t.assertStored(key, record);
      const next = { ...record, fields: { empty: '', letters: '"ß€😀"', long: long('x'), text: utf8('"€"') } };
      await t.replaced(key, next);
      await t.assertStored(key, next);
    });

    test('that a reader holds are those of its moment, whatever is stored after it', async (t) => {
      const { key, record } = await t.created({ fields: whole });
      const read = await t.stored(key);
      await t.replaced(key, { ...record, fields: { ...whole, long: long('y') } });
      t.assertRecord(read.record, record);
    });

    test('of an older state are stored as they are, not taken for what stands now', async (t) => {
      const { key, record } = await t.created({ fields: whole });
      const old = (await t.stored(key)).record.fields;
      await t.replaced(key, { ...record, fields: { ...whole, long: long('y') } }, 1);
      await carryOut(t, key, () => old);
    });

    test('may be handed back again and again, each time with the version of the last replace', async (t) => {
      const { key } = await t.created({ fields: whole });
      const read = await t.stored(key);
      let { version } = read;
      let fields: Fields = read.record.fields;
      for (const step of Object.values(steps)) {
        fields = step(fields);
        const record: SessionRecord = { ...read.record, fields };
        version = versionOf(await t.replace(key, version, record));
        await t.assertStored(key, { ...record, fields: texts(fields) });
      }
      assert.ok(Object.keys(fields).length > 0);
    });
  });
}
