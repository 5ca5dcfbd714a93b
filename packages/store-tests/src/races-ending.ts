import assert from 'node:assert/strict';
import type { SessionKey, SessionRecord } from '@sess/core';
import { changes } from './gone.ts';
import { turn } from './random.ts';
import { type Round, rounds } from './rounds.ts';
import type { Subject } from './subject.ts';
import type { Suite } from './suite.ts';

const markerMs = 60_000;

/** Destroys, and looks for the session at once from another worker. */
async function endAndLook(t: Subject, key: SessionKey, endMarkerMs: number): Promise<SessionRecord | undefined> {
  const record = await t.store.destroy(key, { endMarkerMs });
  assert.equal(await t.worker(3).read(key), endMarkerMs > 0 ? 'ended' : undefined, 'read after destroy was answered');
  return record;
}

async function assertOver(t: Subject, key: SessionKey, endMarkerMs: number): Promise<void> {
  if (endMarkerMs > 0) await t.assertEnded(key);
  else await t.assertAbsent(key);
}

/** Sets a field of its own, so that it can be seen whether the write was in time. */
async function sign(t: Subject, key: SessionKey, worker: number): Promise<boolean> {
  const verdict = await t.worker(worker).update(key, t.change({ set: { [`by ${worker}`]: '1' } }));
  assert.notEqual(verdict, 'conflict');
  return verdict === 'applied';
}

export function racesOfEnding({ group, test }: Suite): void {
  const race = (name: string, share: number, body: (t: Subject, round: Round) => Promise<void>) =>
    test(name, (t) => rounds(t, { share }, (round) => body(t, round)));

  group('destroy against', () => {
    for (const [what, change] of Object.entries(changes)) {
      race(`${what}: once destroy was answered nothing brings the session back`, 0.5, async (t, { random, soon }) => {
        const endMarkerMs = random.pick([0, markerMs]);
        const { key } = await t.created({ fields: { a: '1' }, owner: 'u1' });
        const write = (worker: number) => t.worker(worker).update(key, t.change(change));
        const [record] = await Promise.all([
          soon(() => endAndLook(t, key, endMarkerMs)),
          soon(() => write(1)),
          soon(() => write(2)),
        ]);
        assert.notEqual(record, undefined, 'destroy did not return the session');
        assert.equal(await write(2), 'gone', 'the late retry');
        await assertOver(t, key, endMarkerMs);
      });
    }

    race('updates: it returns exactly those that were applied', 1, async (t, { soon }) => {
      const { key } = await t.created();
      const [record, first, second] = await Promise.all([
        soon(() => endAndLook(t, key, 0)),
        soon(() => sign(t, key, 1)),
        soon(() => sign(t, key, 2)),
      ]);
      const signed = Object.keys(record?.fields ?? {}).toSorted();
      assert.deepEqual(signed, [...(first ? ['by 1'] : []), ...(second ? ['by 2'] : [])]);
    });

    race('a worker that keeps writing: its writes end with the session', 0.5, async (t, { soon }) => {
      const { key } = await t.created();
      async function keepWriting(worker: number): Promise<void> {
        for (let tries = 0; tries < 1000; tries++) {
          if (!(await sign(t, key, worker))) return;
          await turn();
        }
        assert.fail('the session was never gone');
      }
      await Promise.all([soon(() => endAndLook(t, key, markerMs)), keepWriting(1), keepWriting(2)]);
      await t.assertEnded(key);
    });

    race(
      'destroy: one of them gets the record, and a marker that one of them asked for stands',
      1,
      async (t, { random, soon }) => {
        const { key, record } = await t.created({ fields: { a: '1' } });
        const markers = t.stores.map(() => random.pick([0, 0, markerMs]));
        const answers = await Promise.all(
          markers.map((endMarkerMs, worker) => soon(() => t.worker(worker).destroy(key, { endMarkerMs }))),
        );
        const [got, ...others] = answers.filter((answer) => answer !== undefined);
        assert.equal(others.length, 0, 'more than one got the record');
        t.assertRecord(got, record);
        await assertOver(t, key, Math.max(...markers));
      },
    );

    race('create under an end marker: it never succeeds', 0.5, async (t, { soon }) => {
      const { key } = await t.created();
      const again = t.record({ fields: { b: '2' } });
      const [, ...created] = await Promise.all([
        soon(() => endAndLook(t, key, markerMs)),
        soon(() => t.worker(1).create(key, again)),
        soon(() => t.worker(2).create(key, again)),
      ]);
      assert.deepEqual(created, [false, false]);
      await t.assertEnded(key);
    });

    race(
      'create without an end marker: one session follows the other, and they do not mix',
      0.5,
      async (t, { soon }) => {
        const { key, record } = await t.created({ fields: { a: '1' }, owner: 'u1' });
        const again = t.record({ fields: { b: '2' } });
        const [ended, created] = await Promise.all([
          soon(() => t.store.destroy(key)),
          soon(() => t.worker(1).create(key, again)),
        ]);
        t.assertRecord(ended, record);
        if (created) await t.assertStored(key, again);
        else await t.assertAbsent(key);
      },
    );

    race('read: it sees the whole session or none', 0.5, async (t, { soon }) => {
      const { key, record } = await t.created({ fields: { a: '1', b: '2' }, owner: 'u1' });
      const [, ...seen] = await Promise.all([
        soon(() => endAndLook(t, key, markerMs)),
        ...[1, 2, 3].map((worker) => soon(() => t.worker(worker).read(key))),
      ]);
      for (const one of seen) if (one !== 'ended') t.assertRecord(one, record);
    });
  });
}
