import type { Breach, History } from './history.ts';
import { judge } from './judge.ts';
import { playStory } from './play-story.ts';
import { printStory } from './print-story.ts';
import type { Rule } from './rules.ts';
import { shrinkStory } from './shrink-story.ts';
import type { Alter, StoryTestOptions } from './story-options.ts';
import type { Story } from './story.ts';
import { World } from './world.ts';

/** So many stories share a storage: to open one takes longer than to tell a story. */
const storiesPerStorage = 25;

/** The story in which something was wrong, made as small as it goes. */
export interface BrokenStory {
  rule: Rule;
  text: string;
}

/** What the judge holds against a story. */
export type Matters = (breach: Breach) => boolean;

/** Tells stories, one after the other, until something is wrong. */
export async function tellStories(
  stories: Iterable<Story>,
  open: StoryTestOptions['open'],
  { alter, matters = () => true, shrinks = true }: { alter?: Alter; matters?: Matters; shrinks?: boolean } = {},
): Promise<BrokenStory | undefined> {
  let world: World | undefined;
  let count = 0;
  try {
    for (const story of stories) {
      if (count++ % storiesPerStorage === 0) {
        await world?.close();
        world = undefined;
      }
      world ??= await World.open(open, alter);
      const told = await tell(world, story, matters);
      const [first] = told.breaches;
      if (first === undefined) continue;
      const smallest = shrinks ? await shrunk(world, told, first.rule, matters) : told;
      return { rule: first.rule, text: printStory(smallest.story, smallest.history, smallest.breaches) };
    }
    return undefined;
  } finally {
    await world?.close();
  }
}

interface ToldStory {
  story: Story;
  history: History;
  breaches: Breach[];
}

async function tell(world: World, story: Story, matters: Matters): Promise<ToldStory> {
  const scene = await playStory(world, story);
  return { story, history: scene.history, breaches: judge(scene).filter(matters) };
}

/** The smallest story that was seen to break the rule: where the storage is at work no order is quite the same again. */
async function shrunk(world: World, told: ToldStory, rule: Rule, matters: Matters): Promise<ToldStory> {
  let smallest = told;
  await shrinkStory(told.story, async (story) => {
    const again = await tell(world, story, matters);
    const isBroken = again.breaches.some((breach) => breach.rule === rule);
    if (isBroken) smallest = again;
    return isBroken;
  });
  return smallest;
}
