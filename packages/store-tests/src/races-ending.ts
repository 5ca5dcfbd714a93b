import assert from 'node:assert/strict';
import { type DestroyOptions, type SessionKey, type SessionRecord, isEndMarker } from '@sess/core';
import { assertMarker, textOf } from './compare.ts';
import { changes } from './gone.ts';
import { turn } from './random.ts';
import { type Round, rounds } from './rounds.ts';
import { type Subject, minuteMs } from './subject.ts';
import type { Suite } from './suite.ts';

/** Destroys, and looks for the session at once from another worker. */
async function endAndLook(t: Subject, key: SessionKey, endMarkerMs: number): Promise<SessionRecord> {
  const ended = await t.destroy(key, { endMarkerMs });
  const found = await t.read(key, 3);
  if (endMarkerMs > 0) assertMarker(found);
  else assert.equal(found, undefined, 'read after destroy was answered');
  if (ended === undefined || isEndMarker(ended)) assert.fail('destroy did not return the session');
  return ended;
}

async function assertOver(t: Subject, key: SessionKey, endMarkerMs: number): Promise<void> {
  if (endMarkerMs > 0) await t.assertEnded(key);
  else await t.assertAbsent(key);
}

/** Counts up by replacing until the session is gone. Returns the last count that was stored. */
async function countUntilGone(t: Subject, key: SessionKey, worker: number): Promise<number> {
  const found = await t.read(key, worker);
  if (found === undefined || isEndMarker(found)) return 0;
  let { record, version } = found;
  let count = 0;
  for (let tries = 0; tries < 1000; tries++) {
    const next = { ...record, fields: { ...record.fields, [`by ${worker}`]: `${count + 1}` } };
    const outcome = await t.replace(key, version, next, worker);
    if (outcome.verdict === 'gone') return count;
    if (outcome.verdict === 'conflict') ({ record, version } = outcome.stored);
    else [record, version, count] = [next, outcome.version, count + 1];
    await turn();
  }
  assert.fail('the session was never gone');
}

