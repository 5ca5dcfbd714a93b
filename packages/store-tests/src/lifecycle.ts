import assert from 'node:assert/strict';
import type { Suite } from './suite.ts';

export function lifecycle({ group, test }: Suite): void {
  group('create, read and destroy', () => {
    test('reads undefined where nothing was stored', async (t) => {
      await t.assertAbsent(t.key());
    });

    test('create answers true, and every worker reads the whole record', async (t) => {
      const key = t.key();
      const record = t.record({
        fields: { user: '"u1"', cart: '[1,2]' },
        owner: 'u1',
        settings: { idleTimeoutMs: 1234, persistent: false },
      });
      assert.equal(await t.store.create(key, record), true);
      await t.assertStored(key, record);
    });

    test('keeps a session without fields', async (t) => {
      const { key, record } = await t.created();
      await t.assertStored(key, record);
    });

    test('keeps settings that hold only one of the two', async (t) => {
      for (const settings of [{ idleTimeoutMs: 1 }, { persistent: true }, { persistent: false }, {}]) {
        const { key, record } = await t.created({ settings });
        await t.assertStored(key, record);
      }
    });

    test('create under a live key answers false and writes nothing', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' }, owner: 'first' });
      const second = t.record({ fields: { b: '2' }, owner: 'second', createdAt: 1, leftMs: 120_000 });
      for (const store of t.stores) assert.equal(await store.create(key, second), false);
      await t.assertStored(key, record);
    });

    test('sessions do not see each other', async (t) => {
      const one = await t.created({ fields: { a: '1' } });
      const two = await t.created({ fields: { a: '2' } });
      assert.equal(await t.store.update(one.key, t.change({ set: { a: '3' } })), 'applied');
      await t.assertStored(two.key, two.record);
      await t.store.destroy(one.key);
      await t.assertStored(two.key, two.record);
    });

    test('destroy returns the record as it was last', async (t) => {
      const { key, record } = await t.created({
        fields: { a: '1', b: '2' },
        owner: 'u1',
        settings: { persistent: true },
      });
      await t.worker(1).update(key, t.change({ set: { a: '3' }, unset: ['b'] }));
      t.assertRecord(await t.worker(2).destroy(key), { ...record, fields: { a: '3' } });
    });

    test('after destroy no worker finds the session', async (t) => {
      const { key } = await t.created({ fields: { a: '1' } });
      await t.worker(1).destroy(key);
      await t.assertAbsent(key);
    });

    test('destroy may be repeated: it then answers undefined', async (t) => {
      const { key } = await t.created();
      assert.notEqual(await t.store.destroy(key), undefined);
      for (const store of t.stores) assert.equal(await store.destroy(key), undefined);
    });

    test('destroy where nothing was stored answers undefined', async (t) => {
      assert.equal(await t.store.destroy(t.key()), undefined);
    });

    test('after destroy without an end marker the key is free, and the new session starts clean', async (t) => {
      const { key } = await t.created({ fields: { old: '1' }, owner: 'u1', settings: { persistent: true } });
      await t.store.destroy(key);
      const record = t.record({ fields: { new: '2' } });
      assert.equal(await t.worker(1).create(key, record), true);
      await t.assertStored(key, record);
    });
  });

  group('copies', () => {
    test('changing a record that was read changes nothing that is stored', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' }, settings: { persistent: true } });
      const read = await t.store.read(key);
      assert.ok(read !== undefined && read !== 'ended');
      read.fields['a'] = '2';
      read.fields['b'] = '3';
      read.expiresAt = 0;
      if (read.settings) read.settings.persistent = false;
      await t.assertStored(key, record);
    });

    test('changing a record after create, or a change after update, changes nothing that is stored', async (t) => {
      const key = t.key();
      const record = t.record({ fields: { a: '1' }, settings: { persistent: true } });
      const expected = structuredClone(record);
      await t.store.create(key, record);
      record.fields['a'] = '2';
      record.settings = Object.assign(record.settings ?? {}, { persistent: false });
      await t.assertStored(key, expected);

      const change = t.change({ set: { b: '1' }, settings: { idleTimeoutMs: 1 } });
      await t.store.update(key, change);
      Object.assign(change.set ?? {}, { b: '2' });
      Object.assign(change.settings ?? {}, { idleTimeoutMs: 2 });
      const { touchedAt, expiresAt } = change;
      await t.assertStored(key, {
        ...expected,
        fields: { a: '1', b: '1' },
        touchedAt,
        expiresAt,
        settings: { idleTimeoutMs: 1 },
      });
    });
  });
}
