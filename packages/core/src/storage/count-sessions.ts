import { SessError } from '../errors.ts';
import type { GuardedStore } from './guarded-store.ts';
import { assertKnownOptions } from '../known-options.ts';
import { hasAbility } from '../store-abilities.ts';

/** Options of {@link Sessions.count}. */
export interface CountOptions {
  /** Sessions that are counted at most. @default 100,000 */
  atMost?: number;
}

/** How many sessions are stored and have not ended. */
export interface SessionCount {
  /** How many were counted. */
  count: number;
  /** Whether all were counted; if not there are at least as many. */
  isComplete: boolean;
}

const AT_MOST = 100_000;

/** @throws SessError `UNSUPPORTED` for a store that cannot walk its keys, and what the store throws */
export async function countSessions(
  store: GuardedStore,
  operationMs: number,
  options: CountOptions = {},
): Promise<SessionCount> {
  assertKnownOptions('count()', options, ['atMost']);
  const { atMost = AT_MOST } = options;
  if (!Number.isInteger(atMost) || atMost < 1)
    throw new SessError('CONFIG_INVALID', 'count({ atMost }) takes a whole number above 0.');
  return store.ask('walk', async (loaded) => {
    if (!hasAbility(loaded, 'walk'))
      throw new SessError('UNSUPPORTED', 'This session store cannot walk its sessions, so they cannot be counted.');
    // Half of the time that the operation has: a store that goes on answering is counted as far as
    // that goes, one that does not answer at all is a fault.
    const until = performance.now() + operationMs / 2;
    let count = 0;
    for await (const _ of loaded.walk()) {
      // One more than may be counted proves that these are not all.
      if (count === atMost || performance.now() > until) return { count, isComplete: false };
      count += 1;
    }
    return { count, isComplete: true };
  });
}
