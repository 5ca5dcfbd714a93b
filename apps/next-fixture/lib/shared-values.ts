import { unstable_cache } from 'next/cache';
import { readSession, withSession } from './session.ts';

const readUser = async (): Promise<string> => (await readSession()).user ?? 'nobody';
const userWith = withSession((session) => session.user ?? 'nobody');

/** What no app may do, in each way to do it: keep a value of one visitor where all visitors find it. */
const ways: Record<string, (run: string) => Promise<string>> = {
  read: unstable_cache((_run: string) => readUser(), ['read']),
  with: unstable_cache((_run: string) => userWith(), ['with']),
  nested: unstable_cache((_run: string) => withSession(readUser)(), ['nested']),
  twice: unstable_cache((run: string) => unstable_cache((_run: string) => readUser(), ['inner'])(run), ['outer']),
};

/** @param run part of the cache's key: what an earlier run of the tests has cached is not found */
export async function sharedValue(way: string, run: string): Promise<string> {
  try {
    return `value: ${await ways[way]?.(run)}`;
  } catch (error) {
    return `refused: ${String(error)}`;
  }
}
