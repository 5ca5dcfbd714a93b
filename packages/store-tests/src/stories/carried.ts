import { type Issued, type Write, ancestorsOf } from './history.ts';
import { rotation } from './rotation.ts';

/** Whether a change has to be found in a session, can be, or must not be. */
export type Carried = 'must' | 'may' | 'never';

/**
 * What a change that was made through one cookie means for the session of another: it is the same session, or one that
 * came from it with its data.
 */
export function carried(write: Write, into: Issued): Carried {
  const path = [into, ...ancestorsOf(into)];
  const at = path.indexOf(write.cookie);
  if (at < 0 || write.outcome === 'refused') return 'never';
  const known: Carried = write.outcome === 'stored' ? 'must' : 'may';
  // The first that took the place of the session that was written to.
  const next = path[at - 1];
  if (next === undefined) return known;
  if (path.slice(0, at).some(({ keeps }) => !keeps)) return 'never';
  if (rotation.isOneSession && next.how === 'rotated') return known;
  if (write.begunAt > next.doneAt) return 'never';
  if (write.doneAt < next.begunAt) return known;
  // At the same time. A rotation takes along all that it replaces, or ends itself; a login stays where somebody else has
  // ended the old session, with what was written to that.
  return write.isExplicit && !isSetting(write) && next.how === 'rotated' ? known : 'may';
}

/** Settings go over as the request that regenerates had read them. */
function isSetting({ what }: Write): boolean {
  return what === 'idleTimeoutMs' || what === 'persistent';
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
