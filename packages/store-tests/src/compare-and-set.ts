import assert from 'node:assert/strict';
import type { Suite } from './suite.ts';

/** What does not hold for the fields `{ a: '1', b: '2' }`. */
const unmet: Record<string, Record<string, string | undefined>> = {
  'another text': { a: '2' },
  'a text of another type in JSON': { a: '"1"' },
  'a longer text': { a: '1 ' },
  'the empty text for a text': { a: '' },
  'a field that is not there': { c: '1' },
  'no field where one is': { a: undefined },
  'one of several': { a: '1', b: '2', c: undefined, d: '1' },
  'the empty text where there is no field': { c: '' },
};

export function compareAndSet({ group, test }: Suite): void {
  group('expect', () => {
    test('when all fields hold what is expected the change is applied', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1', b: '' } });
      const change = t.change({ expect: { a: '1', b: '', c: undefined }, set: { a: '2' } });
      assert.equal(await t.worker(1).update(key, change), 'applied');
      await t.assertStored(key, { ...record, fields: { a: '2', b: '' } });
    });

    for (const [what, expect] of Object.entries(unmet)) {
      test(`${what} is a conflict, and nothing of the change is written`, async (t) => {
        const { key, record } = await t.created({ fields: { a: '1', b: '2' }, owner: 'u1' });
        await t.clock.pass(10);
        const change = {
          set: { x: '1' },
          unset: ['b'],
          revise: { a: '9' },
          owner: 'u2',
          settings: { persistent: true },
        };
        assert.equal(await t.worker(1).update(key, t.change({ ...change, expect, leftMs: 120_000 })), 'conflict');
        await t.assertStored(key, record);
      });
    }

    test('a field may be compared and not changed', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' } });
      assert.equal(await t.store.update(key, t.change({ expect: { a: '1' }, set: { b: '2' } })), 'applied');
      assert.equal(await t.store.update(key, t.change({ expect: { a: '1' } })), 'applied');
      await t.assertStored(key, { ...record, fields: { a: '1', b: '2' } });
    });

    test('a comparison sees the fields as they were before the change', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' } });
      assert.equal(await t.store.update(key, t.change({ expect: { a: '1' }, unset: ['a'] })), 'applied');
      assert.equal(await t.store.update(key, t.change({ expect: { a: undefined }, set: { a: '2' } })), 'applied');
      await t.assertStored(key, { ...record, fields: { a: '2' } });
    });

    test('a comparison sees what another worker has just written', async (t) => {
      const { key } = await t.created({ fields: { a: '1' } });
      await t.worker(1).update(key, t.change({ set: { a: '2' } }));
      assert.equal(await t.worker(2).update(key, t.change({ expect: { a: '1' }, set: { a: '3' } })), 'conflict');
      assert.equal(await t.worker(2).update(key, t.change({ expect: { a: '2' }, set: { a: '3' } })), 'applied');
    });

    test('where there is no session the answer is gone, whether or not the comparison would hold', async (t) => {
      for (const expect of [{ a: undefined }, { a: '1' }]) {
        assert.equal(await t.store.update(t.key(), t.change({ expect, set: { a: '2' } })), 'gone');
      }
    });
  });
}
