import { randomUUID } from 'node:crypto';
import { type Sessions, createSessions, hasAbility } from '@sess/core';
import { type TestClock, movedClock } from '../test-clock.ts';
import { type Births, gatedStore } from './gated-store.ts';
import { Scheduler } from './scheduler.ts';
import type { Alter, StoryStorage, StoryTestOptions } from './story-options.ts';
import { idleTimeoutMs, workerCount } from './story.ts';

const secret = 'a secret that is only good for stories, 0123456789';

/** A held call waits for its turn, however loaded the machine is: no bound of core may end it before. */
const timeouts = { operationMs: 60_000, openMs: 60_000, commitMs: 60_000 };

/** An app of several workers on one storage, with a clock that the story moves. */
export class World {
  readonly scheduler: Scheduler;
  readonly workers: readonly Sessions[];
  readonly #storage: StoryStorage;
  readonly #clock: TestClock;

  private constructor(scheduler: Scheduler, workers: readonly Sessions[], storage: StoryStorage, clock: TestClock) {
    this.scheduler = scheduler;
    this.workers = workers;
    this.#storage = storage;
    this.#clock = clock;
  }

  static async open(open: StoryTestOptions['open'], alter: Alter = (sessions) => sessions): Promise<World> {
    const clock = movedClock();
    const storage = await open({ id: `s-${randomUUID()}`, instances: workerCount, clock: clock.now });
    const scheduler = new Scheduler();
    const births: Births = new Map();
    const workers = storage.stores.map((store) => {
      const gated = gatedStore(store, scheduler, births);
      const options = {
        store: gated,
        secret,
        timeouts,
        idleTimeoutMs,
        clock: clock.now,
        logger: false as const,
        env: {},
      };
      return alter(createSessions(options));
    });
    await Promise.all(workers.map((sessions) => sessions.ready()));
    return new World(scheduler, workers, storage, clock);
  }

  async pass(ms: number): Promise<void> {
    await this.#clock.pass(ms);
    await this.#storage.age?.(ms);
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((sessions) => sessions.close()));
    for (const store of new Set(this.#storage.stores)) if (hasAbility(store, 'close')) await store.close();
    await this.#storage.dispose?.();
  }
}
