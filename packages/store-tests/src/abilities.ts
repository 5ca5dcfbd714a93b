import assert from 'node:assert/strict';
import { hasAbility } from '@sess/core';
import type { AbilityName } from './options.ts';
import type { Suite } from './suite.ts';

const everyAbility: Record<AbilityName, true> = {
  describe: true,
  keysByOwner: true,
  walk: true,
  sweep: true,
  noteApp: true,
  check: true,
  probe: true,
  tellEnds: true,
  migrate: true,
  close: true,
};

const isAbility = (name: string): name is AbilityName => name in everyAbility;

export function abilities({ group, test, abilities: declared }: Suite): void {
  group('abilities', () => {
    test('the store has the abilities that it declares, and declares those that it has', async (t) => {
      const present = Object.keys(everyAbility).filter((name) => isAbility(name) && hasAbility(t.worker(0), name));
      assert.deepEqual(present.toSorted(), [...declared].toSorted());
    });

    test('describe says what the store is, where it is and who shares it', { ability: 'describe' }, async (t) => {
      const { name, location, sharedBy } = t.able('describe').describe();
      assert.match(name, /^[a-z][a-z0-9-]*$/);
      assert.notEqual(location, '');
      assert.ok(['process', 'host', 'hosts'].includes(sharedBy));
    });

    test('probe finds nothing wrong with a store that is well', { ability: 'probe' }, async (t) => {
      await t.able('probe').probe();
    });

    test('check answers with findings that say what to do', { ability: 'check' }, async (t) => {
      for (const { code, severity, text, fix } of await t.able('check').check()) {
        assert.match(code, /^[A-Z][A-Z0-9_]*$/);
        assert.ok(['error', 'warning', 'note'].includes(severity));
        assert.notEqual(text, '');
        assert.notEqual(fix, '');
      }
    });

    test('check leaves nothing behind', { ability: 'check' }, async (t) => {
      await t.able('check').check();
      if (!declared.includes('walk')) return;
      for await (const key of t.able('walk').walk()) assert.fail(`check left ${key} behind`);
    });

    test(
      'noteApp is seen by every worker, once however often it is repeated, and is no session',
      { ability: 'noteApp' },
      async (t) => {
        const names = ['0a1b2c3d', '0a1b2c3d-4e5f6071'];
        for (const name of [...names, ...names]) await t.able('noteApp').noteApp(name, 60_000);
        for (const worker of t.stores.keys())
          assert.deepEqual([...(await t.able('noteApp', worker).notedApps())].toSorted(), names);
        if (!declared.includes('walk')) return;
        for await (const key of t.able('walk').walk()) assert.fail(`noteApp made a session ${key}`);
      },
    );

    test('noteApp is forgotten when its time is over, unless it was renewed', { ability: 'noteApp' }, async (t) => {
      assert.deepEqual(await t.able('noteApp').notedApps(), []);
      await t.able('noteApp').noteApp('0a1b2c3d', 1_500);
      await t.able('noteApp').noteApp('4e5f6071', 1_500);
      await t.able('noteApp').noteApp('4e5f6071', 60_000);
      await t.clock.pass(2_600);
      assert.deepEqual(await t.able('noteApp').notedApps(), ['4e5f6071']);
    });

    test(
      'migrate finds nothing to do once it has run, and leaves sessions as they are',
      { ability: 'migrate' },
      async (t) => {
        const dryRun = [...(await t.able('migrate', 1).migrate({ isDryRun: true }))];
        assert.deepEqual(
          [...(await t.able('migrate').migrate())],
          dryRun,
          'what the dry run shows is not what is done',
        );
        const { key, record } = await t.created({ fields: { a: '1' } });
        assert.deepEqual([...(await t.able('migrate').migrate())], []);
        assert.deepEqual([...(await t.able('migrate', 1).migrate({ isDryRun: true }))], []);
        await t.assertStored(key, record);
      },
    );

    test('close may be repeated, and at once', { ability: 'close' }, async (t) => {
      const store = t.able('close', 1);
      await Promise.all([store.close(), store.close()]);
      await store.close();
    });

    test('close finishes the work in hand', { ability: 'close' }, async (t) => {
      const key = t.key();
      const record = t.record({ fields: { a: '1' } });
      const [created] = await Promise.all([t.create(key, record, 1), t.able('close', 1).close()]);
      assert.ok(created);
      t.assertRecord((await t.stored(key)).record, record);
    });

    test('closing one worker leaves the sessions to the others', { ability: 'close' }, async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' } });
      await t.able('close', 1).close();
      t.assertRecord((await t.stored(key)).record, record);
    });
  });
}
