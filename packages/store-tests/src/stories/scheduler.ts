import { AsyncLocalStorage } from 'node:async_hooks';
import { type Random, seeded, turn } from '../random.ts';

/** Somebody waits for their turn. */
interface Step {
  actor: number;
  /** Of the work of a store: something else may begin before it has ended. */
  isWork: boolean;
  go(): void;
}

/** Which actor runs. One for all stories: Node.js 20 goes through every one that was ever made. */
const acting = new AsyncLocalStorage<number>();

/** In real time: nothing of a story waits for a timer for long. */
const patienceMs = 20_000;

/**
 * Decides by a seed whose step is next. A store call is two steps, its work and its answer; sending a request and
 * getting its answer are steps too. No time passes between steps: what is tried are orders, not delays.
 */
export class Scheduler {
  readonly #waiting: Step[] = [];
  #working = 0;
  #whenIdle: (() => void) | undefined;
  #holds = false;

  /**
   * Waits for its turn while actors run.
   * @returns whether it had to; else it goes on at once
   */
  async step(isWork = false): Promise<boolean> {
    const actor = acting.getStore();
    if (!this.#holds || actor === undefined) return false;
    await new Promise<void>((go) => this.#waiting.push({ actor, isWork, go }));
    return true;
  }

  /** The work of a store, and its answer. */
  async call<T>(work: () => Promise<T>): Promise<T> {
    const isHeld = await this.step(true);
    try {
      return await work();
    } finally {
      if (isHeld) await this.#worked();
    }
  }

  async #worked(): Promise<void> {
    this.#working -= 1;
    if (this.#working === 0) this.#whenIdle?.();
    await this.step();
  }

  /** Runs actors to their end, their steps in the order of the seed. Rejects if one of them does. */
  async run(seed: number, actors: readonly (() => Promise<void>)[]): Promise<void> {
    const random = seeded(seed);
    const choose = random.below(2) === 0 ? evenly(random) : byPriority(actors.length, random);
    this.#holds = true;
    let left = actors.length;
    const runs = actors.map((actor, index) => acting.run(index, actor).finally(() => (left -= 1)));
    const outcomes = Promise.allSettled(runs);
    for (let movedAt = performance.now(); left > 0;) {
      await turn();
      if (this.#working > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
      else if (this.#waiting.length > 0) {
        this.#release(choose, random);
        movedAt = performance.now();
      } else if (performance.now() - movedAt > patienceMs)
        throw new Error('The story hangs: nobody has a step to take.');
    }
    this.#holds = false;
    for (const step of this.#waiting.splice(0)) step.go();
    for (const outcome of await outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** One step; and now and then the work of several stores at the same time, each after a short while of its own. */
  #release(choose: Choice, random: Random): void {
    for (let isFirst = true, goesOn = true; goesOn; isFirst = false) {
      const step = choose(this.#waiting);
      if (step === undefined) return;
      this.#waiting.splice(this.#waiting.indexOf(step), 1);
      if (step.isWork) this.#working += 1;
      goesOn = step.isWork && random.below(3) === 0;
      if (isFirst && !goesOn) step.go();
      else void random.pause().then(step.go);
    }
  }
}

type Choice = (waiting: readonly Step[]) => Step | undefined;

/** Finds what needs many changes of turn. */
function evenly(random: Random): Choice {
  return (waiting) => (waiting.length === 0 ? undefined : random.pick(waiting));
}

/**
 * One actor goes on until it ends, or is stopped at a random step to wait after all others. Finds what needs somebody to
 * be slow for long ("A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", Burckhardt and others, 2010).
 */
function byPriority(actors: number, random: Random): Choice {
  const queue: number[] = [];
  for (let actor = 0; actor < actors; actor += 1) queue.splice(random.below(actor + 1), 0, actor);
  const stops = new Set([0, 1, 2, 3].map(() => random.below(12 * actors)));
  let taken = 0;
  const first = (waiting: readonly Step[]): Step | undefined => {
    const actor = queue.find((each) => waiting.some((step) => step.actor === each));
    return waiting.find((step) => step.actor === actor);
  };
  return (waiting) => {
    const next = first(waiting);
    if (next === undefined || !stops.has(taken++)) return next;
    queue.push(...queue.splice(queue.indexOf(next.actor), 1));
    return first(waiting);
  };
}
