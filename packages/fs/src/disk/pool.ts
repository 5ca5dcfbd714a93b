import { assertInTime } from './in-time.ts';

/**
 * File operations run in the process's thread pool, which `crypto`, `zlib` and DNS use too. On a disk that hangs they
 * never come back, so one thread is always left to the others.
 */
const slots = Math.max(1, poolSize() - 1);

function poolSize(): number {
  return Number(process.env['UV_THREADPOOL_SIZE']) || 4;
}

interface Pool {
  atWork: number;
  waiting: (() => void)[];
}

const shared = Symbol.for('@sess/fs pool');

/** One for the process, since the thread pool is: on `globalThis`, since bundlers load a module twice. */
function processPool(): Pool {
  const slot: typeof globalThis & { [shared]?: Pool } = globalThis;
  return (slot[shared] ??= { atWork: 0, waiting: [] });
}

/** Does some work when a slot is free, unless that is after `by`. */
export async function inPool<T>(by: number, work: () => Promise<T>): Promise<T> {
  const pool = processPool();
  if (pool.atWork < slots) pool.atWork += 1;
  else await new Promise<void>((resolve) => pool.waiting.push(resolve));
  try {
    assertInTime(by);
    return await work();
  } finally {
    const next = pool.waiting.shift();
    if (next === undefined) pool.atWork -= 1;
    else next();
  }
}
