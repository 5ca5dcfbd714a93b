import assert from 'node:assert/strict';
import type { SessionKey } from '@sess/core';
import type { Subject } from './subject.ts';
import type { Suite } from './suite.ts';

/** Messages may be late: a connection for them may have to begin first. */
const patienceMs = 10_000;

interface Listener {
  readonly told: SessionKey[];
  stop(): void;
}

function listen(t: Subject, worker: number): Listener {
  const told: SessionKey[] = [];
  return { told, stop: t.able('tellEnds', worker).tellEnds((key) => told.push(key)) };
}

/** Ends sessions until one is told of: of a single one nothing is promised. @returns the one that was */
async function untilTold(t: Subject, listener: Listener, end: (key: SessionKey) => Promise<unknown>): Promise<void> {
  const ended: SessionKey[] = [];
  for (const giveUpAt = Date.now() + patienceMs; !ended.some((key) => listener.told.includes(key));) {
    assert.ok(Date.now() < giveUpAt, 'no listener was told of any of these ends');
    const { key } = await t.created({ fields: { a: '1' } });
    await end(key);
    ended.push(key);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function toldEnds({ group, test: anyTest }: Suite): void {
  const test = (name: string, body: (t: Subject) => Promise<void>) => anyTest(name, { ability: 'tellEnds' }, body);

  group('tellEnds', () => {
    test('tells of sessions that another worker destroys or replaces, and of no changed one', async (t) => {
      const listener = listen(t, 0);
      await untilTold(t, listener, (key) => t.destroy(key, {}, 1));
      await untilTold(t, listener, (key) => t.destroy(key, { endMarkerMs: 60_000 }, 1));
      await untilTold(t, listener, async (key) => {
        const { version } = await t.stored(key, 1);
        await t.replace(key, version, { successor: { key: t.key(), by: 'rotated' }, endMarkerMs: 60_000 }, 1);
      });
      const { key } = await t.created({ fields: { a: '1' } });
      const { record, version } = await t.stored(key, 1);
      await t.replace(key, version, { ...record, fields: { a: '2' } }, 1);
      await untilTold(t, listener, (other) => t.destroy(other, {}, 1));
      assert.ok(!listener.told.includes(key), 'a session that only changed was told of');
    });

    test('a listener that has stopped is told nothing; others are, and it may begin anew', async (t) => {
      const [first, second] = [listen(t, 0), listen(t, 0)];
      await untilTold(t, first, (key) => t.destroy(key, {}, 1));
      first.stop();
      first.stop();
      const before = first.told.length;
      await untilTold(t, second, (key) => t.destroy(key, {}, 1));
      assert.equal(first.told.length, before);
      second.stop();
      await untilTold(t, listen(t, 0), (key) => t.destroy(key, {}, 1));
    });
  });
}
