import assert from 'node:assert/strict';
import type { SessionChange } from '@sess/core';
import type { Suite } from './suite.ts';

/** Every kind of change that could bring a session back. */
export const changes: Record<string, Partial<SessionChange>> = {
  'a touch': {},
  'a set': { set: { a: '1' } },
  'an unset': { unset: ['a'] },
  'a revise': { revise: { a: '2' } },
  'a comparison that holds for nothing': { expect: { a: undefined }, set: { a: '1' } },
  'a comparison that held before': { expect: { a: '1' }, set: { a: '2' } },
  'a new owner': { owner: 'u2' },
  'new settings': { settings: { idleTimeoutMs: 1000 } },
};

export function gone({ group, test }: Suite): void {
  group('an update never creates', () => {
    for (const [what, change] of Object.entries(changes)) {
      test(`${what} where nothing was stored is gone and writes nothing`, async (t) => {
        const key = t.key();
        assert.equal(await t.store.update(key, t.change(change)), 'gone');
        await t.assertAbsent(key);
        assert.equal(await t.store.create(key, t.record()), true);
      });

      test(`${what} after destroy is gone and brings nothing back, however often it is repeated`, async (t) => {
        const { key } = await t.created({ fields: { a: '1' }, owner: 'u1' });
        await t.store.destroy(key);
        for (const store of [...t.stores, ...t.stores]) assert.equal(await store.update(key, t.change(change)), 'gone');
        await t.assertAbsent(key);
      });

      test(`${what} under an end marker is gone and leaves the marker`, async (t) => {
        const { key } = await t.created({ fields: { a: '1' }, owner: 'u1' });
        await t.store.destroy(key, { endMarkerMs: 60_000 });
        for (const store of t.stores) assert.equal(await store.update(key, t.change(change)), 'gone');
        await t.assertEnded(key);
      });
    }

    test('a late update does not reach a new session under the key of an expired one', async (t) => {
      const { key } = await t.created({ leftMs: 200, fields: { a: '1' } });
      await t.clock.pass(200);
      assert.equal(await t.worker(1).update(key, t.change({ set: { a: '2' } })), 'gone');
      const record = t.record({ fields: { b: '1' } });
      assert.equal(await t.store.create(key, record), true);
      await t.assertStored(key, record);
    });
  });
}
