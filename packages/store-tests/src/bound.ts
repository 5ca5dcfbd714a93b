import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { isSessError } from '@sess/core';
import { type Subject, minuteMs, sessionOf } from './subject.ts';
import type { Suite } from './suite.ts';

/** How long a call may take to notice that its time is over. It is there to tell a call that hangs. */
const patienceMs = 5_000;

/** The answer of a call that began when its time was over, or undefined where it was told so. */
async function late<Answer>(call: (by: number) => Promise<Answer>): Promise<{ answer: Answer } | undefined> {
  const patience = new AbortController();
  const hung = delay(patienceMs, undefined, { signal: patience.signal }).then(() => assert.fail('the call hangs'));
  hung.catch(() => {}); // Aborted, once nobody waits any more.
  try {
    return { answer: await Promise.race([call(performance.now() - 1000), hung]) };
  } catch (error) {
    assert.ok(isSessError(error), `threw what is no SessError: ${String(error)}`);
    assert.equal(error.code, 'STORE_TIMEOUT');
    return undefined;
  } finally {
    patience.abort();
  }
}

/** The store is none the worse for it. */
async function assertWorks(t: Subject): Promise<void> {
  const { key, record } = await t.created({ fields: { a: '1' } });
  await t.replaced(key, { ...record, fields: { a: '2' } });
  t.assertRecord(await t.destroy(key), { ...record, fields: { a: '2' } });
}

export function bound({ group, test }: Suite): void {
  group('a call whose time is over throws STORE_TIMEOUT or is carried out', () => {
    test('read', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' } });
      const told = await late((by) => t.worker(0).read(key, by));
      if (told !== undefined) t.assertRecord(sessionOf(told.answer).record, record);
      await assertWorks(t);
    });

    test('create', async (t) => {
      const [key, record] = [t.key(), t.record({ fields: { a: '1' } })];
      const told = await late((by) => t.worker(0).create(key, record, by));
      if (told !== undefined) {
        assert.ok(told.answer, 'the key was free');
        await t.assertStored(key, record);
      }
      await assertWorks(t);
    });

    test('replace', async (t) => {
      const { key, record, version } = await t.created({ fields: { a: '1' } });
      const next = { ...record, fields: { a: '2' } };
      const told = await late((by) => t.worker(0).replace(key, version, next, by));
      if (told !== undefined) {
        assert.equal(told.answer.verdict, 'replaced');
        await t.assertStored(key, next);
      }
      await assertWorks(t);
    });

    test('destroy', async (t) => {
      const { key, record } = await t.created({ fields: { a: '1' } });
      const told = await late((by) => t.worker(0).destroy(key, { endMarkerMs: minuteMs }, by));
      if (told !== undefined) {
        t.assertRecord(told.answer, record);
        await t.assertEnded(key);
      }
      await assertWorks(t);
    });
  });
}
