import assert from 'node:assert/strict';
import type { Suite } from './suite.ts';
import { minuteMs } from './subject.ts';

const shortMs = 200;

export function endMarker({ group, test }: Suite): void {
  group('the end marker', () => {
    test('after destroy with a marker every worker reads "ended"', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' } });
      t.assertRecord(await t.worker(1).destroy(key, { endMarkerMs: minuteMs }), record);
      await t.assertEnded(key);
    });

    test('destroy leaves no marker when none was asked for', async (t) => {
      for (const options of [undefined, {}, { endMarkerMs: 0 }]) {
        const { key } = await t.created();
        await t.store.destroy(key, options);
        await t.assertAbsent(key);
      }
    });

    test('destroy leaves the marker that was asked for where nothing was stored', async (t) => {
      const key = t.key();
      assert.equal(await t.store.destroy(key, { endMarkerMs: minuteMs }), undefined);
      await t.assertEnded(key);
    });

    test('destroy leaves the marker that was asked for after a destroy that left none', async (t) => {
      const { key } = await t.created();
      await t.store.destroy(key);
      assert.equal(await t.worker(1).destroy(key, { endMarkerMs: minuteMs }), undefined);
      await t.assertEnded(key);
    });

    test('destroy leaves the marker that was asked for in place of an expired session', async (t) => {
      const { key } = await t.created({ leftMs: shortMs });
      await t.clock.pass(shortMs);
      assert.equal(await t.store.destroy(key, { endMarkerMs: minuteMs }), undefined);
      await t.assertEnded(key);
    });

    test('create under a marker answers false and writes nothing', async (t) => {
      const { key } = await t.created();
      await t.store.destroy(key, { endMarkerMs: minuteMs });
      for (const store of t.stores) assert.equal(await store.create(key, t.record({ fields: { a: '1' } })), false);
      await t.assertEnded(key);
    });

    test('destroy under a marker answers undefined and leaves the marker', async (t) => {
      const { key } = await t.created();
      await t.store.destroy(key, { endMarkerMs: minuteMs });
      for (const store of t.stores) assert.equal(await store.destroy(key), undefined);
      await t.assertEnded(key);
    });

    test('a marker asked for again under a marker stands', async (t) => {
      const { key } = await t.created();
      await t.store.destroy(key, { endMarkerMs: minuteMs });
      assert.equal(await t.worker(1).destroy(key, { endMarkerMs: minuteMs }), undefined);
      await t.assertEnded(key);
    });

    test('a marker stands for as long as was asked for, to the millisecond', { movedClock: true }, async (t) => {
      const { key } = await t.created();
      await t.store.destroy(key, { endMarkerMs: 1000 });
      await t.clock.pass(999);
      await t.assertEnded(key);
      await t.clock.pass(1);
      await t.assertAbsent(key);
    });

    test('after the marker the key is free', async (t) => {
      const { key } = await t.created({ fields: { a: '1' } });
      await t.store.destroy(key, { endMarkerMs: shortMs });
      await t.assertEnded(key);
      await t.clock.pass(shortMs);
      await t.assertAbsent(key);
      const record = t.record({ fields: { b: '2' } });
      assert.equal(await t.worker(1).create(key, record), true);
      await t.assertStored(key, record);
    });

    test('a marker stands for its own time, not for what the session had left', async (t) => {
      const { key } = await t.created({ leftMs: shortMs });
      await t.store.destroy(key, { endMarkerMs: minuteMs });
      await t.clock.pass(shortMs);
      await t.assertEnded(key);
    });
  });
}
