import assert from 'node:assert/strict';
import { type SessErrorCode, type SessionKey, isSessError } from '@sess/core';
import type { Plant } from './options.ts';
import type { Subject } from './subject.ts';
import type { Suite } from './suite.ts';

type Damage = Exclude<keyof Plant, 'raw'>;

const kinds: readonly { damage: Damage; what: string; code: SessErrorCode }[] = [
  { damage: 'corrupt', what: 'a torn record', code: 'STORE_CORRUPT' },
  { damage: 'foreign', what: 'something foreign', code: 'STORE_CORRUPT' },
  { damage: 'tooNew', what: 'a record of a newer version', code: 'STORE_TOO_NEW' },
];

/** All that could take damage for absence, or write over it. */
const verbs: Record<string, (t: Subject, key: SessionKey) => Promise<unknown>> = {
  read: (t, key) => t.read(key),
  'create under it': (t, key) => t.create(key, t.record({ fields: { a: '1' } })),
  replace: async (t, key) => t.replace(key, (await t.created()).version, t.record({ fields: { a: '1' } })),
  destroy: (t, key) => t.destroy(key),
  'destroy with an end marker': (t, key) => t.destroy(key, { endMarkerMs: 60_000 }),
};

/** What a scrubbed cause may carry: clients' errors carry session data and passwords beside these. */
const harmless = ['code', 'message', 'name', 'stack'];

async function assertThrows(work: Promise<unknown>, code: SessErrorCode): Promise<void> {
  const outcome = await work.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('value' in outcome) assert.fail(`answered ${String(outcome.value)} instead of throwing ${code}`);
  const { error } = outcome;
  assert.ok(isSessError(error), `threw something that is no SessError: ${String(error)}`);
  assert.equal(error.code, code);
  if (error.cause === undefined) return;
  assert.ok(error.cause instanceof Error);
  const extra = Object.getOwnPropertyNames(error.cause).filter((name) => !harmless.includes(name));
  assert.deepEqual(extra, [], 'the cause is not scrubbed');
}

export function hostile({ group, test: anyTest }: Suite): void {
  const test = (name: string, body: (t: Subject) => Promise<void>) => anyTest(name, { plant: true }, body);

  for (const { damage, what, code } of kinds) {
    group(what, () => {
      for (const [verb, act] of Object.entries(verbs)) {
        test(`${verb} throws ${code} and leaves it as it was`, async (t) => {
          const key = t.key();
          await t.plant[damage](key);
          const before = await t.plant.raw(key);
          await assertThrows(act(t, key), code);
          assert.deepEqual(await t.plant.raw(key), before);
          await assertThrows(t.read(key, 1), code);
        });
      }

      test('does not get in the way of other sessions', async (t) => {
        const key = t.key();
        const { key: other, record } = await t.created({ fields: { a: '1' } });
        await t.plant[damage](key);
        await t.assertStored(other, record);
        const next = { ...record, fields: { a: '2' } };
        await t.replaced(other, next);
        t.assertRecord(await t.destroy(other), next);
      });
    });
  }

  damageAndAbilities({ group, test: anyTest });
}

function damageAndAbilities({ group, test }: Pick<Suite, 'group' | 'test'>): void {
  group('damage', () => {
    test('raw shows a stored session, and nothing where there is none', { plant: true }, async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' } });
      const before = await t.plant.raw(key);
      assert.notDeepEqual(before, await t.plant.raw(t.key()), 'raw does not see a session');
      await t.replaced(key, { ...record, fields: { a: '2' } });
      assert.notDeepEqual(await t.plant.raw(key), before, 'raw does not see a change');
    });

    test(
      'a sweep leaves it as it was and sweeps the rest',
      { plant: true, ability: 'sweep', movedClock: true },
      async (t) => {
        const planted: SessionKey[] = [];
        for (const { damage } of kinds) {
          planted.push(t.key());
          await t.plant[damage](planted.at(-1) ?? '');
        }
        const before = await Promise.all(planted.map((key) => t.plant.raw(key)));
        const { key, record } = await t.created();
        const { removed } = await t.able('sweep').sweep();
        assert.equal(removed, 0);
        assert.deepEqual(await Promise.all(planted.map((planted) => t.plant.raw(planted))), before);
        await t.assertStored(key, record);
      },
    );

    test('a walk goes on past it', { plant: true, ability: 'walk' }, async (t) => {
      const before = await t.created();
      for (const { damage } of kinds) await t.plant[damage](t.key());
      const after = await t.created();
      const keys: SessionKey[] = [];
      for await (const key of t.able('walk').walk()) keys.push(key);
      assert.ok(keys.includes(before.key) && keys.includes(after.key));
    });
  });
}
