import assert from 'node:assert/strict';
import type { SessionRecord } from '@sess/core';
import type { Suite } from './suite.ts';

/** Every kind of change that could bring a session back. Stores may write some of them in a way of their own. */
export const changes: Record<string, (record: SessionRecord) => SessionRecord> = {
  'the same record': (record) => record,
  'a touch': (record) => ({ ...record, touchedAt: record.touchedAt + 1, expiresAt: record.expiresAt + 60_000 }),
  'a changed text': ({ fields, ...record }) => ({ ...record, fields: { ...fields, a: '2' } }),
  'a longer text': ({ fields, ...record }) => ({ ...record, fields: { ...fields, a: 'x'.repeat(1000) } }),
  'a new field': ({ fields, ...record }) => ({ ...record, fields: { ...fields, b: '2' } }),
  'no fields': (record) => ({ ...record, fields: {} }),
  'a new owner': (record) => ({ ...record, owner: 'u2' }),
  'new settings': (record) => ({ ...record, settings: { idleTimeoutMs: 1000 } }),
};

export function gone({ group, test }: Suite): void {
  group('replace never creates', () => {
    for (const [what, change] of Object.entries(changes)) {
      test(`${what} where nothing was stored is gone and writes nothing`, async (t) => {
        const { version, record } = await t.created({ fields: { a: '1' }, owner: 'u1' });
        const key = t.key();
        assert.deepEqual(await t.replace(key, version, change(record)), { verdict: 'gone' });
        await t.assertAbsent(key);
        assert.ok(await t.create(key, t.record()));
      });

      test(`${what} after destroy is gone and brings nothing back, however often it is repeated`, async (t) => {
        const { key, record } = await t.created({ fields: { a: '1' }, owner: 'u1' });
        const read = await Promise.all(t.workers.map((worker) => t.stored(key, worker)));
        await t.destroy(key);
        for (const [worker, { version }] of [...read, ...read].entries())
          assert.deepEqual(await t.replace(key, version, change(record), worker), { verdict: 'gone' });
        await t.assertAbsent(key);
      });

      test(`${what} under an end marker is gone and leaves the marker`, async (t) => {
        const { key, record, version } = await t.created({ fields: { a: '1' }, owner: 'u1' });
        const successor = { key: t.key(), by: 'rotated' } as const;
        await t.succeeded(key, { endMarkerMs: 60_000, successor }, 1);
        assert.deepEqual(await t.replace(key, version, change(record)), { verdict: 'gone' });
        await t.assertEnded(key, successor);
      });

      test(`${what} at the deadline is gone, and brings nothing back`, async (t) => {
        const { key, record, version } = await t.created({ leftMs: 200, fields: { a: '1' } });
        await t.clock.pass(200);
        const late = { ...change(record), expiresAt: t.clock.now() + 60_000 };
        for (let count = 0; count < 2; count++)
          assert.deepEqual(await t.replace(key, version, late), { verdict: 'gone' });
        await t.assertAbsent(key);
      });
    }
  });
}
