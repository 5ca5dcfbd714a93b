import assert from 'node:assert/strict';
import type { Suite } from './suite.ts';

const mebibyte = 1024 * 1024;

/** Texts that an encoding, a protocol or a parser might not bring back. */
const texts: Record<string, string> = {
  'the empty text': '',
  'JSON null': 'null',
  'a text that is not JSON': '{"torn":',
  'a number that must not be rounded': '12345678901234567890.10',
  'a number that is none': '1e400',
  'white space around a text': ' \t x \t ',
  'line feeds and carriage returns': 'a\nb\r\nc\r',
  NUL: 'a\0b\0',
  'control characters': '\u0001\u001B[31m\u007F',
  'a byte order mark': '\uFEFFx',
  'line and paragraph separators': '\u2028\u2029',
  'letters of many scripts': 'Grüße, Ωμέγα, привет, שלום, مرحبا, 你好, 🏳️‍🌈',
  'a letter both composed and not': '\u00E9 e\u0301',
  'quotes and back slashes': '\'"`\\\\ \\u0000 %00',
  'what a protocol might read as its own': '*3\r\n$3\r\nSET\r\n',
  'a replacement character': '\uFFFD',
  'half a surrogate pair, as JSON writes it': JSON.stringify('\uD83D'),
  'one mebibyte': 'x'.repeat(mebibyte),
  'one mebibyte of multi-byte letters': 'ß€😀'.repeat(mebibyte / 9),
};

/** Field keys that meet an object's own properties, a path, a pattern, or a store's book-keeping. */
const names = [
  ...['', ' ', '0', '10', '-1', 'a b', 'a\nb', 'a\0b', 'Ключ 🗝️', 'k'.repeat(1024)],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'],
  ...['fields', 'createdAt', 'touchedAt', 'expiresAt', 'owner', 'settings', 'ended', 'v', 'version'],
  ...['data', 'data.', 'data.x', 'd:x', 'f:x', 'f.x', '.x', ':x', '_x', '$set', 'x.expiresAt'],
  ...['../../etc/passwd', 'a/b\\c', '*?[a]{b}'],
];

/** Unlike a literal, this makes `__proto__` a key like any other. */
function fieldsOf(keys: readonly string[], text: string): Record<string, string> {
  return Object.fromEntries(keys.map((key) => [key, text]));
}

export function fields({ group, test }: Suite): void {
  group('field texts', () => {
    for (const [kind, text] of Object.entries(texts)) {
      test(`keeps ${kind}`, async (t) => {
        const { key, record } = await t.created({ fields: { created: text } });
        await t.assertStored(key, record);
        // One at a time: a session may hold a mebibyte, and two are not asked for.
        const next = { ...record, fields: { replaced: text } };
        await t.replaced(key, next, 1);
        await t.assertStored(key, next);
        const longer = { ...record, fields: { replaced: `${text}.` } };
        await t.replaced(key, longer, 1);
        t.assertRecord(await t.destroy(key), longer);
      });
    }
  });

  group('field keys', () => {
    test('keeps field keys of every kind at create', async (t) => {
      const { key, record } = await t.created({ fields: fieldsOf(names, '1') });
      await t.assertStored(key, record);
    });

    test('keeps field keys of every kind at replace, and removes them', async (t) => {
      const { key, record } = await t.created();
      for (const text of ['1', '2']) {
        await t.replaced(key, { ...record, fields: fieldsOf(names, text) }, 1);
        await t.assertStored(key, { ...record, fields: fieldsOf(names, text) });
      }
      await t.replaced(key, record);
      await t.assertStored(key, record);
    });

    for (const name of names.map((name) => name.slice(0, 20))) {
      test(`a field ${JSON.stringify(name)} leaves the rest of the record alone`, async (t) => {
        const { key, record } = await t.created({
          fields: fieldsOf([name, 'other'], '"x"'),
          owner: 'u1',
          settings: { idleTimeoutMs: 1 },
        });
        await t.assertStored(key, record);
        await t.replaced(key, { ...record, fields: { other: '"x"' } });
        await t.assertStored(key, { ...record, fields: { other: '"x"' } });
      });
    }

    test('a field "__proto__" reaches no prototype', async (t) => {
      const { key } = await t.created({ fields: fieldsOf(['__proto__'], '{"polluted":true}') });
      const { fields } = (await t.stored(key)).record;
      assert.equal(Reflect.get(fields, 'polluted'), undefined);
      assert.equal(Reflect.get({}, 'polluted'), undefined);
    });

    test('keeps 1,000 fields, and changes and removes them in one replace', async (t) => {
      const many = Array.from({ length: 1000 }, (_, number) => `field ${number}`);
      const { key, record } = await t.created({ fields: fieldsOf(many, '1') });
      await t.assertStored(key, record);
      for (const [keys, text] of [
        [many, '2'],
        [many.slice(1), '3'],
        [[], ''],
      ] as const) {
        await t.replaced(key, { ...record, fields: fieldsOf(keys, text) });
        await t.assertStored(key, { ...record, fields: fieldsOf(keys, text) });
      }
    });

    test('tells field keys apart that differ only in case or composition', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1', A: '2', '\u00E9': '3', 'e\u0301': '4' } });
      await t.assertStored(key, record);
    });
  });
}
