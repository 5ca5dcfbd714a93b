import assert from 'node:assert/strict';
import { type EndMarker, type SessionKey, type StoredSession, isEndMarker } from '@sess/core';
import { turn } from './random.ts';
import { rounds } from './rounds.ts';
import type { Subject } from './subject.ts';
import type { Suite } from './suite.ts';

const isOf = (owner: string, found: StoredSession | EndMarker | undefined): boolean =>
  found !== undefined && !isEndMarker(found) && found.record.owner === owner;

/** Reads until the owner's session is there, and looks into the index that very moment. */
async function findInIndexOnceSeen(t: Subject, key: SessionKey, owner: string): Promise<void> {
  for (let tries = 0; tries < 10_000; tries++) {
    if (isOf(owner, await t.read(key, 1))) {
      assert.ok((await t.keysOf(owner, 2)).includes(key), 'the session could be read before the index held it');
      return;
    }
    if (tries % 4 === 3) await turn();
  }
  assert.fail('the session never came');
}

/** What "log out everywhere" does: it drops the entries whose session is another's or gone. */
async function forgetStale(t: Subject, worker: number, owner: string): Promise<void> {
  for await (const page of t.able('keysByOwner', worker).keysByOwner(owner)) {
    const stale: SessionKey[] = [];
    for (const key of page.keys) if (!isOf(owner, await t.read(key, worker))) stale.push(key);
    await page.forget(stale);
  }
}

async function assertIndexed(t: Subject, owner: string, key: SessionKey): Promise<void> {
  const keys = await t.keysOf(owner, 3);
  assert.ok(keys.includes(key), 'a live session is missing from the index');
}

export function racesOfOwners({ group, test }: Suite): void {
  const needs = { ability: 'keysByOwner' } as const;

  group('the owner index, raced', () => {
    test('holds a new session before the session can be read', needs, async (t) => {
      await rounds(t, { share: 0.5 }, async ({ soon, random }) => {
        const key = t.key();
        const owner = `u${random.below(1_000_000)}`;
        await Promise.all([soon(() => t.create(key, t.record({ owner }))), findInIndexOnceSeen(t, key, owner)]);
      });
    });

    test('holds a session under its new owner before that can be read', needs, async (t) => {
      await rounds(t, { share: 0.5 }, async ({ soon, random }) => {
        const { key, version } = await t.created({ owner: 'before' });
        const next = t.record({ owner: `u${random.below(1_000_000)}` });
        await Promise.all([soon(() => t.replace(key, version, next)), findInIndexOnceSeen(t, key, next.owner ?? '')]);
      });
    });

    test('holds all sessions of owners who log in and out and forget at the same time', needs, async (t) => {
      await rounds(t, { share: 0.25 }, async ({ soon, random }) => {
        const owner = `u${random.below(3)}`;
        const leaving = await t.created({ owner });
        const { key } = await t.created();
        await Promise.all([
          soon(() => t.replaced(key, t.record({ owner }), 1)),
          soon(() => t.destroy(leaving.key, {}, 2)),
          soon(() => forgetStale(t, 0, owner)),
          soon(() => forgetStale(t, 3, owner)),
        ]);
        await assertIndexed(t, owner, key);
        await t.destroy(key);
      });
    });

    test(
      'does not lose an owner who comes back while the old entry is forgotten',
      { ...needs, movedClock: true },
      async (t) => {
        await rounds(t, { together: 1, share: 0.5 }, async ({ soon, random }) => {
          const owner = `u${random.below(1_000_000)}`;
          const { key } = await t.created({ owner, leftMs: 600_000 });
          await t.replaced(key, t.record({ owner: 'another', leftMs: 600_000 }));
          await t.clock.pass(61_000);
          await Promise.all([
            soon(() => t.replaced(key, t.record({ owner }), 1)),
            soon(() => forgetStale(t, 2, owner)),
          ]);
          await assertIndexed(t, owner, key);
        });
      },
    );
  });
}
