import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isEndMarker } from '@sess/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppStore, PlainRecord } from './testing/app-store.mjs';
import {
  changeAt,
  forgetAll,
  keyOf,
  keysOf,
  minuteMs,
  placeOf,
  recordAt,
  removeTemporaryDirectories,
  stampPlaceOf,
} from './testing/directories.ts';
import { installScheduler, removeScheduler } from './testing/interleave.ts';
import { type Outcomes, type Scene, answerOf, graceMs, race, raceKey as key } from './testing/race.ts';

// Every file operation of the actors is a step, and each round takes the steps in another order.

beforeAll(installScheduler);
afterAll(removeScheduler);
afterAll(removeTemporaryDirectories);

async function create(scene: Scene): Promise<void> {
  await scene.store().create(key, recordAt(scene.now()));
}
const creating = (scene: Scene, by: string) => () =>
  scene.store().create(key, recordAt(scene.now(), { fields: { by } }));
const set = (scene: Scene, name: string) => () =>
  scene.store().update(key, changeAt(scene.now(), { set: { [name]: '2' } }));
const touch = (scene: Scene) => () => scene.store().update(key, changeAt(scene.now() + 5));
const destroy = (scene: Scene, endMarkerMs: number) => () => scene.store().destroy(key, { endMarkerMs });
const sweep = (scene: Scene) => () => scene.store().sweep();

/** The fields of what is there; `undefined` when nothing is. Throws when it is damaged. */
async function fieldsOf(scene: Scene): Promise<Record<string, string> | undefined> {
  const there = await scene.read();
  return there === undefined || there === 'ended' ? undefined : there.fields;
}

/** Actors whose name begins with "set" set the field of that name. */
function assertStored(outcomes: Outcomes, fields: Record<string, string>): void {
  for (const name of Object.keys(outcomes).filter((actor) => actor.startsWith('set'))) {
    const verdict = answerOf(outcomes, name);
    if (verdict === 'replaced') assert.equal(fields[name], '2');
    if (verdict === 'gone') assert.equal(fields[name], undefined);
  }
}

describe('updates against a destroy', () => {
  async function verify(scene: Scene, outcomes: Outcomes): Promise<void> {
    const answer = answerOf(outcomes, 'destroy');
    const fields = answer === 'died' ? await fieldsOf(scene) : (answer as PlainRecord).fields;
    if (fields) assertStored(outcomes, fields);
    if (answer === 'died') return;
    // Whatever comes later does not bring it back.
    expect(await fieldsOf(scene)).toBeUndefined();
    expect(await touch(scene)()).toBe('gone');
    expect(await set(scene, 'late')()).toBe('gone');
    expect(await fieldsOf(scene)).toBeUndefined();
  }

  const actors = (endMarkerMs: number) => (scene: Scene) => ({
    setB: set(scene, 'setB'),
    touch: touch(scene),
    destroy: destroy(scene, endMarkerMs),
  });

  it('never bring the session back; what was applied before is in what destroy returns', async () => {
    expect(await race({ rounds: 500, setUp: create, actors: actors(0), verify })).toBe(500);
    expect(await race({ rounds: 500, setUp: create, actors: actors(minuteMs), verify })).toBe(500);
  });

  it('leave a session that is whole, or gone, when one of them dies on the way', async () => {
    expect(await race({ rounds: 200, deaths: 1, setUp: create, actors: actors(minuteMs), verify })).toBe(200);
  });

  it('control: a store that writes without comparing brings the session back', async () => {
    let revived = 0;
    await race({
      rounds: 100,
      setUp: create,
      actors: (scene) => ({
        async upsert() {
          const record = await scene.store().read(key);
          if (record === undefined || record === 'ended') return;
          rmSync(placeOf(scene.directory, key), { recursive: true });
          await scene.store().create(key, record);
        },
        destroy: destroy(scene, 0),
      }),
      async verify(scene) {
        if ((await fieldsOf(scene)) !== undefined) revived++;
      },
    });
    expect(revived).toBeGreaterThan(10);
  });

  it('of two destroyers one gets the record', async () => {
    const rounds = await race({
      rounds: 100,
      setUp: create,
      actors: (scene) => ({ first: destroy(scene, 0), second: destroy(scene, minuteMs), setB: set(scene, 'setB') }),
      async verify(scene, outcomes) {
        const records = ['first', 'second']
          .map((name) => answerOf(outcomes, name))
          .filter((record) => record !== undefined && record !== 'ended');
        expect(records).toHaveLength(1);
        expect(await scene.read()).toBe('ended');
      },
    });
    expect(rounds).toBe(100);
  });
});

