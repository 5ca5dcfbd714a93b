import type { Act, Story } from './story.ts';

/** How many stories are played on the way, at most. */
const budget = 400;

/** Another order for each try: what is left out moves all that follows. */
const ordersEach = 12;

/**
 * Leaves out acts, and then chapters in which nothing is left, as long as the story still fails. The last story that
 * failed is the smallest.
 * @param fails plays a story, and says whether it breaks the same rule
 */
export async function shrinkStory(story: Story, fails: (story: Story) => Promise<boolean>): Promise<void> {
  let smallest = story;
  let left = budget;
  for (const shrink of [...everyAct(story).map(withoutAct), withoutEmptyChapters]) {
    for (let order = 0; order < ordersEach && left > 0; order += 1, left -= 1) {
      const smaller = inAnotherOrder(shrink(smallest), order);
      if (!(await fails(smaller))) continue;
      smallest = smaller;
      break;
    }
  }
}

function everyAct({ chapters }: Story): Act[] {
  return chapters.flatMap(({ tabs }) => tabs.flatMap(({ acts }) => acts));
}

function withoutAct({ id }: Act): (story: Story) => Story {
  return ({ chapters, ...story }) => ({
    ...story,
    chapters: chapters.map((chapter) => ({
      ...chapter,
      tabs: chapter.tabs
        .map((tab) => ({ ...tab, acts: tab.acts.filter((act) => act.id !== id) }))
        .filter(({ acts }) => acts.length > 0),
    })),
  });
}

function withoutEmptyChapters({ chapters, ...story }: Story): Story {
  return { ...story, chapters: chapters.filter(({ tabs }) => tabs.length > 0) };
}

function inAnotherOrder({ chapters, ...story }: Story, order: number): Story {
  return { ...story, chapters: chapters.map((chapter) => ({ ...chapter, schedule: chapter.schedule + order })) };
}
