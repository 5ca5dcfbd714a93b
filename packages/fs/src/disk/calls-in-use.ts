import { pooledCalls } from './pooled-calls.ts';
import type { SystemCalls } from './system-calls.ts';

let ofThisThread: SystemCalls = pooledCalls;

/** The calls that this thread uses: through the pool, except in the thread that exists to wait for the disk. */
export function systemCalls(): SystemCalls {
  return ofThisThread;
}

/** For the start of a thread: it uses one kind of calls as long as it lives. */
export function useSystemCalls(calls: SystemCalls): void {
  ofThisThread = calls;
}
