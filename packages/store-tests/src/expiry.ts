import assert from 'node:assert/strict';
import { conflictOf } from './compare.ts';
import { shortMs } from './subject.ts';
import type { Suite } from './suite.ts';

export function expiry({ group, test }: Suite): void {
  group('the deadline', () => {
    test(
      'a session is found until its deadline and not from then on, to the millisecond',
      { movedClock: true },
      async (t) => {
        const { key, record } = await t.created({ leftMs: 1000 });
        await t.clock.pass(999);
        await t.assertStored(key, record);
        await t.clock.pass(1);
        await t.assertAbsent(key);
      },
    );

    test('a session is not found after its deadline', async (t) => {
      const key = await t.outlive(async (leftMs) => {
        const { key, record } = await t.created({ leftMs });
        await t.assertStored(key, record);
        return key;
      });
      await t.assertAbsent(key);
    });

    test('a session created at or after its deadline is never found', async (t) => {
      for (const leftMs of [0, -1, -10_000]) {
        const key = t.key();
        await t.create(key, t.record({ leftMs }));
        await t.assertAbsent(key);
      }
    });

    test('destroy of an expired session answers undefined', async (t) => {
      const { key } = await t.created({ leftMs: shortMs });
      await t.clock.pass(shortMs);
      for (const worker of t.workers) assert.equal(await t.destroy(key, {}, worker), undefined);
    });

    test('create under the key of an expired session succeeds, and nothing of the old one is left', async (t) => {
      const { key } = await t.created({
        leftMs: shortMs,
        fields: { old: '1' },
        owner: 'u1',
        settings: { persistent: true },
      });
      await t.clock.pass(shortMs);
      const record = t.record({ fields: { new: '2' } });
      assert.ok(await t.create(key, record, 1));
      await t.assertStored(key, record);
    });
  });

  group('replace and the deadline', () => {
    test('replace moves the deadline later, past the old one', async (t) => {
      const { key, next } = await t.outlive(async (leftMs) => {
        const { key, record } = await t.created({ leftMs });
        const next = { ...record, expiresAt: record.expiresAt + 60_000 };
        await t.replaced(key, next, 1);
        return { key, next };
      });
      await t.assertStored(key, next);
    });

    test('replace moves the deadline earlier', async (t) => {
      const { key } = await t.created({ leftMs: 60_000 });
      await t.replaced(key, t.record({ leftMs: shortMs }), 1);
      await t.clock.pass(shortMs);
      await t.assertAbsent(key);
    });

    test('the deadline is kept as it was given, earlier and later, whatever else is replaced', async (t) => {
      const { key, record } = await t.created({ leftMs: 60_000 });
      for (const [leftMs, fields] of [
        [20_000, {}],
        [90_000, { a: '1' }],
        [40_000, { a: '1' }],
      ] as const) {
        const next = { ...record, fields, expiresAt: record.touchedAt + leftMs };
        await t.replaced(key, next);
        await t.assertStored(key, next);
      }
    });

    test('a record whose deadline is over ends the session', async (t) => {
      for (const leftMs of [0, -10_000]) {
        const { key, record, version } = await t.created();
        const { verdict } = await t.replace(key, version, t.record({ leftMs }));
        assert.equal(verdict, 'replaced');
        await t.assertAbsent(key);
        assert.deepEqual(await t.replace(key, version, record), { verdict: 'gone' });
      }
    });

    test('a conflict does not move the deadline', async (t) => {
      const key = await t.outlive(async (leftMs) => {
        const { key, record, version } = await t.created({ leftMs });
        await t.replaced(key, record);
        conflictOf(await t.replace(key, version, t.record({ leftMs: 60_000 })));
        return key;
      });
      await t.assertAbsent(key);
    });

    test('touchedAt and createdAt are kept as they were given, earlier and later', async (t) => {
      const { key, record } = await t.created();
      for (const byMs of [10, -3000, 500]) {
        const next = { ...record, touchedAt: record.touchedAt + byMs, createdAt: record.createdAt - byMs };
        await t.replaced(key, next, 1);
        await t.assertStored(key, next);
      }
    });
  });

  group('hosts whose clocks differ', () => {
    for (const [what, offMs] of Object.entries({ slow: -3_600_000, fast: 3_600_000 })) {
      const name = `a session lives as long as the time left says, from a host whose clock is an hour ${what}`;
      test(name, { ownClock: true }, async (t) => {
        const skewed = (leftMs: number) => {
          const now = t.clock.now() + offMs;
          return t.record({ touchedAt: now, expiresAt: now + leftMs });
        };
        const keys = await t.outlive(async (leftMs) => {
          const keys = { short: t.key(), long: t.key(), prolonged: t.key(), shortened: t.key() };
          await t.create(keys.short, skewed(leftMs));
          await t.create(keys.long, skewed(60_000));
          await t.create(keys.prolonged, t.record({ leftMs }));
          await t.create(keys.shortened, t.record({ leftMs: 60_000 }));
          assert.notEqual(await t.read(keys.short), undefined, 'gone too early');
          await t.replaced(keys.prolonged, skewed(60_000), 1);
          await t.replaced(keys.shortened, skewed(leftMs), 1);
          return keys;
        });
        await t.assertAbsent(keys.short);
        await t.assertAbsent(keys.shortened);
        for (const key of [keys.long, keys.prolonged]) assert.notEqual(await t.read(key), undefined, 'gone too early');
      });
    }
  });
}
