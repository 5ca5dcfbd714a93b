import { expect, it } from 'vitest';
import { brokenReplace } from '../teeth/broken-replace.ts';
import { type Careless, careless } from '../teeth/careless.ts';
import { HonestStore } from '../teeth/honest-store.ts';
import { openWith } from '../teeth/open-with.ts';
import { cases } from './cases.ts';
import { generateStory } from './generate-story.ts';
import { type Rule, rules } from './rules.ts';
import type { Story } from './story.ts';
import type { StoryTestOptions } from './story-options.ts';
import { tellStories } from './tell-stories.ts';

// Who finds nothing has to be shown to find something: each rule is broken here by a mistake that is really made.

const opening =
  (Store: typeof HonestStore): StoryTestOptions['open'] =>
  ({ clock, instances }) =>
    openWith(Store, clock, instances);

/** The named cases that are about a rule, in 200 orders; then random stories. */
function* storiesAbout(rule: Rule): Generator<Story> {
  const about = cases.filter((each) => each.rule === rule);
  for (let order = 0; order < 200; order += 1) for (const each of about) yield each.tell(order);
  for (let seed = 1; seed <= 1000; seed += 1) yield generateStory(seed);
}

function ofReplace(name: string, rule: Rule): Careless {
  const broken = brokenReplace.find(({ Store }) => Store.name === name);
  if (broken === undefined) throw new Error(`There is no broken store ${name}.`);
  return { Store: broken.Store, mistake: broken.mistake, rule };
}

const mistakes: readonly Careless[] = [
  ofReplace('CheckThenWrite', 'a logout is final'),
  ofReplace('LastWriteWins', 'what is stored stays'),
  ofReplace('CompareThenWrite', 'counts are exact'),
  ...careless,
];

it('nothing is held against a store that keeps the contract', async () => {
  const stories = Array.from({ length: 200 }, (_, index) => generateStory(index + 1));
  expect(await tellStories(stories, opening(HonestStore))).toBeUndefined();
});

for (const each of mistakes) {
  it(`control: ${each.mistake}: ${each.rule}`, async () => {
    const Store = 'Store' in each ? each.Store : HonestStore;
    const broken = await tellStories(storiesAbout(each.rule), opening(Store), {
      ...('alter' in each && { alter: each.alter }),
      matters: ({ rule }) => rule === each.rule,
      shrinks: false,
    });
    expect(broken?.rule).toBe(each.rule);
    expect(broken?.text).toContain(`- ${each.rule}: `);
  }, 120_000);
}

it('each rule is shown to be broken by something', () => {
  const shown = new Set(mistakes.map(({ rule }) => rule));
  expect(rules.filter((rule) => !shown.has(rule))).toEqual([]);
});
