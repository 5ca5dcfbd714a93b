import { describe, expect, it } from 'vitest';
import type { AbilityName } from './index.ts';
import { brokenAbilities } from './teeth/broken-abilities.ts';
import { brokenOwners } from './teeth/broken-owners.ts';
import { brokenRecords } from './teeth/broken-records.ts';
import { brokenReplace } from './teeth/broken-replace.ts';
import { brokenTexts } from './teeth/broken-texts.ts';
import { brokenVerbs } from './teeth/broken-verbs.ts';
import { HonestStore } from './teeth/honest-store.ts';
import { openWith } from './teeth/open-with.ts';
import { OwnClockStore } from './teeth/own-clock-store.ts';
import { record } from './teeth/recorder.ts';

const abilities: AbilityName[] = ['keysByOwner', 'walk', 'sweep'];

function recordWith(Store: typeof HonestStore, options: { ownClock?: boolean; rounds?: number; seed?: number } = {}) {
  return record({
    name: Store.name,
    abilities,
    plants: true,
    rounds: 20,
    ...options,
    open: ({ clock, instances }) => openWith(Store, clock, instances),
  });
}

describe('the suite', () => {
  it.each([1, 2, 3])('passes a store that keeps the contract, with seed %i', async (seed) => {
    const { failed, passed, skipped } = await recordWith(HonestStore, { seed });
    expect(failed).toEqual([]);
    expect(passed.length).toBeGreaterThan(250);
    expect(skipped).toHaveLength(12);
    expect(new Set(passed).size, 'a test shares its name with another').toBe(passed.length);
  });

  it('passes a store that keeps the contract by a clock of its own', async () => {
    const { failed, passed, skipped } = await recordWith(OwnClockStore, { ownClock: true });
    expect(failed).toEqual([]);
    expect(passed.filter((name) => name.startsWith('hosts whose clocks differ'))).not.toEqual([]);
    expect(skipped).toHaveLength(12);
  }, 60_000);

  const seenRed = new Set<string>();
  const mistakes = [
    ...brokenVerbs,
    ...brokenReplace,
    ...brokenRecords,
    ...brokenTexts,
    ...brokenOwners,
    ...brokenAbilities,
  ];

  for (const { Store, mistake, failsOn, ownClock = false } of mistakes) {
    it.concurrent(`fails a store where ${mistake}`, async () => {
      const { failed } = await recordWith(Store, { ownClock });
      expect(failed).toContain(failsOn);
      for (const name of failed) seenRed.add(name);
    }, 60_000);
  }

  it('has no test that none of these stores fails', async () => {
    const { passed } = await recordWith(HonestStore);
    expect(passed.filter((name) => !seenRed.has(name))).toEqual([]);
  }, 60_000);
});
