import { cases } from './stories/cases.ts';
import { generateStory } from './stories/generate-story.ts';
import { oddHosts, playOddHost } from './stories/odd-hosts.ts';
import { type BrokenStory, tellStories } from './stories/tell-stories.ts';
import type { StoryTestOptions } from './stories/story-options.ts';
import type { Story } from './stories/story.ts';

export type { StoryStorage, StoryTestOptions } from './stories/story-options.ts';

/** In how many orders each named case is told, at most. */
const mostOrders = 40;

/** So many stories are one test, which names the story that failed. */
const storiesPerTest = 100;

/** Far more than any test takes: it is there to name the test that hangs. */
const timeoutMs = 600_000;

/**
 * Registers life stories as tests of this store: users of several browsers log in, rotate, log out, revoke, change and
 * count on several workers at the same time, and a judge holds what they were told against what they find.
 */
export function testStories(options: StoryTestOptions): void {
  const { describe, it } = options.runner;
  const { SESS_STORY: only, SESS_STORIES: wanted } = process.env;
  const test = (name: string, stories: () => Iterable<Story>): void =>
    void it(name, async () => throwIfBroken(await tellStories(stories(), options.open)), timeoutMs);

  describe(`${options.name}: life stories`, () => {
    if (only !== undefined) return test(`story ${only}`, () => [generateStory(Number(only))]);
    const count = wanted === undefined ? (options.stories ?? 300) : Number(wanted);
    const orders = Math.min(mostOrders, Math.ceil(count / 10));
    for (const each of cases)
      test(`${each.name}: ${each.rule}`, () => Array.from({ length: orders }, (_, order) => each.tell(order)));
    for (const [what, optionsOf] of Object.entries(oddHosts))
      it(
        `a host ${what} shows and ends what the store still holds`,
        () => playOddHost(options.open, optionsOf),
        timeoutMs,
      );
    for (let from = 1; from <= count; from += storiesPerTest) {
      const to = Math.min(from + storiesPerTest - 1, count);
      test(`stories ${from} to ${to}`, () => storiesFrom(from, to));
    }
  });
}

function* storiesFrom(from: number, to: number): Generator<Story> {
  for (let seed = from; seed <= to; seed += 1) yield generateStory(seed);
}

function throwIfBroken(broken: BrokenStory | undefined): void {
  if (broken !== undefined) throw new Error(`${broken.rule}\n${broken.text}`);
}
