import { type Issued, type Write, ancestorsOf, isRotated } from './history.ts';

/** Whether a change has to be found in a session, can be, or must not be. */
export type Carried = 'must' | 'may' | 'never';

/**
 * What a change that was made through one cookie means for the session of another: it is the same session, or one that
 * came from it with its data.
 */
export function carried(write: Write, into: Issued): Carried {
  const path = [into, ...ancestorsOf(into)];
  const at = path.findIndex((each) => isRotated(each, write.cookie));
  if (at < 0 || write.outcome === 'refused') return 'never';
  const known: Carried = write.outcome === 'stored' ? 'must' : 'may';
  const later = path.slice(0, at);
  if (later.some(({ keeps }) => !keeps)) return 'never';
  // The first login that took the place of the session that was written to. A rotated session is the same one.
  const login = later.findLast(({ how }) => how !== 'rotated');
  if (login === undefined) return known;
  if (write.begunAt > login.doneAt) return 'never';
  // At the same time: a login stays where somebody else has ended the old session, with what was written to that.
  return write.doneAt < login.begunAt ? known : 'may';
}

/** The values that a setting can have, the last of those who set it at the same time; `fallback` where it may be unset. */
export function possibleValues<T extends Write['value']>(
  writes: readonly Write[],
  what: Write['what'],
  into: Issued,
  fallback: T,
): Set<Write['value']> {
  const candidates = writes
    .filter((write) => write.what === what)
    .map((write) => ({ write, is: carried(write, into) }))
    .filter(({ is }) => is !== 'never');
  const certain = candidates.filter(({ is }) => is === 'must');
  const last = candidates.filter(({ write }) => !certain.some((other) => write.doneAt < other.write.begunAt));
  const values = new Set(last.map(({ write }) => write.value));
  return certain.length === 0 ? values.add(fallback) : values;
}
