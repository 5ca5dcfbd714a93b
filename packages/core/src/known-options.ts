import { SessError } from './errors.ts';

/**
 * Refuses what is no object of options, and misspelt names: an option that is not heard is worse
 * than an error, `{ encrypted: true }` leaves sessions readable.
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
      `${what} has no option ${JSON.stringify(name)}. It has: ${known.join(', ')}.`,
    );
  }
}

/**
 * Refuses a request, or the context of one: a framework gives it to what is mounted itself, `app.use(session)`.
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
