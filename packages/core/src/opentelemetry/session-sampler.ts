import type { SessionCount } from '../storage/count-sessions.ts';

/** The last count, or a new one where that is older than the interval; `undefined` where counting failed. */
export type SessionSampler = () => Promise<SessionCount | undefined>;

/**
 * Counts on demand alone: no timer, and nothing is counted while nobody collects. Collections that come
 * at the same time share a count, and a count that failed is not tried again before the interval is over.
 */
export function sessionSampler(count: () => Promise<SessionCount>, everyMs: number): SessionSampler {
  let sample: Promise<SessionCount | undefined> | undefined;
  let begunAt = 0;
  return () => {
    const now = performance.now();
    if (sample === undefined || now - begunAt >= everyMs) {
      begunAt = now;
      // The store's fault was an event, which is counted; a gap in the gauge is the truth about it.
      sample = count().catch(() => undefined);
    }
    return sample;
  };
}
