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

/** Inherited by every plain object: a store that asks `name in fields` believes them to be there. */
const inherited = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];

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
        const moved = { set: { updated: text }, unset: ['created'], expect: { created: text } };
        assert.equal(await t.store.update(key, t.change(moved)), 'applied');
        await t.assertStored(key, { ...record, fields: { updated: text } });
        const revised = { revise: { updated: `${text}.` }, expect: { updated: text } };
        assert.equal(await t.store.update(key, t.change(revised)), 'applied');
        t.assertRecord(await t.store.destroy(key), { ...record, fields: { updated: `${text}.` } });
      });
    }
  });

  group('field keys', () => {
    test('keeps field keys of every kind at create', async (t) => {
      const { key, record } = await t.created({ fields: fieldsOf(names, '1') });
      await t.assertStored(key, record);
    });

    test('keeps field keys of every kind at update, and compares, revises and removes them', async (t) => {
      const { key, record } = await t.created();
      const change = { set: fieldsOf(names, '1'), expect: Object.fromEntries(names.map((name) => [name, undefined])) };
      assert.equal(await t.store.update(key, t.change(change)), 'applied', 'set, expecting none to be there');
      await t.assertStored(key, { ...record, fields: fieldsOf(names, '1') });

      const revised = { revise: fieldsOf(names, '2'), expect: fieldsOf(names, '1') };
      assert.equal(await t.store.update(key, t.change(revised)), 'applied', 'revise, expecting all to be there');
      await t.assertStored(key, { ...record, fields: fieldsOf(names, '2') });

      assert.equal(await t.store.update(key, t.change({ unset: names })), 'applied', 'unset');
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
        assert.equal(await t.store.update(key, t.change({ unset: [name] })), 'applied');
        await t.assertStored(key, { ...record, fields: { other: '"x"' } });
      });
    }

    test('inherited names are not there: expected absent they hold, and revise leaves them out', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' } });
      const expect = Object.fromEntries(inherited.map((name) => [name, undefined]));
      assert.equal(await t.store.update(key, t.change({ expect, revise: fieldsOf(inherited, '2') })), 'applied');
      await t.assertStored(key, record);
    });

    test('a field "__proto__" reaches no prototype', async (t) => {
      const { key } = await t.created({ fields: fieldsOf(['__proto__'], '{"polluted":true}') });
      const read = await t.store.read(key);
      assert.ok(read !== undefined && read !== 'ended');
      assert.equal(Reflect.get(read.fields, 'polluted'), undefined);
      assert.equal(Reflect.get({}, 'polluted'), undefined);
    });

    test('keeps 1,000 fields, and changes, compares and removes them in one update', async (t) => {
      const many = Array.from({ length: 1000 }, (_, number) => `field ${number}`);
      const { key, record } = await t.created({ fields: fieldsOf(many, '1') });
      await t.assertStored(key, record);
      assert.equal(
        await t.store.update(key, t.change({ set: fieldsOf(many, '2'), expect: fieldsOf(many, '1') })),
        'applied',
      );
      assert.equal(await t.store.update(key, t.change({ revise: fieldsOf(many, '3') })), 'applied');
      await t.assertStored(key, { ...record, fields: fieldsOf(many, '3') });
      assert.equal(await t.store.update(key, t.change({ unset: many })), 'applied');
      await t.assertStored(key, { ...record, fields: {} });
    });

    test('tells field keys apart that differ only in case or composition', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1', A: '2', '\u00E9': '3', 'e\u0301': '4' } });
      await t.assertStored(key, record);
    });
  });
}
