import { SessError } from '../errors.ts';

/**
 * The secrets of another library as its users give them. They only verify, so a weak one is accepted.
 *
 * @throws SessError `CONFIG_INVALID` with this sentence where there are none
 */
export function secretsOf(given: string | readonly string[] | undefined, sentence: string): [string, ...string[]] {
  const [first, ...others] = [given ?? []].flat();
  if (first === undefined || [first, ...others].some((secret) => typeof secret !== 'string' || secret === ''))
    throw new SessError('CONFIG_INVALID', sentence);
  return [first, ...others];
}
