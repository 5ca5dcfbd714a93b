import { type Surroundings, startContender } from './contender.ts';
import { sessRedis } from './contestants/sess.ts';
import { load } from './load.ts';

export interface LeakReport {
  requests: number;
  /** After a third of the requests, when all has been compiled and caches are full, and after all of them. */
  early: Memory;
  late: Memory;
}

interface Memory {
  requests: number;
  /** In use after a collection, in bytes. */
  heapBytes: number;
  rssBytes: number;
}

/** Whether memory grows with the number of requests: sessions that are counted in, logins, and visits without one. */
export async function memoryGrowth(
  around: Surroundings,
  requests: number,
  cookieFile: string,
  core: number | undefined,
): Promise<LeakReport> {
  const contender = await startContender(sessRedis, around);
  const mixed = async (): Promise<Memory> => {
    for (const [path, withCookie] of [
      ['/count', true],
      ['/login', false],
      ['/', false],
    ] as const) {
      await load({ port: contender.port, path, connections: 32, seconds: 2, core, ...(withCookie && { cookieFile }) });
    }
    return contender.sample(true);
  };
  const early = await until(mixed, requests / 3);
  const late = await until(mixed, requests);
  await contender.close();
  return { requests: late.requests, early, late };
}

async function until(mixed: () => Promise<Memory>, requests: number): Promise<Memory> {
  let memory = await mixed();
  while (memory.requests < requests) memory = await mixed();
  return memory;
}
