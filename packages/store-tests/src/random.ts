/** Numbers that look random and are the same for the same seed (mulberry32). */
export interface Random {
  /** A whole number from 0 to `limit - 1`. */
  below(limit: number): number;
  /** One of several values. */
  pick<T>(choices: readonly T[]): T;
  /** Lets other work go first, for a random while. */
  pause(): Promise<void>;
}

/** The same numbers for the same seed: a race that failed can be run once more. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;

  function fraction(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  const below = (limit: number) => Math.floor(fraction() * limit);

  return {
    below,
    pick<T>(choices: readonly T[]): T {
      const choice = choices[below(choices.length)];
      if (choice === undefined) throw new RangeError('There is nothing to choose from.');
      return choice;
    },
    /**
     * Stores in memory interleave at microtasks, stores with I/O over many turns of the event loop:
     * a pause is of either kind, and turns are drawn evenly over their orders of magnitude.
     */
    async pause() {
      const isShort = below(2) === 0;
      if (isShort) for (let left = below(8); left > 0; left--) await Promise.resolve();
      else for (let left = Math.floor(2 ** (fraction() * 7)); left > 1; left--) await turn();
    },
  };
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
