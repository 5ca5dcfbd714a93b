import assert from 'node:assert/strict';
import { assertMarker, conflictOf } from './compare.ts';
import type { Suite } from './suite.ts';

export function lifecycle({ group, test }: Suite): void {
  group('create, read and destroy', () => {
    test('reads undefined where nothing was stored', async (t) => {
      await t.assertAbsent(t.key());
    });

    test('create answers a version, and every worker reads the whole record', async (t) => {
      const { key, record } = await t.created({
        fields: { user: '"u1"', cart: '[1,2]' },
        owner: 'u1',
        settings: { idleTimeoutMs: 1234, persistent: false, label: 'Zoë\'s "phone" 📱' },
        writeIds: ['w2', 'w1'],
      });
      await t.assertStored(key, record);
    });

    test('keeps a session without fields', async (t) => {
      const { key, record } = await t.created();
      await t.assertStored(key, record);
    });

    test('keeps settings that hold only one of the three', async (t) => {
      for (const settings of [
        { idleTimeoutMs: 1 },
        { persistent: true },
        { persistent: false },
        { label: 'phone' },
        {},
      ]) {
        const { key, record } = await t.created({ settings });
        await t.assertStored(key, record);
      }
    });

    test('create under a live key answers undefined and writes nothing', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' }, owner: 'first' });
      const second = t.record({ fields: { b: '2' }, owner: 'second', createdAt: 1, leftMs: 120_000 });
      for (const worker of t.workers) assert.equal(await t.create(key, second, worker), undefined);
      await t.assertStored(key, record);
    });

    test('sessions do not see each other', async (t) => {
      const one = await t.created({ fields: { a: '1' } });
      const two = await t.created({ fields: { a: '2' } });
      await t.replaced(one.key, { ...one.record, fields: { a: '3' } });
      await t.assertStored(two.key, two.record);
      await t.destroy(one.key);
      await t.assertStored(two.key, two.record);
    });

    test('destroy returns the record as it was last', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1', b: '2' }, settings: { persistent: true } });
      const last = { ...record, fields: { a: '3' }, owner: 'u1', writeIds: ['w1'] };
      await t.replaced(key, last, 1);
      t.assertRecord(await t.destroy(key, {}, 2), last);
    });

    test('after destroy no worker finds the session', async (t) => {
      const { key } = await t.created({ fields: { a: '1' } });
      await t.destroy(key, {}, 1);
      await t.assertAbsent(key);
    });

    test('destroy may be repeated: it then answers undefined', async (t) => {
      const { key, record } = await t.created();
      t.assertRecord(await t.destroy(key), record);
      for (const worker of t.workers) assert.equal(await t.destroy(key, {}, worker), undefined);
    });

    test('destroy where nothing was stored answers undefined', async (t) => {
      assert.equal(await t.destroy(t.key()), undefined);
    });

    test('after destroy without an end marker the key is free, and the new session starts clean', async (t) => {
      const { key } = await t.created({ fields: { old: '1' }, owner: 'u1', settings: { persistent: true } });
      await t.destroy(key);
      const record = t.record({ fields: { new: '2' } });
      assert.ok(await t.create(key, record, 1));
      await t.assertStored(key, record);
    });
  });

  group('copies', () => {
    const parts = { fields: { a: '1' }, settings: { persistent: true }, writeIds: ['w1'] };

    test('changing what was handed out changes nothing that is stored', async (t) => {
      const { key, record, version } = await t.created(parts);
      spoil((await t.stored(key)).record);
      await t.assertStored(key, record);
      const next = { ...record, fields: { a: '2' } };
      await t.replaced(key, next);
      spoil(conflictOf(await t.replace(key, version, record)).record);
      await t.assertStored(key, next);
    });

    test('changing what was given in changes nothing that is stored', async (t) => {
      const key = t.key();
      const [first, second] = [t.record(parts), t.record({ ...parts, fields: { b: '1' } })].map((record) => ({
        given: structuredClone(record),
        expected: record,
      }));
      assert.ok(first && second);
      await t.create(key, first.given);
      spoil(first.given);
      await t.assertStored(key, first.expected);
      await t.replaced(key, second.given);
      spoil(second.given);
      await t.assertStored(key, second.expected);
    });

    test('changing the successor after a succession, or the marker that was read, changes no end marker', async (t) => {
      const { key } = await t.created();
      const successor = { key: t.key(), by: 'rotated' as const };
      const given = { ...successor };
      await t.succeeded(key, { endMarkerMs: 60_000, successor: given });
      spoil(given);
      const found = await t.read(key);
      assertMarker(found, successor);
      spoil(found);
      await t.assertEnded(key, successor);
    });
  });
}

/** Changes all of it that can be changed: a store may freeze what it hands out. */
function spoil(value: object | undefined): void {
  for (const [name, part] of Object.entries(value ?? {})) {
    if (typeof part === 'object' && part !== null && !(part instanceof Uint8Array)) spoil(part);
    else Reflect.set(value ?? {}, name, typeof part === 'number' ? part + 1 : 'spoilt');
  }
  if (value !== undefined && !Array.isArray(value)) Reflect.set(value, 'another', 'spoilt');
}