export function racesOfEnding({ group, test }: Suite): void {
  const race = (name: string, share: number, body: (t: Subject, round: Round) => Promise<void>) =>
    test(name, (t) => rounds(t, { share }, (round) => body(t, round)));

  group('destroy against', () => {
    for (const [what, change] of Object.entries(changes)) {
      race(`${what}: once destroy was answered nothing brings the session back`, 0.5, async (t, { random, soon }) => {
        const endMarkerMs = random.pick([0, minuteMs]);
        const { key, record } = await t.created({ fields: { a: '1' }, owner: 'u1' });
        const read = [await t.stored(key, 1), await t.stored(key, 2)];
        const writes = read.map(
          ({ version }, index) =>
            () =>
              t.replace(key, version, change(record), 1 + index),
        );
        await Promise.all([soon(() => endAndLook(t, key, endMarkerMs)), ...writes.map(soon)]);
        for (const write of writes) assert.deepEqual(await write(), { verdict: 'gone' }, 'the late retry');
        await assertOver(t, key, endMarkerMs);
      });
    }

    race('replace: it returns exactly what was stored last', 1, async (t, { soon }) => {
      const { key, record } = await t.created();
      const read = [await t.stored(key, 1), await t.stored(key, 2)];
      const nexts = read.map((_, index) => ({ ...record, fields: { by: `${index}` } }));
      const [ended, ...outcomes] = await Promise.all([
        soon(() => endAndLook(t, key, 0)),
        ...nexts.map((next, index) => soon(() => t.replace(key, read[index]?.version, next, 1 + index))),
      ]);
      const stored = nexts.filter((_, index) => outcomes[index]?.verdict === 'replaced');
      assert.ok(stored.length <= 1, 'one version was replaced twice');
      t.assertRecord(ended, stored[0] ?? record);
    });

    race('workers that keep writing: destroy returns their last writes, and ends them', 0.5, async (t, { soon }) => {
      const { key, record } = await t.created();
      const [ended, one, two] = await Promise.all([
        soon(() => endAndLook(t, key, minuteMs)),
        countUntilGone(t, key, 1),
        countUntilGone(t, key, 2),
      ]);
      const counts = Object.entries({ 'by 1': one, 'by 2': two }).filter(([, count]) => count > 0);
      const fields = Object.fromEntries(counts.map(([name, count]) => [name, `${count}`]));
      t.assertRecord(ended, { ...record, fields });
      await t.assertEnded(key);
    });

    race('destroy: one of them gets the record, and who meets an end marker meets that', 1, async (t, round) => {
      const { key, record } = await t.created({ fields: { a: '1' } });
      const asked = t.workers.map((): DestroyOptions => round.random.pick([{}, { endMarkerMs: minuteMs }]));
      const answers = await Promise.all(
        asked.map((options, worker) => round.soon(() => t.destroy(key, options, worker))),
      );
      const winner = answers.findIndex((answer) => answer !== undefined && !isEndMarker(answer));
      t.assertRecord(answers[winner], record);
      for (const [worker, answer] of answers.entries())
        if (worker !== winner && answer !== undefined) assertMarker(answer);
      if (asked.every(({ endMarkerMs }) => endMarkerMs === undefined)) await t.assertAbsent(key);
      else await t.assertEnded(key);
    });

    race('a succession: the session goes on in one place, or it ends', 1, async (t, { soon }) => {
      const { key, version } = await t.created({ fields: { a: '1' } });
      const successors = t.workers.map(() => ({ key: t.key(), by: 'rotated' as const }));
      const [ended, ...outcomes] = await Promise.all([
        soon(() => t.destroy(key, { endMarkerMs: minuteMs })),
        ...successors.map((successor, worker) =>
          soon(() => t.replace(key, version, { successor, endMarkerMs: minuteMs }, worker)),
        ),
      ]);
      const winner = outcomes.findIndex(({ verdict }) => verdict === 'replaced');
      for (const [worker, { verdict }] of outcomes.entries())
        assert.equal(verdict, worker === winner ? 'replaced' : 'gone');
      assert.equal(ended !== undefined && !isEndMarker(ended), winner === -1);
      await t.assertEnded(key, successors[winner]);
    });

    race('create under an end marker: it never succeeds', 0.5, async (t, { soon }) => {
      const { key } = await t.created();
      const again = t.record({ fields: { b: '2' } });
      const [, ...created] = await Promise.all([
        soon(() => endAndLook(t, key, minuteMs)),
        soon(() => t.create(key, again, 1)),
        soon(() => t.create(key, again, 2)),
      ]);
      assert.deepEqual(created, [undefined, undefined]);
      await t.assertEnded(key);
    });

    race('create and replace: one session follows the other, and they do not mix', 0.5, async (t, { soon }) => {
      const { key, record, version } = await t.created({ fields: { a: '1' }, owner: 'u1' });
      const [changed, again] = [{ ...record, fields: { a: '2' } }, t.record({ fields: { b: '2' } })];
      const [ended, created, { verdict }] = await Promise.all([
        soon(() => t.destroy(key, {}, 2)),
        soon(() => t.create(key, again, 1)),
        soon(() => t.replace(key, version, changed)),
      ]);
      t.assertRecord(ended, verdict === 'replaced' ? changed : record);
      if (created) await t.assertStored(key, again);
      else await t.assertAbsent(key);
    });

    race('read: it sees the whole session or none', 0.5, async (t, { soon }) => {
      const { key, record } = await t.created({ fields: { a: '1', b: 'x'.repeat(9000) }, owner: 'u1' });
      const [, ...seen] = await Promise.all([
        soon(() => endAndLook(t, key, minuteMs)),
        ...[1, 2, 3].map((worker) => soon(() => t.read(key, worker))),
      ]);
      for (const found of seen) {
        assert.ok(found, 'neither the session nor the end marker');
        if (isEndMarker(found)) assertMarker(found);
        else assert.equal(textOf(found.record.fields['b'] ?? '').length, 9000);
        if (!isEndMarker(found)) t.assertRecord(found.record, record);
      }
    });
  });
}
