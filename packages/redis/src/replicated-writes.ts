import { SessError } from '@sess/core';
import type { Redis } from 'ioredis';
import { afterSilence, timeLeftUntil } from './after-silence.ts';
import type { Link } from './link.ts';
import { asSessError, wasNotSent, withoutArguments } from './redis-errors.ts';

/** Writes that count only when replicas have them too. */
export interface ReplicatedWrites {
  /** `since`: when the operation began, by `performance.now()`. */
  write<T>(what: string, since: number, send: () => Promise<T>): Promise<T>;
}

interface Job {
  send(): Promise<unknown>;
  isOver: boolean;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * Asks with `WAIT`, which speaks of what its own connection wrote: so these writes have a connection of their own, and
 * a lost one leaves its writes unconfirmed.
 *
 * `WAIT` also stops its connection. So writes gather while one is under way and share the next: when replicas hang, a
 * round fails in time, and whoever gave up meanwhile is not in the next one.
 */
export function replicatedWrites(link: Link, client: Redis, replicas: number, timeoutMs: number): ReplicatedWrites {
  let waiting: Job[] = [];
  let isBusy = false;

  async function round(jobs: readonly Job[]): Promise<void> {
    const { outcomes, confirmed } = await link.run({
      what: 'a replicated write',
      isRepeatable: false,
      async send() {
        const outcomes = await Promise.allSettled(jobs.map((job) => job.send()));
        const confirmed = await client.wait(replicas, Math.floor(timeoutMs / 2)).catch((error: unknown) => {
          // Nothing has left: all of it goes when there is a connection. What was done is not done again.
          if (outcomes.every(hasNotLeft)) throw error;
          return withoutArguments(error);
        });
        return { outcomes, confirmed };
      },
    });
    for (const [index, job] of jobs.entries()) {
      const outcome = outcomes[index];
      if (outcome?.status === 'rejected') job.reject(asSessError(outcome.reason, link.where()));
      else if (typeof confirmed !== 'number' || confirmed < replicas) job.reject(notConfirmed(confirmed, replicas));
      else job.resolve(outcome?.value);
    }
  }

  async function work(): Promise<void> {
    if (isBusy) return;
    isBusy = true;
    while (waiting.length > 0) {
      const jobs = waiting.filter((job) => !job.isOver);
      waiting = [];
      if (jobs.length === 0) continue;
      try {
        await round(jobs);
      } catch (error) {
        for (const job of jobs) job.reject(error);
      }
    }
    isBusy = false;
  }

  function write<T>(what: string, since: number, send: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let value: T;
      const job: Job = {
        isOver: false,
        async send() {
          value = await send();
        },
        resolve: () => settle(() => resolve(value)),
        reject: (error) => settle(() => reject(error)),
      };
      const settle = (answer: () => void) => {
        endTimer();
        job.isOver = true;
        answer();
      };
      const endTimer = afterSilence(timeLeftUntil(since + timeoutMs), () => {
        job.reject(new SessError('STORE_TIMEOUT', `Redis did not confirm ${what} within ${timeoutMs} ms.`));
      });
      waiting.push(job);
      void work();
    });
  }

  return { write };
}

function hasNotLeft(outcome: PromiseSettledResult<unknown>): boolean {
  return outcome.status === 'rejected' && wasNotSent(outcome.reason);
}

/** `confirmed`: by how many replicas, or why the server did not tell. */
function notConfirmed(confirmed: number | Error, replicas: number): SessError {
  const isKnown = typeof confirmed === 'number';
  const known = isKnown ? `${confirmed} of ${replicas} replicas have it` : 'it is not known how many replicas have it';
  return new SessError(
    'STORE_UNAVAILABLE',
    `The change was not confirmed: ${known}. It is in the master, and would be lost if that failed now.`,
    isKnown ? {} : { cause: confirmed },
  );
}
