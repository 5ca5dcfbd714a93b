import { AsyncLocalStorage } from 'node:async_hooks';
import fs from 'node:fs';

/**
 * Runs actors so that each of their file operations is a step, and decides by a seed whose step is
 * next. The operations are the real ones on real files; what is planned is only their order, and
 * where an actor dies: from some step on nothing of it is carried out any more.
 */
export interface Plan {
  seed: number;
  /** What each actor does. It makes stores of its own, as a process does. */
  actors: (() => Promise<unknown>)[];
  /** How many of the actors die on the way, at most. @default 0 */
  deaths?: number;
  /** Called before each step, to move a clock, for instance. */
  beforeStep?(random: () => number): void;
}

export type Outcome = { value: unknown } | { error: unknown } | { died: true };

type Callback = (error: Error | null, value?: unknown) => void;
type Operation = (...args: unknown[]) => void;

interface Actor {
  /** The step that waits for its turn. */
  pending?: () => Promise<void>;
  outcome?: Outcome;
  stepsLeft: number;
}

const operations = [
  'readdir',
  'opendir',
  'lstat',
  'rename',
  'mkdir',
  'unlink',
  'utimes',
  'rmdir',
  'open',
  'close',
  'write',
  'read',
  'fstat',
] as const;

const acting = new AsyncLocalStorage<Actor>();
const originals = new Map<string, Operation>();

/** Puts the scheduler between the store and `node:fs`. What is not called by an actor is not held. */
export function installScheduler(): void {
  for (const name of operations) {
    const original = Reflect.get(fs, name) as Operation;
    originals.set(name, original);
    Reflect.set(fs, name, (...args: unknown[]) => {
      const actor = acting.getStore();
      if (actor === undefined) return original(...args);
      hold(actor, original, args);
    });
  }
}

export function removeScheduler(): void {
  for (const [name, original] of originals) Reflect.set(fs, name, original);
}

function hold(actor: Actor, original: Operation, args: unknown[]): void {
  const done = args.pop() as Callback;
  actor.pending = () => {
    delete actor.pending;
    if (actor.stepsLeft-- <= 0) {
      done(Object.assign(new Error('died'), { code: 'EDIED' }));
      return Promise.resolve();
    }
    return new Promise((resolve) =>
      original(...args, (error: Error | null, value?: unknown) => {
        done(error, value);
        resolve();
      }),
    );
  };
}

export async function interleave({ seed, actors: jobs, deaths = 0, beforeStep }: Plan): Promise<Outcome[]> {
  const random = seeded(seed);
  const actors: Actor[] = jobs.map(() => ({ stepsLeft: Infinity }));
  for (let left = deaths; left > 0; left--) {
    const victim = actors[Math.floor(random() * actors.length)];
    if (victim) victim.stepsLeft = Math.floor(random() * 14);
  }
  for (const [index, actor] of actors.entries()) void acting.run(actor, () => follow(actor, jobs[index]));

  const choose = seed % 4 < 2 ? evenly(random) : byPriority(actors, random);
  while (actors.some((actor) => actor.outcome === undefined)) {
    await turn();
    await turn();
    const next = choose(actors.filter((actor) => actor.pending !== undefined));
    if (next === undefined) continue;
    beforeStep?.(random);
    await next.pending?.();
  }
  return actors.map(({ outcome }) => outcome ?? { died: true });
}

type Choice = (waiting: readonly Actor[]) => Actor | undefined;

/** Finds what needs many changes of turn. */
function evenly(random: () => number): Choice {
  return (waiting) => waiting[Math.floor(random() * waiting.length)];
}

/**
 * One goes on until it ends or is stopped at a random step, to wait behind all the others. Finds what
 * needs one of them to be slow for long ("A Randomized Scheduler with Probabilistic Guarantees of
 * Finding Bugs", Burckhardt and others, 2010).
 */
function byPriority(actors: readonly Actor[], random: () => number): Choice {
  const order = [...actors]
    .map((actor) => ({ actor, rank: random() }))
    .toSorted((left, right) => left.rank - right.rank);
  const queue = order.map(({ actor }) => actor);
  const stops = new Set([0, 1, 2].map(() => Math.floor(random() * 40)));
  let step = 0;
  return (waiting) => {
    const next = queue.find((actor) => waiting.includes(actor));
    if (next === undefined || !stops.has(step++)) return next;
    queue.splice(queue.indexOf(next), 1);
    queue.push(next);
    return queue.find((actor) => waiting.includes(actor));
  };
}

async function follow(actor: Actor, job: (() => Promise<unknown>) | undefined): Promise<void> {
  try {
    actor.outcome = { value: await job?.() };
  } catch (error) {
    actor.outcome = { error };
  }
  if (actor.stepsLeft < 0) actor.outcome = { died: true };
}

/** One turn of the event loop. */
function turn(): Promise<void> {
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
