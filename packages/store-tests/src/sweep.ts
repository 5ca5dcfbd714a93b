import assert from 'node:assert/strict';
import { rounds } from './rounds.ts';
import type { Subject } from './subject.ts';
import type { Suite } from './suite.ts';

const shortMs = 200;
const dayMs = 24 * 3600 * 1000;

/** Far enough behind the deadlines for a store that sweeps only some time after them. */
async function passADay(t: Subject): Promise<void> {
  await t.clock.pass(t.clock.isOwn ? shortMs : dayMs);
}

export function sweep({ group, test: anyTest }: Suite): void {
  const needs = { ability: 'sweep' } as const;
  const test = (name: string, body: (t: Subject) => Promise<void>) => anyTest(name, needs, body);

  group('sweep', () => {
    test('finds nothing to do in an empty storage', async (t) => {
      assert.deepEqual({ ...(await t.able('sweep').sweep()) }, { removed: 0, kept: 0 });
    });

    anyTest(
      'removes expired sessions and end markers, keeps the others, and counts both',
      { ...needs, movedClock: true },
      async (t) => {
        for (let count = 0; count < 3; count++) await t.created({ leftMs: shortMs, owner: 'u1' });
        const ended = await t.created();
        await t.destroy(ended.key, { endMarkerMs: shortMs });
        const live = [
          await t.created({ leftMs: 2 * dayMs, fields: { a: '1' } }),
          await t.created({ leftMs: 2 * dayMs, owner: 'u1' }),
        ];
        await passADay(t);
        assert.deepEqual({ ...(await t.able('sweep', 1).sweep()) }, { removed: 4, kept: 2 });
        for (const { key, record } of live) await t.assertStored(key, record);
        assert.deepEqual({ ...(await t.able('sweep').sweep()) }, { removed: 0, kept: 2 });
      },
    );

    test('leaves live sessions and standing end markers', async (t) => {
      const live = await t.created({ fields: { a: '1' }, owner: 'u1', leftMs: 2 * dayMs });
      const ended = await t.created();
      await t.destroy(ended.key, { endMarkerMs: 2 * dayMs });
      await passADay(t);
      await t.able('sweep').sweep();
      await t.assertStored(live.key, live.record);
      await t.assertEnded(ended.key);
    });

    test('leaves a session whose deadline was moved later', async (t) => {
      const { key, record } = await t.created({ leftMs: shortMs });
      const later = { ...record, expiresAt: record.touchedAt + 2 * dayMs };
      await t.replaced(key, later);
      await passADay(t);
      await t.able('sweep', 1).sweep();
      await t.assertStored(key, later);
    });

    test('several sweeps at once do not fail and do no harm', async (t) => {
      const { key, record } = await t.created({ leftMs: 2 * dayMs });
      for (let count = 0; count < 10; count++) await t.created({ leftMs: shortMs });
      await passADay(t);
      await Promise.all(t.stores.map((_, worker) => t.able('sweep', worker).sweep()));
      await t.assertStored(key, record);
    });
  });

  group('sweep under way', () => {
    const moved = { ...needs, movedClock: true };

    anyTest('a session created under the key of an expired one is not swept with it', moved, async (t) => {
      await rounds(t, { together: 1, share: 0.25 }, async ({ soon }) => {
        const { key } = await t.created({ leftMs: shortMs });
        await passADay(t);
        const record = t.record({ fields: { a: '1' } });
        const [created] = await Promise.all([
          soon(() => t.create(key, record, 1)),
          soon(() => t.able('sweep').sweep()),
          soon(() => t.able('sweep', 2).sweep()),
        ]);
        if (!created) assert.ok(await t.create(key, record), 'the expired session is still in the way');
        await t.assertStored(key, record);
      });
    });

    anyTest('what was replaced before the deadline is not swept after it', moved, async (t) => {
      await rounds(t, { together: 1, share: 0.25 }, async ({ soon }) => {
        const { key, record, version } = await t.created({ leftMs: shortMs });
        const later = { ...record, expiresAt: record.touchedAt + 2 * dayMs };
        const [{ verdict }] = await Promise.all([
          soon(() => t.replace(key, version, later)),
          soon(() => passADay(t)),
          soon(() => t.able('sweep', 1).sweep()),
        ]);
        await t.able('sweep', 2).sweep();
        if (verdict === 'replaced') await t.assertStored(key, later);
        else assert.equal(verdict, 'gone');
      });
    });
  });
}
