import assert from 'node:assert/strict';
import { type SessionKey, isEndMarker } from '@sess/core';
import type { Subject } from './subject.ts';
import type { Suite } from './suite.ts';

async function walked(t: Subject, worker = 0): Promise<SessionKey[]> {
  const keys: SessionKey[] = [];
  for await (const key of t.able('walk', worker).walk()) keys.push(key);
  return keys.toSorted();
}

async function createMany(t: Subject, count: number): Promise<SessionKey[]> {
  const keys: SessionKey[] = [];
  for (let made = 0; made < count; made++) keys.push((await t.created()).key);
  return keys.toSorted();
}

export function walk({ group, test: anyTest }: Suite): void {
  const test = (name: string, body: (t: Subject) => Promise<void>) => anyTest(name, { ability: 'walk' }, body);

  group('walk', () => {
    test('shows nothing in an empty storage', async (t) => {
      assert.deepEqual(await walked(t), []);
    });

    test('shows every live session once, from every worker', async (t) => {
      const keys = await createMany(t, 150);
      for (const worker of t.workers) assert.deepEqual(await walked(t, worker), keys);
    });

    test('shows neither expired nor destroyed sessions nor end markers', async (t) => {
      await t.created({ leftMs: 200 });
      const destroyed = await t.created();
      const ended = await t.created();
      const { key } = await t.created();
      await t.destroy(destroyed.key);
      await t.destroy(ended.key, { endMarkerMs: 60_000 });
      await t.clock.pass(200);
      assert.deepEqual(await walked(t), [key]);
    });

    test('may be left early, and started again', async (t) => {
      const keys = await createMany(t, 20);
      for await (const key of t.able('walk').walk()) {
        assert.ok(keys.includes(key));
        break;
      }
      assert.deepEqual(await walked(t), keys);
    });

    test('shows every session that is there all the time, none twice, while others come, change and go', async (t) => {
      const keys = await createMany(t, 60);
      const passing = (await createMany(t, 20)).values();
      const shown: SessionKey[] = [];
      for await (const key of t.able('walk', 1).walk()) {
        shown.push(key);
        const { value: ending } = passing.next();
        if (shown.length <= 20) await t.created();
        const found = await t.read(key, 2);
        if (found && !isEndMarker(found)) await t.replace(key, found.version, { ...found.record, owner: 'u1' }, 2);
        if (ending) await t.destroy(ending);
      }
      assert.equal(new Set(shown).size, shown.length, 'a session was shown twice');
      assert.deepEqual(
        keys.filter((key) => !shown.includes(key)),
        [],
      );
    });

    test('two walks at once do not disturb each other', async (t) => {
      const keys = await createMany(t, 30);
      assert.deepEqual(await Promise.all([walked(t, 0), walked(t, 0), walked(t, 1)]), [keys, keys, keys]);
    });
  });
}
