import { setTimeout as delay } from 'node:timers/promises';
import { SessError } from '@sess/core';
import { type KeyedWork, WorkByKey, WorkInHand, deadlinesOf } from '@sess/core/internal';
import { asFault, timedOut } from './faults.ts';

/** A call of the store, as seen by the work that is done for it. */
export interface Work {
  /** Whether the caller was told `STORE_TIMEOUT`: what was not committed then must not be. */
  isGivenUp(): boolean;
  /** @throws SessError `STORE_TIMEOUT` when it is given up */
  check(): void;
  /** Waits without taking others' place meanwhile. */
  pause(this: void, ms: number): Promise<void>;
}

/** A call that is carried out elsewhere, where nobody sees when it is given up. */
export interface Call extends Work {
  /** Tells at once when it is given up. For one listener. */
  onGivenUp(tell: () => void): void;
}

export type Job<T> = (call: Call) => Promise<T>;

/** Lets calls of the store in, a few at a time, and gives each of them a bounded time. */
export interface Gate {
  /**
   * @param elsewhere asked when it is the call's turn in its line: a job that takes no thread of the pool, if there is one
   * @throws SessError `STORE_BUSY` at once, when too many wait; `STORE_TIMEOUT`
   */
  run<T>(job: Job<T>, terms?: Terms, elsewhere?: () => Job<T> | undefined): Promise<T>;
  /** Lets no one in any more, and resolves when all that are in have been answered. */
  close(): Promise<void>;
}

export interface Terms {
  /** Calls with the same name here go in one after the other. */
  line?: string;
  /** How long the whole may take. @default 1000 */
  boundMs?: number;
}

export const callMs = 1000;

/**
 * Calls that were told `STORE_TIMEOUT` while their work has not ended, for all stores of the process. With more of them
 * the disk hangs, and the answer is `STORE_BUSY` at once: what each of them holds would fill the memory.
 */
const mostGivenUp = 1000;

/** Calls that wait or are at work. A disk that does not hang carries out no more within their second. */
export const mostCalls = 16_384;

/**
 * File operations that this thread begins run in the process's thread pool, which is also that of `crypto`, `zlib` and
 * DNS. Those of a disk that hangs never come back; one thread is left to the others whatever happens.
 */
const slots = Math.max(1, poolSize() - 1);

function poolSize(): number {
  return Number(process.env['UV_THREADPOOL_SIZE']) || 4;
}

interface Pool {
  calls: number;
  givenUp: number;
  atWork: number;
  waiting: (() => void)[];
}

const shared = Symbol.for('@sess/fs gate');

/** One for the process, since the thread pool is: on `globalThis`, since bundlers load a module twice. */
function processPool(): Pool {
  const slot = globalThis as { [shared]?: Pool };
  return (slot[shared] ??= { calls: 0, givenUp: 0, atWork: 0, waiting: [] });
}

/** Calls of one name, one behind the other. */
class Line implements KeyedWork {
  readonly key: string;
  after: this | undefined;
  /** Settled when the last of them has ended. */
  last: Promise<void>;

  constructor(key: string, last: Promise<void>) {
    this.key = key;
    this.last = last;
  }
}

interface Task<T> {
  job: Job<T>;
  elsewhere: (() => Job<T> | undefined) | undefined;
}

export function openGate(): Gate {
  const pool = processPool();
  const lines = new WorkByKey<Line>();
  const unanswered = new WorkInHand();
  let isClosed = false;

  function enter(): void | Promise<void> {
    if (pool.atWork >= slots) return new Promise<void>((resolve) => pool.waiting.push(resolve));
    pool.atWork++;
  }

  /** Hands the place on, if somebody waits for it. */
  function leave(): void {
    const next = pool.waiting.shift();
    if (next) next();
    else pool.atWork--;
  }

  async function perform<T>({ job, elsewhere }: Task<T>, call: Call): Promise<T> {
    const other = elsewhere?.();
    if (other !== undefined) {
      call.check();
      return other(call);
    }
    await enter();
    try {
      call.check();
      return await job(call);
    } finally {
      leave();
    }
  }

  function performInLine<T>(task: Task<T>, call: Call, key: string): Promise<T> {
    const others = lines.get(key);
    const mine = others === undefined ? perform(task, call) : others.last.then(() => perform(task, call));
    const ended = (): void => {
      if (line.last === done) lines.delete(line);
    };
    const done = mine.then(ended, ended);
    const line = others ?? new Line(key, done);
    line.last = done;
    if (others === undefined) lines.add(line);
    return mine;
  }

  /** What is given up is answered, and stays a call until its work has ended. */
  function bounded<T>(boundMs: number, start: Job<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let isGivenUp = false;
      let told: (() => void) | undefined;
      const call: Call = {
        isGivenUp: () => isGivenUp,
        check() {
          if (isGivenUp) throw timedOut(boundMs);
        },
        async pause(ms) {
          leave();
          await delay(ms);
          await enter();
        },
        onGivenUp: (tell) => void (told = tell),
      };
      const deadline = deadlinesOf(boundMs).begin(() => {
        isGivenUp = true;
        pool.givenUp++;
        told?.();
        unanswered.end();
        reject(timedOut(boundMs));
      });
      const ended = (): void => {
        deadline.end();
        pool.calls--;
        if (isGivenUp) pool.givenUp--;
        else unanswered.end();
      };
      pool.calls++;
      unanswered.begin();
      start(call).then(
        (value) => {
          ended();
          resolve(value);
        },
        (error: unknown) => {
          ended();
          reject(asFault(error));
        },
      );
    });
  }

  return {
    async run<T>(
      job: Job<T>,
      { line, boundMs = callMs }: Terms = {},
      elsewhere?: () => Job<T> | undefined,
    ): Promise<T> {
      if (isClosed) throw new SessError('STORE_UNAVAILABLE', 'The session store was closed.');
      if (pool.givenUp >= mostGivenUp || pool.calls >= mostCalls) {
        throw new SessError(
          'STORE_BUSY',
          `Too many calls wait for the session directory, ${pool.givenUp} of them for over a second: its disk is too slow, or hangs.`,
        );
      }
      const task = { job, elsewhere };
      return bounded(boundMs, (call) => (line === undefined ? perform(task, call) : performInLine(task, call, line)));
    },

    async close(): Promise<void> {
      isClosed = true;
      await unanswered.settled();
    },
  };
}
