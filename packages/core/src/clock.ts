/** A source of the current time, in milliseconds since the epoch. Tests pass their own. */
export type Clock = () => number;

/** The wall clock: the one place of core that reads it. */
export const systemClock: Clock = () => Date.now();
