import { type Visit, grouped, isConfirmed } from './history.ts';
import type { Life } from './lives.ts';
import { type Verdict, wrongly } from './verdict.ts';

/**
 * Whether what was read is what had been written: values of keys by {@link judgeKey}, counts by {@link judgeViews}.
 * A write whose outcome is not known may have landed or not, also later than its answer, but not after one that was
 * asked for later and confirmed.
 */
export function judgeData(visits: readonly Visit[], lives: ReadonlyMap<string, Life>): Map<Visit, Verdict> {
  const verdicts = new Map<Visit, Verdict>();
  for (const [session, own] of grouped(visits, (visit) => visit.session)) {
    const life = session === undefined ? undefined : lives.get(session);
    if (life === undefined) continue;
    // A visit that may have met the end of its session says nothing about the data.
    const judged = (visit: Visit): boolean => visit.endedAt < life.mayHaveEndedAt;
    for (const [key, those] of grouped(own, (visit) => visit.key)) {
      if (key !== undefined) judgeKey(those, judged, verdicts);
    }
    judgeViews(own, judged, verdicts);
  }
  return verdicts;
}

type Judged = (visit: Visit) => boolean;

function judgeKey(visits: readonly Visit[], judged: Judged, verdicts: Map<Visit, Verdict>): void {
  const sets = visits.filter(({ deed }) => deed === 'set');
  const gets = visits.filter((visit) => visit.deed === 'get' && isConfirmed(visit));
  const readersOf = grouped(gets, ({ value }) => value);
  /** From when on it is known that a write has landed: by its answer, or since somebody read it. */
  const landedAt = new Map<Visit, number>(
    sets.map((set) => {
      const readers = readersOf.get(set.value) ?? [];
      return [set, Math.min(isConfirmed(set) ? set.endedAt : Infinity, ...readers.map(({ endedAt }) => endedAt))];
    }),
  );
  for (const get of gets.filter(judged)) {
    const written = sets.find(({ value }) => value === get.value);
    const since = written === undefined ? -Infinity : written.endedAt;
    const overwrite = sets.find((set) => set.askedAt > since && (landedAt.get(set) ?? Infinity) < get.askedAt);
    const isUnheardOf = written === undefined ? get.value !== null : written.askedAt > get.endedAt;
    if (isUnheardOf || overwrite !== undefined) {
      const last = overwrite === undefined ? '' : `, though ${JSON.stringify(overwrite.value)} was written after it`;
      verdicts.set(get, wrongly('lost write', `${get.session}: ${get.key} is ${JSON.stringify(get.value)}${last}`));
    }
  }
}

/** Each confirmed count counted once, each unknown one at most once, and the number never goes back. */
function judgeViews(visits: readonly Visit[], judged: Judged, verdicts: Map<Visit, Verdict>): void {
  const counts = visits.filter(({ deed }) => deed === 'count');
  const begun = counts.map(({ askedAt }) => askedAt).toSorted((a, b) => a - b);
  const told = visits
    .filter((visit) => visit.views !== undefined && isConfirmed(visit) && judged(visit))
    .toSorted((a, b) => a.askedAt - b.askedAt);
  const ended = told.toSorted((a, b) => a.endedAt - b.endedAt);
  const seen = new Set<number>();
  let confirmed = 0;
  let highest = 0;
  let at = 0;
  for (const visit of told) {
    const { views = 0, deed, askedAt, endedAt, session } = visit;
    for (let before = ended[at]; before !== undefined && before.endedAt < askedAt; before = ended[++at]) {
      if (before.deed === 'count') confirmed += 1;
      highest = Math.max(highest, before.views ?? 0);
    }
    const own = deed === 'count' ? 1 : 0;
    const least = Math.max(confirmed, highest) + own;
    const most = begun.filter((begunAt) => begunAt < endedAt).length;
    if (views < least) verdicts.set(visit, wrongly('lost write', `${session}: ${views} counts instead of ${least}`));
    else if (views > most)
      verdicts.set(visit, wrongly('lost write', `${session}: ${views} counts, though only ${most} were asked for`));
    else if (own === 1 && seen.has(views)) {
      verdicts.set(visit, wrongly('lost write', `${session}: two counts were told ${views}`));
    }
    if (own === 1) seen.add(views);
  }
}
