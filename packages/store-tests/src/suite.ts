import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { hasAbility } from '@sess/core';
import type { AbilityName, OpenStorage, StoreTestOptions } from './options.ts';
import { Subject } from './subject.ts';
import { movedClock, ownClock } from './test-clock.ts';

type TestBody = (t: Subject) => Promise<void>;

/** What a test cannot do without. */
export interface Needs {
  ability?: AbilityName;
  /** Hooks to damage a record. */
  plant?: boolean;
  /** A clock that can be moved by the millisecond, or by minutes. */
  movedClock?: boolean;
  /** A storage that judges deadlines by a clock of its own. */
  ownClock?: boolean;
}

/** Registers the tests of one concern. */
export interface Suite {
  readonly abilities: readonly AbilityName[];
  group(name: string, body: () => void): void;
  test(name: string, body: TestBody): void;
  test(name: string, needs: Needs, body: TestBody): void;
}

/** Independent handles on the storage; races and visibility are between these. */
const instances = 4;

/** Far more than any test takes: it is there to name the test that hangs. */
const timeoutMs = 120_000;

export function suiteOf(options: StoreTestOptions): Suite {
  const { describe, it } = options.runner;
  const abilities = options.abilities ?? [];

  function missing(needs: Needs): string | undefined {
    if (needs.ability !== undefined && !abilities.includes(needs.ability)) return `"${needs.ability}" is not declared`;
    if (needs.plant && !options.plants) return 'no damage can be planted';
    return undefined;
  }

  /** A storage has one kind of clock: the tests for the other kind say nothing about it. */
  function isForOtherClock(needs: Needs): boolean {
    return Boolean(options.ownClock ? needs.movedClock : needs.ownClock);
  }

  /** What the group that is being put together will register. */
  let registrations: (() => void)[] | undefined;

  function test(name: string, needsOrBody: Needs | TestBody, maybeBody?: TestBody): void {
    const [needs, body] = typeof needsOrBody === 'function' ? [{}, needsOrBody] : [needsOrBody, maybeBody];
    if (body === undefined) throw new TypeError(`The test "${name}" has no body.`);
    if (isForOtherClock(needs)) return;
    const reason = missing(needs);
    if (reason === undefined) registrations?.push(() => void it(name, () => inStorage(options, body), timeoutMs));
    else if (it.skip !== undefined)
      registrations?.push(() => void it.skip?.(`${name} (skipped: ${reason})`, async () => {}));
  }

  /** Runners complain of a group without a test, so one in which nothing applies is left out. */
  function group(name: string, body: () => void): void {
    const outer = registrations;
    const inner: (() => void)[] = (registrations = []);
    body();
    registrations = outer;
    if (inner.length === 0) return;
    const registerAll = (): void => {
      for (const register of inner) register();
    };
    if (outer === undefined) describe(name, registerAll);
    else outer.push(() => void describe(name, registerAll));
  }

  return { abilities, group, test };
}

/** Runs one test in a storage of its own. */
async function inStorage(options: StoreTestOptions, body: TestBody): Promise<void> {
  const { rounds = 200, seed = 1 } = options;
  const id = `t-${randomUUID()}`;
  const moved = movedClock();
  const storage = await options.open({ id, instances, clock: options.ownClock ? () => Date.now() : moved.now });
  assert.ok(storage.stores.length >= instances, `open() was asked for ${instances} stores`);
  const clock = options.ownClock ? ownClock(storage.stores) : moved;
  try {
    await body(new Subject({ id, stores: storage.stores, plant: storage.plant, clock, rounds, seed }));
  } finally {
    await close(storage);
  }
}

async function close(storage: OpenStorage): Promise<void> {
  for (const store of new Set(storage.stores)) if (hasAbility(store, 'close')) await store.close();
  await storage.dispose?.();
}
