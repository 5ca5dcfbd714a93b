import type { Sessions } from '@sess/core';

/** A load balancer asks often, from every side: answers this young are given again. */
const freshForMs = 500;
/** Should a crash come between the write and the removal, the record is gone this soon. */
const probeIdleMs = 60_000;

/** A session is written and removed again: the whole way that a login takes. The library bounds its time. */
async function probe(sessions: Sessions, store: string): Promise<void> {
  const session = await sessions.open(undefined);
  session.idleTimeoutMs = probeIdleMs;
  await session.update('views', () => 0);
  await session.save();
  if (store === 'cookie') return;
  await sessions.revoke(session.handle);
}

/** Resolves when the store works, and rejects with the store's error when it does not. */
export function healthCheck(sessions: Sessions, store: string): () => Promise<void> {
  let last: Promise<void> | undefined;
  return () => {
    if (last === undefined) {
      const forget = (): void => void setTimeout(() => (last = undefined), freshForMs).unref();
      last = probe(sessions, store).finally(forget);
    }
    return last;
  };
}
