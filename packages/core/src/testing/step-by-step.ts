import { type SessionStore, isSuccession } from '../store.ts';
import type { StoreCall } from './probe-store.ts';

/** A store call that waits for its turn: before its work is done, or before the caller hears of it. */
export interface Step extends StoreCall {
  moment: 'work' | 'answer';
  go: () => void;
}

/** Makes each store call two steps, its work and its answer, and lets a test decide whose step is next. */
export class StepByStep {
  readonly waiting: Step[] = [];
  /** Off: calls pass. */
  holds = false;

  wrap(store: SessionStore): SessionStore {
    const pass = async <T>(call: StoreCall, work: () => Promise<T>): Promise<T> => {
      await this.#step({ ...call, moment: 'work' });
      const result = await work();
      await this.#step({ ...call, moment: 'answer' });
      return result;
    };
    return {
      create: (key, record, by) => pass({ verb: 'create', key }, () => store.create(key, record, by)),
      read: (key, by) => pass({ verb: 'read', key }, () => store.read(key, by)),
      replace: (key, version, next, by) =>
        pass({ verb: 'replace', key, ...(isSuccession(next) ? { next } : { record: next }) }, () =>
          store.replace(key, version, next, by),
        ),
      destroy: (key, options, by) => pass({ verb: 'destroy', key }, () => store.destroy(key, options, by)),
    };
  }

  #step(step: Omit<Step, 'go'>): Promise<void> | undefined {
    if (!this.holds) return undefined;
    return new Promise((go) => this.waiting.push({ ...step, go }));
  }

  /**
   * Runs the actors to their end. `choose` picks among the waiting steps; `after` looks at the world
   * when a step has been made.
   */
  async run(
    actors: (() => Promise<unknown>)[],
    choose: (waiting: readonly Step[]) => Step | undefined,
    after?: (step: Step) => Promise<void> | void,
  ): Promise<void> {
    this.holds = true;
    let left = actors.length;
    const failures: unknown[] = [];
    for (const actor of actors)
      void actor()
        .catch((error: unknown) => failures.push(error))
        .finally(() => (left -= 1));
    while (left > 0) {
      await turn();
      if (this.waiting.length === 0) continue;
      const step = choose(this.waiting) ?? this.waiting[0];
      if (step === undefined) continue;
      this.waiting.splice(this.waiting.indexOf(step), 1);
      step.go();
      if (after !== undefined) {
        await turn();
        await after(step);
      }
    }
    this.holds = false;
    if (failures.length > 0) throw new AggregateError(failures, 'an actor failed');
  }
}

/** One turn of the event loop: all that is ready to run has run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Numbers from 0 to 1 that look random and are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(random: () => number, from: readonly T[]): T | undefined {
  return from[Math.floor(random() * from.length)];
}
