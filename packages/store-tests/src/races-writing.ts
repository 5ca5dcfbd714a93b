import assert from 'node:assert/strict';
import type { SessionKey, SessionRecord, StoredSession } from '@sess/core';
import { conflictOf, textOf, versionOf } from './compare.ts';
import { type Round, rounds } from './rounds.ts';
import { type Subject, sessionOf } from './subject.ts';
import type { Suite } from './suite.ts';

type Change = (record: SessionRecord) => SessionRecord['fields'];

/** Replaces as often as it takes, from what the conflict has told or, by turns, from what is read. */
async function change(t: Subject, key: SessionKey, worker: number, fieldsOf: Change): Promise<void> {
  let { record, version } = await t.stored(key, worker);
  for (let tries = 0; tries < 2000; tries++) {
    const outcome = await t.replace(key, version, { ...record, fields: fieldsOf(record) }, worker);
    if (outcome.verdict === 'replaced') return;
    const stored = conflictOf(outcome);
    ({ record, version } = tries % 2 === 0 ? stored : await t.stored(key, worker));
  }
  assert.fail('each of 2,000 tries was a conflict');
}

export function racesOfWriting({ group, test }: Suite): void {
  const race = (name: string, share: number, body: (t: Subject, round: Round) => Promise<void>) =>
    test(name, (t) => rounds(t, { share }, (round) => body(t, round)));

  group('writers at the same time', () => {
    test('increments from all workers end at exactly their number', async (t) => {
      const { key, record } = await t.created({ fields: { long: 'x'.repeat(9000) } });
      let left = t.rounds;
      async function lane(worker: number): Promise<void> {
        while (left-- > 0)
          await change(t, key, worker, ({ fields: { count = '0', ...others } }) => ({
            ...others,
            count: `${Number(textOf(count)) + 1}`,
          }));
      }
      await Promise.all([...t.workers, ...t.workers].map(lane));
      await t.assertStored(key, { ...record, fields: { ...record.fields, count: `${t.rounds}` } });
    });

    race('one of them replaces a version, the others are told what it wrote', 1, async (t, { soon }) => {
      const { key, record } = await t.created({ fields: { a: '0' } });
      const read = await Promise.all(t.workers.map((worker) => t.stored(key, worker)));
      const nexts = read.map((_, worker) => ({ ...record, fields: { a: `by ${worker}` }, writeIds: [`w${worker}`] }));
      const outcomes = await Promise.all(
        nexts.map((next, worker) => soon(() => t.replace(key, read[worker]?.version, next, worker))),
      );
      const winner = nexts[outcomes.findIndex(({ verdict }) => verdict === 'replaced')];
      assert.ok(winner, 'none was replaced');
      const losers = outcomes.filter(({ verdict }) => verdict !== 'replaced');
      assert.equal(losers.length, nexts.length - 1, 'more than one was replaced');
      for (const loser of losers) t.assertRecord(conflictOf(loser).record, winner);
      await t.assertStored(key, winner);
    });

    race('a worker that sends one write twice at the same time writes it once', 0.5, async (t, { soon }) => {
      const { key, record, version } = await t.created({ fields: { a: '0' } });
      const next = { ...record, fields: { a: '1' }, writeIds: ['w1'] };
      const outcomes = await Promise.all([1, 2].map(() => soon(() => t.replace(key, version, next))));
      assert.deepEqual(outcomes.map(({ verdict }) => verdict).toSorted(), ['conflict', 'replaced']);
      await t.assertStored(key, next);
    });

    race('their different fields all stay, where each merges what a conflict tells it', 0.5, async (t, { soon }) => {
      const { key, record } = await t.created();
      const merge = (worker: number) => change(t, key, worker, ({ fields }) => ({ ...fields, [worker]: '1' }));
      await Promise.all(t.workers.map((worker) => soon(() => merge(worker))));
      await t.assertStored(key, { ...record, fields: Object.fromEntries(t.workers.map((worker) => [worker, '1'])) });
    });
  });

  group('creators at the same time', () => {
    race('one of them succeeds, and its session is the one that is stored', 0.5, async (t, { soon }) => {
      await oneCreates(t, t.key(), soon);
    });

    race('one of them succeeds under the key of a session that has just been destroyed', 0.25, async (t, { soon }) => {
      const { key } = await t.created({ fields: { old: '1' } });
      await t.destroy(key, {}, 3);
      await oneCreates(t, key, soon);
    });

    test('one of them succeeds under the key of an expired session', { movedClock: true }, async (t) => {
      await rounds(t, { together: 1, share: 0.25 }, async ({ soon }) => {
        const { key } = await t.created({ leftMs: 1, fields: { old: '1' } });
        await t.clock.pass(1);
        await oneCreates(t, key, soon);
      });
    });
  });

  group('readers among writers', () => {
    race('see one complete state, and never an older one after a newer', 0.1, async (t) => {
      const { key, record, version } = await t.created({ ...stateOf(0) });
      let isWriting = true;
      async function write(): Promise<void> {
        let latest = version;
        for (let state = 1; state <= 20; state++)
          latest = versionOf(await t.replace(key, latest, { ...record, ...stateOf(state) }));
      }
      async function look(worker: number): Promise<void> {
        for (let last = 0; isWriting;) last = seenState(await t.stored(key, worker), last);
      }
      await Promise.all([write().finally(() => (isWriting = false)), look(1), look(2)]);
    });
  });
}

/** Every part of a record tells which state it belongs to; the long text changes its length too. */
const stateOf = (state: number): Pick<SessionRecord, 'fields' | 'owner' | 'settings' | 'writeIds'> => ({
  fields: { a: `${state}`, long: `${state} `.repeat(3000) },
  owner: `${state}`,
  settings: { idleTimeoutMs: state },
  writeIds: [`${state}`],
});

function seenState({ record }: StoredSession, last: number): number {
  const { fields, owner, settings, writeIds } = record;
  const seen = {
    fields: Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, textOf(text)])),
    owner,
  };
  const state = Number(seen.fields['a']);
  assert.deepEqual({ ...seen, settings: { ...settings }, writeIds: [...writeIds] }, stateOf(state), 'a mixed state');
  assert.ok(state >= last, `state ${state} was read after state ${last}`);
  return state;
}

async function oneCreates(t: Subject, key: SessionKey, soon: Round['soon']): Promise<void> {
  const records = t.workers.map((worker) => t.record({ fields: { by: `${worker}` }, owner: `${worker}` }));
  const answers = await Promise.all(records.map((record, worker) => soon(() => t.create(key, record, worker))));
  assert.equal(answers.filter(Boolean).length, 1, 'exactly one create answers a version');
  const winner = answers.findIndex(Boolean);
  const record = records[winner];
  assert.ok(record);
  await t.assertStored(key, record);
  const next = { ...record, fields: { by: 'next' } };
  versionOf(await t.replace(key, answers[winner]?.version, next, winner));
  t.assertRecord(sessionOf(await t.read(key)).record, next);
}
