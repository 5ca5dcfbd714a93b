import { unstable_cache } from 'next/cache';
import { headers } from 'next/headers';
import { readSession, withSession } from './session.ts';

const readUser = async (_run: string): Promise<string> => (await readSession()).user ?? 'nobody';
const userWith = withSession((session, _run: string) => session.user ?? 'nobody');

async function useCache(run: string): Promise<string> {
  'use cache';
  return readUser(run);
}

async function useCacheWith(run: string): Promise<string> {
  'use cache';
  return userWith(run);
}

async function useRemoteCache(run: string): Promise<string> {
  'use cache: remote';
  return readUser(run);
}

async function usePrivateCache(run: string): Promise<string> {
  'use cache: private';
  return readUser(run);
}

/** Asks a handler of this app, without the cookie of the visitor or with it. */
async function fetched(run: string, cookie?: string): Promise<string> {
  const address = `http://${(await headers()).get('host')}/api/me?run=${run}`;
  const answer = await fetch(address, { cache: 'force-cache', headers: cookie === undefined ? {} : { cookie } });
  const { user }: { user: string | null } = await answer.json();
  return user ?? 'nobody';
}

/** What no app may do, in each way to do it: keep a value of one visitor where all visitors find it. */
const ways: Record<string, (run: string) => Promise<string>> = {
  plain: readUser,
  plainWith: userWith,
  read: unstable_cache(readUser, ['read']),
  with: unstable_cache(userWith, ['with']),
  nested: unstable_cache((run: string) => withSession(() => readUser(run))(), ['nested']),
  twice: unstable_cache((run: string) => unstable_cache(readUser, ['inner'])(run), ['outer']),
  useCache,
  useCacheWith,
  useRemoteCache,
  usePrivateCache,
  fetched,
  fetchedAsVisitor: async (run) => fetched(run, (await headers()).get('cookie') ?? ''),
};

/** @param run part of the cache's key: what an earlier run of the tests has cached is not found */
export async function sharedValue(way: string, run: string): Promise<string> {
  try {
    return `value: ${await ways[way]?.(run)}`;
  } catch (error) {
    return `refused: ${String(error)}`;
  }
}

/** Each value that would be everybody's, as a static page or handler gets it. */
export async function staticValues(): Promise<string[]> {
  const said: string[] = [];
  for (const way of ['plain', 'plainWith', 'read', 'with', 'nested', 'twice'])
    said.push(`${way} ${await sharedValue(way, 'static')}`);
  return said;
}
