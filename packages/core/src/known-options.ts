import { SessError } from './errors.ts';

/**
 * Accepts only an object with known names: an option silently ignored is worse than an error. `{ encrypted: true }` would
 * leave sessions readable.
 *
 * @param what the call, as the reader knows it: `fsStore()`
 * @throws SessError `CONFIG_INVALID`, naming the option
 */
export function assertKnownOptions(what: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new SessError('CONFIG_INVALID', `${what} takes an object of options: ${known.join(', ')}.`);
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new SessError(
      'CONFIG_INVALID',
      `${what} has no option ${JSON.stringify(name)}.${nearestOption(name, known)} It has: ${known.join(', ')}.`,
    );
  }
}

/** ` Did you mean ...?`, where a known name is no more than two letters away from this one; else nothing. */
export function nearestOption(name: string, known: readonly string[]): string {
  // Longer names are not typing errors, and a request could make them endless.
  if (name.length > 40) return '';
  const [nearest] = known
    .map((other) => ({ other, distance: distanceOf(name.toLowerCase(), other.toLowerCase()) }))
    .filter(({ other, distance }) => distance <= 2 && distance < other.length / 2)
    .toSorted((a, b) => a.distance - b.distance);
  return nearest === undefined ? '' : ` Did you mean ${nearest.other}?`;
}

/** How many letters have to be put in, left out or changed (Levenshtein). */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [i, letter] of a.split('').entries()) {
    const next = [i + 1];
    for (const [j, other] of b.split('').entries())
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)));
    row = next;
  }
  return row[b.length] ?? 0;
}

/**
 * Refuses a request, or a framework's context of one: that is what arrives after `app.use(session)`, without the call.
 *
 * @throws SessError `CONFIG_INVALID`
 */
export function refuseRequest(options: object): void {
  if (!('headers' in options && 'socket' in options)) return;
  throw new SessError(
    'CONFIG_INVALID',
    'A request was given instead of options. What makes the middleware has to be called: app.use(session()).',
  );
}
