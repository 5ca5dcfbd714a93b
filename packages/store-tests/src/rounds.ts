import { type Random, seeded } from './random.ts';
import type { Subject } from './subject.ts';

export interface Round {
  random: Random;
  /** Starts a racer after a random pause. Racers are started together: `Promise.all([soon(..), soon(..)])`. */
  soon<T>(racer: () => Promise<T>): Promise<T>;
}

interface RoundsOptions {
  /** How many rounds run at the same time, each on a session of its own. */
  together?: number;
  /** The share of the suite's rounds that this race gets. */
  share?: number;
}

/** Runs a race again and again, each time with other pauses, and tells which round it was that failed. */
export async function rounds(t: Subject, options: RoundsOptions, body: (round: Round) => Promise<void>): Promise<void> {
  const { together = 8, share = 1 } = options;
  const count = Math.max(1, Math.round(t.rounds * share));
  let next = 0;

  async function lane(): Promise<void> {
    while (next < count) {
      const round = next++;
      try {
        await body(roundOf(t.seed * 1_000_003 + round));
      } catch (error) {
        next = count;
        throw withRound(error, `seed ${t.seed}, round ${round} of ${count}`);
      }
    }
  }

  await Promise.all(Array.from({ length: together }, lane));
}

function roundOf(seed: number): Round {
  const random = seeded(seed);
  return {
    random,
    async soon(racer) {
      await random.pause();
      return racer();
    },
  };
}

/** The error itself, so that runners still show the difference between what was and what should be. */
function withRound(error: unknown, where: string): unknown {
  if (error instanceof Error) error.message = `${error.message} (${where})`;
  return error;
}