describe('updates against a succession', () => {
  const successor = { key: keyOf('the successor'), by: 'rotated' } as const;

  it('either move the session on, which is then not ended, or come too late', async () => {
    const ends = { replaced: 0, conflict: 0 };
    const rounds = await race({
      rounds: 300,
      setUp: create,
      actors: (scene) => ({
        setB: set(scene, 'setB'),
        touch: touch(scene),
        succeed: () => scene.store().succeed(key, { successor, endMarkerMs: minuteMs }),
      }),
      async verify(scene, outcomes) {
        const { verdict, read } = answerOf(outcomes, 'succeed') as Awaited<ReturnType<AppStore['succeed']>>;
        assert.ok(verdict !== 'gone');
        ends[verdict]++;
        const found = await scene.store().stored(key);
        if (verdict === 'replaced') assert.deepEqual(found, { ended: true, successor });
        // What the successor was made of holds all that was stored.
        assertStored(outcomes, verdict === 'replaced' ? (read?.fields ?? {}) : ((await fieldsOf(scene)) ?? {}));
      },
    });
    expect(rounds).toBe(300);
    expect(Math.min(...Object.values(ends))).toBeGreaterThan(10);
  });
});

describe('a create against destroys and sweeps', () => {
  it('is whole where it succeeds: nothing of what ends takes its data, also when one of them dies on the way', async () => {
    let created = 0;
    for (const deaths of [0, 1]) {
      const rounds = await race({
        rounds: 500,
        deaths,
        setUp: create,
        actors: (scene) => ({
          destroy: destroy(scene, 0),
          create: creating(scene, 'create'),
          again: destroy(scene, 0),
          sweep: sweep(scene),
        }),
        async verify(scene, outcomes) {
          const fields = await fieldsOf(scene);
          if (answerOf(outcomes, 'create') !== true) return;
          created++;
          const ended = [answerOf(outcomes, 'destroy'), answerOf(outcomes, 'again')];
          // Of two that ended a session each, the second had this one.
          const isEndedAgain = ended.includes('died') || ended.every((record) => record !== undefined);
          if (fields === undefined) assert.ok(isEndedAgain);
          else assert.deepEqual({ ...fields }, { by: 'create' });
        },
      });
      expect(rounds).toBe(500);
    }
    expect(created).toBeGreaterThan(50);
  });
});

describe('updates against each other', () => {
  it('are all stored, and none that died is stored by half', async () => {
    const actors = (scene: Scene) => ({ setB: set(scene, 'setB'), setC: set(scene, 'setC'), touch: touch(scene) });
    for (const deaths of [0, 1, 2]) {
      const rounds = await race({
        rounds: 100,
        deaths,
        setUp: create,
        actors,
        async verify(scene, outcomes) {
          const fields = await fieldsOf(scene);
          expect(fields).toBeDefined();
          assertStored(outcomes, fields ?? {});
        },
      });
      expect(rounds).toBe(100);
    }
  });

  it('count once each when each compares', async () => {
    const count = (scene: Scene) => async () => {
      const store = scene.store();
      let stored = await store.stored(key);
      while (stored !== undefined && !isEndMarker(stored)) {
        const { record, version } = stored;
        const fields = { ...record.fields, n: String(Number(record.fields['n'] ?? 0) + 1) };
        const outcome = await store.replace(key, version, { ...record, fields });
        if (outcome.verdict === 'replaced') return;
        stored = outcome.verdict === 'conflict' ? outcome.stored : undefined;
      }
      throw new Error('the session is gone');
    };
    const rounds = await race({
      rounds: 100,
      setUp: create,
      actors: (scene) => ({ first: count(scene), second: count(scene), third: count(scene) }),
      verify: async (scene) => expect((await fieldsOf(scene))?.['n']).toBe('3'),
    });
    expect(rounds).toBe(100);
  });
});

