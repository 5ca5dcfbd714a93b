import { abilities } from './abilities.ts';
import { bound } from './bound.ts';
import { bytes } from './bytes.ts';
import { endMarker } from './end-marker.ts';
import { expiry } from './expiry.ts';
import { fields } from './fields.ts';
import { gone } from './gone.ts';
import { hostile } from './hostile.ts';
import { keys } from './keys.ts';
import { lifecycle } from './lifecycle.ts';
import type { StoreTestOptions } from './options.ts';
import { ownerIndex } from './owners.ts';
import { racesOfEnding } from './races-ending.ts';
import { racesOfOwners } from './races-owners.ts';
import { racesOfWriting } from './races-writing.ts';
import { replace } from './replace.ts';
import { suiteOf } from './suite.ts';
import { sweep } from './sweep.ts';
import { toldEnds } from './told-ends.ts';
import { walk } from './walk.ts';

export { type Random, seeded } from './random.ts';
export { type StoryStorage, type StoryTestOptions, testStories } from './stories.ts';
export type { AbilityName, OpenContext, OpenStorage, Plant, StoreTestOptions, TestRunner } from './options.ts';

const concerns = [
  ...[lifecycle, replace, gone, endMarker, expiry, bound],
  ...[fields, bytes, keys, ownerIndex, walk, sweep, abilities, toldEnds, hostile],
  ...[racesOfEnding, racesOfWriting, racesOfOwners],
];

/** Registers the whole contract of a session store as tests of this store. */
export function testStore(options: StoreTestOptions): void {
  const suite = suiteOf(options);
  suite.group(options.name, () => {
    for (const concern of concerns) concern(suite);
  });
}
