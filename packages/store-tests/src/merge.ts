import assert from 'node:assert/strict';
import type { Suite } from './suite.ts';

export function merge({ group, test }: Suite): void {
  group('an update merges', () => {
    test('set adds and replaces fields and leaves the others', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1', b: '2' } });
      assert.equal(await t.store.update(key, t.change({ set: { b: '3', c: '4' } })), 'applied');
      await t.assertStored(key, { ...record, fields: { a: '1', b: '3', c: '4' } });
    });

    test('unset removes fields, and what is not there is no error', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1', b: '2' } });
      assert.equal(await t.store.update(key, t.change({ unset: ['a', 'nothing'] })), 'applied');
      await t.assertStored(key, { ...record, fields: { b: '2' } });
    });

    test('a session whose last field was removed is still there', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' } });
      assert.equal(await t.store.update(key, t.change({ unset: ['a'] })), 'applied');
      await t.assertStored(key, { ...record, fields: {} });
      assert.equal(await t.store.update(key, t.change({ set: { b: '1' } })), 'applied');
      await t.assertStored(key, { ...record, fields: { b: '1' } });
    });

    test('empty set, unset, revise and expect are a touch', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' } });
      assert.equal(await t.store.update(key, t.change({ set: {}, unset: [], revise: {}, expect: {} })), 'applied');
      await t.assertStored(key, record);
    });

    test('set, revise, unset, owner and settings in one change are all stored', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1', b: '2', c: '3' } });
      const change = t.change({
        set: { d: '4' },
        revise: { a: '5' },
        unset: ['b'],
        owner: 'u1',
        settings: { persistent: true },
      });
      assert.equal(await t.store.update(key, change), 'applied');
      await t.assertStored(key, {
        ...record,
        fields: { a: '5', c: '3', d: '4' },
        owner: 'u1',
        settings: { persistent: true },
      });
    });

    test('changes of different workers to different fields all stay', async (t) => {
      const { key, record } = await t.created();
      for (const [number, store] of t.stores.entries())
        await store.update(key, t.change({ set: { [`f${number}`]: '1' } }));
      const fields = Object.fromEntries(t.stores.map((_, number) => [`f${number}`, '1']));
      await t.assertStored(key, { ...record, fields });
    });

    test('what was applied is read by every worker at once', async (t) => {
      const { key, record } = await t.created();
      for (let round = 0; round < 40; round++) {
        await t.worker(round).update(key, t.change({ set: { round: String(round) } }));
        await t.assertStored(key, { ...record, fields: { round: String(round) } });
      }
    });
  });

  group('owner and settings', () => {
    test('a change without an owner keeps it, a text replaces it, null removes it', async (t) => {
      const { key, record } = await t.created({ owner: 'u1' });
      await t.store.update(key, t.change({ set: { a: '1' } }));
      await t.assertStored(key, { ...record, fields: { a: '1' } });
      await t.store.update(key, t.change({ owner: 'u2' }));
      await t.assertStored(key, { ...record, fields: { a: '1' }, owner: 'u2' });
      await t.store.update(key, t.change({ owner: null }));
      const { owner: _, ...nobodys } = record;
      await t.assertStored(key, { ...nobodys, fields: { a: '1' } });
    });

    test('a change without settings keeps them, others replace them as a whole', async (t) => {
      const { key, record } = await t.created({ settings: { idleTimeoutMs: 60_000, persistent: true } });
      await t.store.update(key, t.change());
      await t.assertStored(key, record);
      for (const settings of [{ persistent: false }, { idleTimeoutMs: 60_000 }, {}]) {
        await t.store.update(key, t.change({ settings }));
        await t.assertStored(key, { ...record, settings });
      }
    });
  });
}
