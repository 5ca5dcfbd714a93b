import assert from 'node:assert/strict';
import { assertMarker, conflictOf, versionOf } from './compare.ts';
import { type Subject, minuteMs, shortMs } from './subject.ts';
import type { Suite } from './suite.ts';

const successors = (t: Subject) => [
  { key: t.key(), by: 'rotated' as const },
  { key: t.key(), by: 'regenerated' as const },
];

export function endMarker({ group, test }: Suite): void {
  group('the end marker', () => {
    test('after destroy with a marker every worker reads it', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' } });
      t.assertRecord(await t.destroy(key, { endMarkerMs: minuteMs }, 1), record);
      await t.assertEnded(key);
    });

    test('destroy leaves no marker when none was asked for', async (t) => {
      for (const options of [{}, { endMarkerMs: 0 }]) {
        const { key } = await t.created();
        await t.destroy(key, options);
        await t.assertAbsent(key);
      }
    });

    test('destroy leaves the marker that was asked for where nothing was stored', async (t) => {
      const key = t.key();
      assert.equal(await t.destroy(key, { endMarkerMs: minuteMs }), undefined);
      await t.assertEnded(key);
    });

    test('destroy leaves the marker that was asked for after a destroy that left none', async (t) => {
      const { key } = await t.created();
      await t.destroy(key);
      assert.equal(await t.destroy(key, { endMarkerMs: minuteMs }, 1), undefined);
      await t.assertEnded(key);
    });

    test('destroy leaves the marker that was asked for in place of an expired session', async (t) => {
      const { key } = await t.created({ leftMs: shortMs });
      await t.clock.pass(shortMs);
      assert.equal(await t.destroy(key, { endMarkerMs: minuteMs }), undefined);
      await t.assertEnded(key);
    });

    test('create under a marker answers undefined and writes nothing', async (t) => {
      const { key } = await t.created();
      await t.destroy(key, { endMarkerMs: minuteMs });
      const again = t.record({ fields: { a: '1' } });
      for (const worker of t.workers) assert.equal(await t.create(key, again, worker), undefined);
      await t.assertEnded(key);
    });

    test('destroy under a marker answers it and leaves it as it is: nothing asked for changes it', async (t) => {
      for (const successor of [undefined, ...successors(t)]) {
        const { key } = await t.created();
        if (successor === undefined) await t.destroy(key, { endMarkerMs: minuteMs });
        else await t.succeeded(key, { endMarkerMs: minuteMs, successor });
        for (const worker of t.workers) {
          assertMarker(await t.destroy(key, {}, worker), successor);
          assertMarker(await t.destroy(key, { endMarkerMs: minuteMs }, worker), successor);
        }
        await t.assertEnded(key, successor);
      }
    });

    test('a marker that is asked for again stands for no longer', async (t) => {
      const key = await t.outlive(async (endMarkerMs) => {
        const { key } = await t.created();
        await t.destroy(key, { endMarkerMs });
        assertMarker(await t.destroy(key, { endMarkerMs: minuteMs }, 1));
        return key;
      });
      await t.assertAbsent(key);
    });

    test('a marker that is asked for again stands for no shorter', async (t) => {
      const { key } = await t.created();
      await t.destroy(key, { endMarkerMs: minuteMs });
      assertMarker(await t.destroy(key, { endMarkerMs: shortMs }, 1));
      await t.clock.pass(shortMs);
      await t.assertEnded(key);
    });

    test('a marker stands for as long as was asked for, to the millisecond', { movedClock: true }, async (t) => {
      const { key } = await t.created();
      await t.destroy(key, { endMarkerMs: 1000 });
      await t.clock.pass(999);
      await t.assertEnded(key);
      await t.clock.pass(1);
      await t.assertAbsent(key);
    });

    test('after the marker the key is free', async (t) => {
      const key = await t.outlive(async (endMarkerMs) => {
        const { key } = await t.created({ fields: { a: '1' } });
        await t.destroy(key, { endMarkerMs });
        await t.assertEnded(key);
        return key;
      });
      await t.assertAbsent(key);
      const record = t.record({ fields: { b: '2' } });
      assert.ok(await t.create(key, record, 1));
      await t.assertStored(key, record);
    });

    test('a marker stands for its own time, not for what the session had left', async (t) => {
      const { key } = await t.created({ leftMs: shortMs });
      await t.destroy(key, { endMarkerMs: minuteMs });
      await t.clock.pass(shortMs);
      await t.assertEnded(key);
    });
  });

  group('a succession', () => {
    test('leaves an end marker, in which every worker reads the successor that was given', async (t) => {
      for (const successor of successors(t)) {
        const { key, version } = await t.created({ fields: { a: '1' }, owner: 'u1' });
        versionOf(await t.replace(key, version, { endMarkerMs: minuteMs, successor }, 1));
        await t.assertEnded(key, successor);
      }
    });

    test('of an old version is a conflict, and the session lives', async (t) => {
      const [successor] = successors(t);
      const { key, record, version } = await t.created({ fields: { a: '1' } });
      const changed = { ...record, fields: { a: '2' } };
      await t.replaced(key, changed);
      assert.ok(successor);
      const stored = conflictOf(await t.replace(key, version, { endMarkerMs: minuteMs, successor }));
      t.assertRecord(stored.record, changed);
      await t.assertStored(key, changed);
      versionOf(await t.replace(key, stored.version, { endMarkerMs: minuteMs, successor }));
      await t.assertEnded(key, successor);
    });

    test('where no session stands is gone, and leaves no end marker', async (t) => {
      for (const successor of successors(t)) {
        const { key, version } = await t.created();
        await t.destroy(key);
        assert.deepEqual(await t.replace(key, version, { endMarkerMs: minuteMs, successor }), { verdict: 'gone' });
        await t.assertAbsent(key);
      }
    });

    test('stands for as long as was asked for, and then the key is free', async (t) => {
      const [successor] = successors(t);
      assert.ok(successor);
      const key = await t.outlive(async (endMarkerMs) => {
        const { key } = await t.created({ leftMs: minuteMs });
        await t.succeeded(key, { endMarkerMs, successor });
        await t.assertEnded(key, successor);
        return key;
      });
      await t.assertAbsent(key);
      assert.ok(await t.create(key, t.record()));
    });
  });
}
