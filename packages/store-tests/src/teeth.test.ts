import { describe, expect, it } from 'vitest';
import type { AbilityName } from './index.ts';
import { brokenAbilities } from './teeth/broken-abilities.ts';
import { brokenRecords } from './teeth/broken-records.ts';
import { brokenVerbs } from './teeth/broken-verbs.ts';
import { HonestStore, OwnClockStore, openWith } from './teeth/honest-store.ts';
import { record } from './teeth/recorder.ts';

const abilities: AbilityName[] = ['keysByOwner', 'walk', 'sweep'];

function recordWith(Store: typeof HonestStore, options: { ownClock?: boolean; rounds?: number; seed?: number } = {}) {
  return record({
    name: Store.name,
    abilities,
    plants: true,
    rounds: 40,
    ...options,
    open: ({ clock, instances }) => openWith(Store, clock, instances),
  });
}

describe('the suite', () => {
  it.each([1, 2, 3])('passes a store that keeps the contract, with seed %i', async (seed) => {
    const { failed, passed, skipped } = await recordWith(HonestStore, { seed });
    expect(failed).toEqual([]);
    expect(passed.length).toBeGreaterThan(250);
    expect(skipped).toHaveLength(8);
    expect(new Set(passed).size, 'a test shares its name with another').toBe(passed.length);
  });

  it('passes a store that keeps the contract by a clock of its own', async () => {
    const { failed, passed, skipped } = await recordWith(OwnClockStore, { ownClock: true });
    expect(failed).toEqual([]);
    expect(passed.filter((name) => name.startsWith('hosts whose clocks differ'))).not.toEqual([]);
    expect(skipped).toHaveLength(8);
  }, 60_000);

  for (const { Store, mistake, failsOn, ownClock = false } of [...brokenVerbs, ...brokenRecords, ...brokenAbilities]) {
    it(`fails a store where ${mistake}`, async () => {
      const { failed } = await recordWith(Store, { ownClock });
      expect(failed).toContain(failsOn);
    }, 60_000);
  }
});
