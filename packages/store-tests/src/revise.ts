import assert from 'node:assert/strict';
import type { Suite } from './suite.ts';

export function revise({ group, test }: Suite): void {
  group('revise', () => {
    test('writes fields that are there', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1', empty: '' } });
      assert.equal(await t.worker(1).update(key, t.change({ revise: { a: '2', empty: '3' } })), 'applied');
      await t.assertStored(key, { ...record, fields: { a: '2', empty: '3' } });
    });

    test('leaves out fields that are not there, which is no conflict', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' } });
      assert.equal(await t.store.update(key, t.change({ revise: { a: '2', b: '3' } })), 'applied');
      assert.equal(await t.store.update(key, t.change({ revise: { b: '3' } })), 'applied');
      await t.assertStored(key, { ...record, fields: { a: '2' } });
    });

    test('does not undo a delete by another worker', async (t) => {
      const { key, record } = await t.created({ fields: { user: '1' } });
      await t.worker(1).update(key, t.change({ unset: ['user'] }));
      assert.equal(await t.worker(2).update(key, t.change({ revise: { user: '2' }, set: { seen: '1' } })), 'applied');
      await t.assertStored(key, { ...record, fields: { seen: '1' } });
    });

    test('counts only fields that were there before the change', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' } });
      assert.equal(
        await t.store.update(key, t.change({ set: { b: '1' }, revise: { c: '1' }, unset: ['a'] })),
        'applied',
      );
      await t.assertStored(key, { ...record, fields: { b: '1' } });
    });

    test('moves the times even when every field is left out', async (t) => {
      const { key, record } = await t.created();
      await t.clock.pass(10);
      const { touchedAt, expiresAt } = t.change();
      assert.equal(await t.store.update(key, { revise: { a: '1' }, touchedAt, expiresAt }), 'applied');
      await t.assertStored(key, { ...record, touchedAt, expiresAt });
    });
  });
}
