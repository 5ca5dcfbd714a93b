import assert from 'node:assert/strict';
import type { SessionRecord } from '@sess/core';
import { conflictOf, versionOf } from './compare.ts';
import type { Subject } from './subject.ts';
import type { Suite } from './suite.ts';

/** One that differs in every part. */
function anotherRecord(t: Subject): SessionRecord {
  return t.record({
    fields: { a: '2', c: '3' },
    createdAt: t.clock.now() - 7000,
    touchedAt: t.clock.now() - 1000,
    leftMs: 90_000,
    owner: 'u2',
    settings: { idleTimeoutMs: 2 },
    writeIds: ['w2', 'w1'],
  });
}

export function replace({ group, test }: Suite): void {
  group('replace', () => {
    test('puts another record in the place of the stored one, whole', async (t) => {
      const parts = { fields: { a: '1', b: '1' }, owner: 'u1', settings: { persistent: true }, writeIds: ['w1'] };
      const { key, version } = await t.created(parts);
      const next = anotherRecord(t);
      versionOf(await t.replace(key, version, next));
      await t.assertStored(key, next);
    });

    test('leaves nothing of what the new record does not hold', async (t) => {
      const { key, version } = await t.created(anotherRecord(t));
      const bare = t.record();
      versionOf(await t.replace(key, version, bare));
      await t.assertStored(key, bare);
    });

    test('a session whose last field was removed is still there', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' } });
      await t.replaced(key, { ...record, fields: {} });
      await t.assertStored(key, { ...record, fields: {} });
      await t.replaced(key, { ...record, fields: { b: '1' } });
      await t.assertStored(key, { ...record, fields: { b: '1' } });
    });

    test('sets, changes and removes the owner and the settings', async (t) => {
      const { key, record } = await t.created();
      for (const parts of [
        ...[{ owner: 'u1' }, { owner: 'u2' }, {}, { owner: '' }],
        ...[{ settings: { idleTimeoutMs: 5, persistent: true } }, { settings: { persistent: false } }, {}],
      ]) {
        await t.replaced(key, { ...record, ...parts });
        await t.assertStored(key, { ...record, ...parts });
      }
    });

    test('keeps the write ids exactly, none or twelve of sixteen characters', async (t) => {
      const longest = Array.from({ length: 12 }, (_, index) => `zZ_-${index}`.padEnd(16, '0'));
      for (const writeIds of [[], ['a'], longest]) {
        const { key, record } = await t.created({ writeIds });
        await t.assertStored(key, record);
        for (const next of [longest, longest.toReversed(), ['b', 'a'], []]) {
          await t.replaced(key, { ...record, writeIds: next });
          await t.assertStored(key, { ...record, writeIds: next });
        }
      }
    });

    test('is read by every worker as soon as it is answered', async (t) => {
      const { key, record } = await t.created();
      for (let round = 0; round < 40; round++) {
        const next = { ...record, fields: { round: `${round}` } };
        await t.replaced(key, next, round);
        await t.assertStored(key, next);
      }
    });
  });

  versions({ group, test });
}

function versions({ group, test }: Pick<Suite, 'group' | 'test'>): void {
  group('a version', () => {
    test('of create and of each replace is good for the next replace', async (t) => {
      const { key, record, version } = await t.created();
      let latest = version;
      for (let count = 1; count <= 20; count++) {
        latest = versionOf(await t.replace(key, latest, { ...record, fields: { count: `${count}` } }));
        if (count % 5 === 0) await t.assertStored(key, { ...record, fields: { count: `${count}` } });
      }
    });

    test('that was read stays good while the session stands as it is', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' } });
      for (const worker of t.workers) {
        const next = { ...record, fields: { a: `by ${worker}` } };
        const { version } = await t.stored(key, worker);
        for (const other of t.workers) await t.read(key, other);
        versionOf(await t.replace(key, version, next, worker));
        await t.assertStored(key, next);
      }
    });

    test('that is old is a conflict: nothing is written, and what stands is told whole', async (t) => {
      const { key, record, version } = await t.created({ fields: { a: '1' }, owner: 'u1' });
      const [old, next] = [await t.stored(key, 1), anotherRecord(t)];
      await t.replaced(key, next, 2);
      const late = {
        ...record,
        fields: { a: '9' },
        owner: 'u9',
        expiresAt: record.expiresAt + 60_000,
        writeIds: ['w9'],
      };
      t.assertRecord(conflictOf(await t.replace(key, version, late)).record, next);
      t.assertRecord(conflictOf(await t.replace(key, old.version, late, 1)).record, next);
      await t.assertStored(key, next);
    });

    test('that a conflict told is good for the next replace', async (t) => {
      const { key, record, version } = await t.created();
      await t.replaced(key, { ...record, fields: { a: '1' } }, 1);
      const { stored } = { stored: conflictOf(await t.replace(key, version, { ...record, fields: { b: '2' } })) };
      const merged = { ...stored.record, fields: { ...stored.record.fields, b: '2' } };
      versionOf(await t.replace(key, stored.version, merged));
      await t.assertStored(key, { ...record, fields: { a: '1', b: '2' } });
    });

    test('of a state does not come back with the same texts: A, B and A again', async (t) => {
      const { key, record, version } = await t.created({ fields: { a: 'A' } });
      const ofB = versionOf(await t.replace(key, version, { ...record, fields: { a: 'B' } }));
      const ofA = versionOf(await t.replace(key, ofB, record));
      for (const old of [version, ofB]) conflictOf(await t.replace(key, old, { ...record, fields: { a: 'late' } }));
      await t.assertStored(key, record);
      versionOf(await t.replace(key, ofA, { ...record, fields: { a: 'C' } }));
    });

    test('is a new one also where the same record is stored again', async (t) => {
      const { key, record, version } = await t.created({ fields: { a: '1' }, writeIds: ['w1'] });
      versionOf(await t.replace(key, version, record));
      t.assertRecord(conflictOf(await t.replace(key, version, { ...record, fields: {} })).record, record);
      await t.assertStored(key, record);
    });

    test('of a session that is over does not fit one that was created under its key after it', async (t) => {
      for (const end of ['destroyed', 'expired']) {
        const { key, record, version } = await t.created({ leftMs: 200, fields: { a: '1' } });
        if (end === 'destroyed') await t.destroy(key);
        else await t.clock.pass(200);
        const again = t.record({ fields: { a: '1' } });
        assert.ok(await t.create(key, again));
        t.assertRecord(conflictOf(await t.replace(key, version, { ...record, fields: {} })).record, again);
        await t.assertStored(key, again);
      }
    });
  });
}
