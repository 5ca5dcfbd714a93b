import assert from 'node:assert/strict';
import type { SessionKey, SessionRecord } from '@sess/core';
import { type Round, rounds } from './rounds.ts';
import type { Subject } from './subject.ts';
import type { Suite } from './suite.ts';

async function stored(t: Subject, key: SessionKey, worker = 0): Promise<SessionRecord> {
  const record = await t.worker(worker).read(key);
  if (record === undefined || record === 'ended') assert.fail(`expected a record, got ${record}`);
  return record;
}

/** Adds one by comparing and setting, as often as it takes. */
async function increment(t: Subject, key: SessionKey, worker: number): Promise<void> {
  for (let tries = 0; tries < 10_000; tries++) {
    const { count } = (await stored(t, key, worker)).fields;
    const change = { expect: { count }, set: { count: String(Number(count ?? 0) + 1) } };
    const verdict = await t.worker(worker).update(key, t.change(change));
    if (verdict === 'applied') return;
    assert.equal(verdict, 'conflict');
  }
  assert.fail('the comparison never held');
}

export function racesOfWriting({ group, test }: Suite): void {
  const race = (name: string, share: number, body: (t: Subject, round: Round) => Promise<void>) =>
    test(name, (t) => rounds(t, { share }, (round) => body(t, round)));

  group('writers at the same time', () => {
    test('increments by compare-and-set from all workers end at exactly their number', async (t) => {
      const { key, record } = await t.created();
      const total = t.rounds;
      let left = total;
      async function lane(worker: number): Promise<void> {
        while (left-- > 0) await increment(t, key, worker);
      }
      await Promise.all([...t.stores, ...t.stores].map((_, worker) => lane(worker)));
      await t.assertStored(key, { ...record, fields: { count: String(total) } });
    });

    race('of comparisons with the same text one is applied, the others conflict', 1, async (t, { soon }) => {
      const { key, record } = await t.created({ fields: { a: '0' } });
      const verdicts = await Promise.all(
        t.stores.map((store, worker) =>
          soon(() => store.update(key, t.change({ expect: { a: '0' }, set: { a: `by ${worker}` } }))),
        ),
      );
      assert.deepEqual(verdicts.toSorted(), ['applied', ...t.stores.slice(1).map(() => 'conflict')]);
      await t.assertStored(key, { ...record, fields: { a: `by ${verdicts.indexOf('applied')}` } });
    });

    race('changes of different fields all stay', 0.5, async (t, { soon }) => {
      const { key, record } = await t.created({ fields: { removed: '1', revised: '1' } });
      const parts = [
        { set: { a: '1' } },
        { set: { b: '2' } },
        { unset: ['removed'] },
        { revise: { revised: '2' } },
        { owner: 'u1' },
      ];
      const verdicts = await Promise.all(
        parts.map((part, worker) => soon(() => t.worker(worker).update(key, t.change(part)))),
      );
      assert.deepEqual(
        verdicts,
        parts.map(() => 'applied'),
      );
      await t.assertStored(key, { ...record, fields: { a: '1', b: '2', revised: '2' }, owner: 'u1' });
    });

    race('a set is not lost to touches', 0.5, async (t, { soon }) => {
      const { key, record } = await t.created();
      const touch = (worker: number) => t.worker(worker).update(key, t.change());
      await Promise.all([
        soon(() => t.store.update(key, t.change({ set: { a: '1' } }))),
        soon(() => touch(1)),
        soon(() => touch(2)),
      ]);
      await t.assertStored(key, { ...record, fields: { a: '1' } });
    });

    race('of the same field one text stays, with what came with it', 0.5, async (t, { soon }) => {
      const { key, record } = await t.created({ fields: { a: '', b: '' } });
      const mark = (worker: number) => t.change({ set: { a: `${worker}`, b: `${worker}` }, owner: `${worker}` });
      await Promise.all(t.stores.map((store, worker) => soon(() => store.update(key, mark(worker)))));
      const { fields } = await stored(t, key);
      assert.match(fields['a'] ?? '', /^[0-3]$/);
      await t.assertStored(key, {
        ...record,
        fields: { a: `${fields['a']}`, b: `${fields['a']}` },
        owner: `${fields['a']}`,
      });
    });

    race('revise never undoes an unset', 0.5, async (t, { soon }) => {
      const { key, record } = await t.created({ fields: { user: '1' } });
      const revise = (worker: number) => t.worker(worker).update(key, t.change({ revise: { user: '2' } }));
      await Promise.all([
        soon(() => t.store.update(key, t.change({ unset: ['user'] }))),
        soon(() => revise(1)),
        soon(() => revise(2)),
      ]);
      await t.assertStored(key, { ...record, fields: {} });
    });

    race('of the times the latest stay', 0.5, async (t, { random, soon }) => {
      const { key, record } = await t.created({ leftMs: 60_000 });
      const later = t.stores.map(() => 60_000 + 20_000 * random.below(4));
      const touch = (worker: number, leftMs: number) => t.worker(worker).update(key, t.change({ leftMs }));
      await Promise.all(later.map((leftMs, worker) => soon(() => touch(worker, leftMs))));
      await t.assertStored(key, { ...record, expiresAt: record.touchedAt + Math.max(...later) });
    });
  });

  group('creators at the same time', () => {
    race('one of them succeeds, and its session is the one that is stored', 0.5, async (t, { soon }) => {
      await oneCreates(t, t.key(), soon);
    });

    race('one of them succeeds under the key of a session that has just been destroyed', 0.25, async (t, { soon }) => {
      const { key } = await t.created({ fields: { old: '1' } });
      await t.worker(3).destroy(key);
      await oneCreates(t, key, soon);
    });

    test('one of them succeeds under the key of an expired session', { movedClock: true }, async (t) => {
      await rounds(t, { together: 1, share: 0.25 }, async ({ soon }) => {
        const { key } = await t.created({ leftMs: 1, fields: { old: '1' } });
        await t.clock.pass(1);
        await oneCreates(t, key, soon);
      });
    });

    race('an update against a create is applied to the whole session or finds none', 1, async (t, { soon }) => {
      const key = t.key();
      const record = t.record({ fields: { a: '1' } });
      const [created, verdict] = await Promise.all([
        soon(() => t.store.create(key, record)),
        soon(() => t.worker(1).update(key, t.change({ set: { b: '2' } }))),
      ]);
      assert.equal(created, true);
      const fields = verdict === 'applied' ? { a: '1', b: '2' } : record.fields;
      await t.assertStored(key, { ...record, fields });
    });
  });

  group('readers among writers', () => {
    race('see one complete version, and never an older one after a newer', 0.1, async (t) => {
      const { key } = await t.created({ fields: { a: '0', b: '0' }, owner: '0', settings: { idleTimeoutMs: 0 } });
      let isWriting = true;
      async function write(): Promise<void> {
        for (let version = 1; version <= 20; version++) {
          const text = String(version);
          const change = t.change({ set: { a: text, b: text }, owner: text, settings: { idleTimeoutMs: version } });
          assert.equal(await t.worker(version % 2).update(key, change), 'applied');
        }
        isWriting = false;
      }
      async function look(worker: number): Promise<void> {
        for (let last = 0; isWriting;) last = await lookOnce(t, key, worker, last);
      }
      await Promise.all([write(), look(2), look(3)]);
    });
  });
}

async function lookOnce(t: Subject, key: SessionKey, worker: number, last: number): Promise<number> {
  const { fields, owner, settings } = await stored(t, key, worker);
  const version = Number(fields['a']);
  assert.deepEqual(
    [fields['b'], owner, settings?.idleTimeoutMs],
    [`${version}`, `${version}`, version],
    'a mixed version',
  );
  assert.ok(version >= last, `version ${version} was read after version ${last}`);
  return version;
}

async function oneCreates(t: Subject, key: SessionKey, soon: Round['soon']): Promise<void> {
  const records = t.stores.map((_, worker) => t.record({ fields: { by: `${worker}` }, owner: `${worker}` }));
  const answers = await Promise.all(records.map((record, worker) => soon(() => t.worker(worker).create(key, record))));
  assert.equal(answers.filter(Boolean).length, 1, 'exactly one create answers true');
  const winner = records[answers.indexOf(true)];
  assert.ok(winner);
  await t.assertStored(key, winner);
}
