import type { Breach, Ending, History, Issued, Source, Span } from './history.ts';
import type { Deed, Story } from './story.ts';

/** A story as people read it: who did what when, what they were told, and what was wrong. */
export function printStory(story: Story, history: History, breaches: readonly Breach[]): string {
  const facts: [at: number, line: string][] = [
    ...history.issued.map((each): [number, string] => [
      each.doneAt,
      `${who(each)} is given ${nameOf(each)}: ${each.how}${each.from ? `, from ${nameOf(each.from)}` : ''}`,
    ]),
    ...history.looks.map((look): [number, string] => {
      const { isFound, handle, user, count, keys } = look.seen;
      const shown = isFound
        ? `${handle.slice(0, 6)} of ${textOf(user, 'nobody')}, count ${textOf(count, '0')}, keys [${keys.join(' ')}]`
        : 'nothing';
      return [look.doneAt, `${by(look.by)} opens ${nameOf(look.cookie)} (sent at ${look.begunAt}): ${shown}`];
    }),
    ...history.writes.map((each): [number, string] => [
      each.doneAt,
      `${who(each)} writes ${each.what} ${each.value} to ${nameOf(each.cookie)} (begun at ${each.begunAt}): ${each.outcome}`,
    ]),
    ...history.endings.map((each): [number, string] => [
      each.doneAt,
      `${who(each)} ${endingOf(each)} (begun at ${each.begunAt})${each.isConfirmed ? '' : ': never answered'}`,
    ]),
    ...history.passes.map(({ at, ms }): [number, string] => [at, `${ms / 1000} s pass`]),
  ];
  const timeline = facts.toSorted(([a], [b]) => a - b).map(([at, line]) => `${String(at).padStart(5)}  ${line}`);
  const plan = story.chapters.flatMap(({ tabs, thenMs }, index) => [
    `chapter ${index + 1}, at the same time:`,
    ...tabs.map(
      ({ device, acts }) =>
        `  ${device}: ${acts.map(({ id, worker, deed }) => `#${id} ${deedOf(deed)} (worker ${worker})`).join(', then ')}`,
    ),
    `  then ${thenMs / 1000} s pass`,
  ]);
  const wrong = breaches.map((each) => `- ${each.rule}: ${each.text} (seen by ${by(each.by)})`);
  return [`story ${story.seed}`, ...plan, 'what they were told, in steps:', ...timeline, 'broken:', ...wrong].join(
    '\n',
  );
}

function textOf(value: unknown, none: string): string {
  return value === undefined ? none : JSON.stringify(value);
}

function nameOf({ handle }: Issued): string {
  return handle.slice(0, 6);
}

function by(source: Source | 'the judge'): string {
  return source === 'the judge' ? source : `#${source.act.id} (${source.device})`;
}

function who(fact: Span & { by: Source }): string {
  return by(fact.by);
}

function endingOf(ending: Ending): string {
  switch (ending.what) {
    case 'logout':
      return `logs ${nameOf(ending.cookie)} out`;
    case 'revoke':
      return `revokes ${ending.handle.slice(0, 6)}, which was ${ending.wasThere ? '' : 'not '}there`;
    case 'revoke all':
      return `revokes all of ${ending.user}${ending.spares ? ` but ${nameOf(ending.spares)}` : ''}`;
    case 'replacement':
      return `replaces ${nameOf(ending.cookie)} by ${ending.made ? nameOf(ending.made) : 'nothing'}`;
  }
}

function deedOf({ do: name, ...how }: Deed): string {
  const details = Object.entries(how).map(([key, value]) => `${key}: ${value}`);
  return details.length === 0 ? name : `${name} (${details.join(', ')})`;
}
