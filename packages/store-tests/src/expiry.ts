import assert from 'node:assert/strict';
import type { Suite } from './suite.ts';

/** A deadline that a test waits for, in real time where the storage has its own clock. */
const shortMs = 200;

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
      const { key, record } = await t.created({ leftMs: shortMs });
      await t.assertStored(key, record);
      await t.clock.pass(shortMs);
      await t.assertAbsent(key);
    });

    test('a session created at or after its deadline is never found', async (t) => {
      for (const leftMs of [0, -1, -10_000]) {
        const key = t.key();
        await t.store.create(key, t.record({ leftMs }));
        await t.assertAbsent(key);
      }
    });

    test('update at the deadline is gone, and brings nothing back', async (t) => {
      const { key } = await t.created({ leftMs: shortMs, fields: { a: '1' } });
      await t.clock.pass(shortMs);
      for (const change of [{ set: { b: '2' } }, {}, { settings: { persistent: true } }, { owner: 'u1' }]) {
        assert.equal(await t.worker(1).update(key, t.change(change)), 'gone');
      }
      await t.assertAbsent(key);
    });

    test('destroy of an expired session answers undefined', async (t) => {
      const { key } = await t.created({ leftMs: shortMs });
      await t.clock.pass(shortMs);
      for (const store of t.stores) assert.equal(await store.destroy(key), undefined);
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
      assert.equal(await t.worker(1).create(key, record), true);
      await t.assertStored(key, record);
    });
  });

  group('a change and the deadline', () => {
    test('an update moves the deadline later, past the old one', async (t) => {
      const { key, record } = await t.created({ leftMs: shortMs });
      const change = t.change({ set: { a: '1' } });
      await t.worker(1).update(key, change);
      await t.clock.pass(shortMs);
      await t.assertStored(key, { ...record, fields: { a: '1' }, expiresAt: change.expiresAt });
    });

    test('without settings the deadline never moves earlier', async (t) => {
      const { key, record } = await t.created({ leftMs: 60_000 });
      for (const change of [{ set: { a: '1' } }, {}, { owner: 'u1' }, { unset: ['b'] }]) {
        assert.equal(await t.store.update(key, t.change({ ...change, leftMs: 20_000 })), 'applied');
      }
      await t.assertStored(key, { ...record, fields: { a: '1' }, owner: 'u1' });
    });

    test('without settings a change whose deadline has passed still does not end the session', async (t) => {
      const { key, record } = await t.created({ leftMs: 60_000 });
      for (const leftMs of [0, -10_000]) assert.equal(await t.store.update(key, t.change({ leftMs })), 'applied');
      await t.assertStored(key, record);
    });

    test('with settings the deadline moves earlier as well as later', async (t) => {
      const { key, record } = await t.created({ leftMs: 60_000 });
      for (const leftMs of [20_000, 90_000, 40_000]) {
        const change = t.change({ settings: { idleTimeoutMs: leftMs }, leftMs });
        assert.equal(await t.store.update(key, change), 'applied');
        await t.assertStored(key, { ...record, settings: { idleTimeoutMs: leftMs }, expiresAt: change.expiresAt });
      }
    });

    test('a deadline moved earlier by settings is kept', async (t) => {
      const { key } = await t.created({ leftMs: 60_000 });
      assert.equal(await t.store.update(key, t.change({ settings: {}, leftMs: shortMs })), 'applied');
      await t.clock.pass(shortMs);
      await t.assertAbsent(key);
    });

    test('with settings and a deadline of now the session ends', async (t) => {
      const { key } = await t.created();
      assert.equal(await t.store.update(key, t.change({ settings: { idleTimeoutMs: 0 }, leftMs: 0 })), 'applied');
      await t.assertAbsent(key);
      assert.equal(await t.store.update(key, t.change()), 'gone');
    });

    test('a conflict does not move the deadline', async (t) => {
      const { key } = await t.created({ leftMs: shortMs });
      assert.equal(await t.store.update(key, t.change({ expect: { a: '1' } })), 'conflict');
      await t.clock.pass(shortMs);
      await t.assertAbsent(key);
    });
  });

  group('hosts whose clocks differ', () => {
    for (const [what, offMs] of Object.entries({ slow: -3_600_000, fast: 3_600_000 })) {
      const name = `a session lives as long as the time left says, from a host whose clock is an hour ${what}`;
      test(name, { ownClock: true }, async (t) => {
        const skewed = (leftMs: number) => {
          const now = t.clock.now() + offMs;
          return { touchedAt: now, expiresAt: now + leftMs };
        };
        const keys = { short: t.key(), long: t.key(), prolonged: t.key(), touched: t.key() };
        await t.store.create(keys.short, { ...t.record(), ...skewed(shortMs) });
        await t.store.create(keys.long, { ...t.record(), ...skewed(60_000) });
        await t.store.create(keys.prolonged, t.record({ leftMs: shortMs }));
        await t.store.create(keys.touched, t.record({ leftMs: 60_000 }));
        assert.notEqual(await t.store.read(keys.short), undefined, 'gone too early');
        assert.equal(await t.worker(1).update(keys.prolonged, skewed(60_000)), 'applied');
        assert.equal(await t.worker(1).update(keys.touched, skewed(shortMs)), 'applied');
        await t.clock.pass(shortMs);
        await t.assertAbsent(keys.short);
        const left = await Promise.all([keys.long, keys.prolonged, keys.touched].map((key) => t.store.read(key)));
        assert.ok(!left.includes(undefined), 'gone too early');
      });
    }
  });

  group('the other times', () => {
    test('a touch moves the times and leaves the rest', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' }, owner: 'u1', settings: { idleTimeoutMs: 60_000 } });
      await t.clock.pass(10);
      const { touchedAt, expiresAt } = t.change();
      assert.equal(await t.worker(1).update(key, { touchedAt, expiresAt }), 'applied');
      await t.assertStored(key, { ...record, touchedAt, expiresAt });
    });

    test('touchedAt never moves earlier, with or without settings', async (t) => {
      const { key, record } = await t.created();
      const touchedAt = record.touchedAt - 3000;
      assert.equal(await t.store.update(key, { touchedAt, expiresAt: touchedAt + 40_000 }), 'applied');
      await t.assertStored(key, record);
      const expiresAt = touchedAt + 60_000;
      assert.equal(await t.store.update(key, { touchedAt, expiresAt, settings: { idleTimeoutMs: 60_000 } }), 'applied');
      await t.assertStored(key, { ...record, expiresAt, settings: { idleTimeoutMs: 60_000 } });
    });

    test('createdAt never changes', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' } });
      await t.clock.pass(10);
      const change = t.change({ set: { a: '2' }, owner: 'u1', settings: { persistent: true }, leftMs: 90_000 });
      await t.store.update(key, change);
      const { touchedAt, expiresAt } = change;
      await t.assertStored(key, {
        ...record,
        fields: { a: '2' },
        touchedAt,
        expiresAt,
        owner: 'u1',
        settings: { persistent: true },
      });
    });
  });
}