describe('a sweep', () => {
  /** An expired session, or an old end marker, that is due. */
  async function due(scene: Scene, endMarkerMs: number): Promise<void> {
    await create(scene);
    if (endMarkerMs > 0) await destroy(scene, endMarkerMs)();
    scene.pass(11 * minuteMs + graceMs);
  }

  it('takes nothing from two that create under the key of what it removes, also when one of the three dies', async () => {
    async function verify(scene: Scene, outcomes: Outcomes): Promise<void> {
      const created = ['one', 'two'].filter((name) => answerOf(outcomes, name) === true);
      const died = Object.values(outcomes).some((outcome) => 'died' in outcome);
      const fields = await fieldsOf(scene);
      assert.ok(created.length === 1 || (died && created.length === 0));
      if (created[0] !== undefined) assert.deepEqual(fields, { by: created[0] });
    }
    for (const endMarkerMs of [0, minuteMs]) {
      for (const deaths of [0, 1]) {
        const rounds = await race({
          rounds: 120,
          deaths,
          setUp: (scene) => due(scene, endMarkerMs),
          actors: (scene) => ({ one: creating(scene, 'one'), two: creating(scene, 'two'), sweep: sweep(scene) }),
          verify,
        });
        expect(rounds).toBe(120);
      }
    }
  });

  it('does not come between a session that is being stored and its place, though all of it looks old', async () => {
    const rounds = await race({
      rounds: 400,
      deaths: 1,
      jumpMs: 5 * minuteMs,
      actors: (scene) => ({ one: creating(scene, 'one'), sweep: sweep(scene), second: sweep(scene) }),
      async verify(scene, outcomes) {
        const fields = await fieldsOf(scene);
        if (answerOf(outcomes, 'one') === true) assert.deepEqual(fields, { by: 'one' });
      },
    });
    expect(rounds).toBe(400);
  });

  it('clears what dead writers left without taking the file of one that is only slow', async () => {
    const rounds = await race({
      rounds: 200,
      deaths: 1,
      jumpMs: 5 * minuteMs,
      async setUp(scene) {
        await create(scene);
        const token = stampPlaceOf(scene.directory, key);
        for (const id of ['l-0', 'l-1']) writeFileSync(join(token, `data_${id}`), 'left by a dead writer');
      },
      actors: (scene) => ({ setB: set(scene, 'setB'), setC: set(scene, 'setC'), sweep: sweep(scene) }),
      async verify(scene, outcomes) {
        const fields = await fieldsOf(scene);
        expect(fields).toBeDefined();
        assertStored(outcomes, fields ?? {});
        scene.pass(5 * minuteMs);
        await sweep(scene)();
        expect(await fieldsOf(scene)).toEqual(fields);
        expect(readdirSync(stampPlaceOf(scene.directory, key))).toHaveLength(1);
      },
    });
    expect(rounds).toBe(200);
  });

  it('loses no owner of a session that is being stored', async () => {
    const rounds = await race({
      rounds: 300,
      jumpMs: 5 * minuteMs,
      actors: (scene) => ({
        one: () => scene.store().create(key, recordAt(scene.now(), { owner: 'u1', expiresAt: scene.now() + graceMs })),
        sweep: sweep(scene),
        forget: () => forgetAll(scene.store(), 'u1'),
      }),
      async verify(scene, outcomes) {
        expect(answerOf(outcomes, 'one')).toBe(true);
        expect(await keysOf(scene.store(), 'u1')).toEqual([key]);
      },
    });
    expect(rounds).toBe(300);
  });

  it('leaves nothing of sessions that are due, whatever died on the way', async () => {
    const rounds = await race({
      rounds: 100,
      deaths: 2,
      setUp: create,
      actors: (scene) => ({
        setB: set(scene, 'setB'),
        destroy: destroy(scene, minuteMs),
        two: creating(scene, 'two'),
      }),
      async verify(scene) {
        scene.pass(30 * minuteMs + 2 * graceMs);
        await sweep(scene)();
        const shard = join(scene.directory, key.slice(0, 2));
        expect(existsSync(shard) ? readdirSync(shard) : []).toEqual([]);
      },
    });
    expect(rounds).toBe(100);
  });
});
