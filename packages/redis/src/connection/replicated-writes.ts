import { SessError } from '@sess/core';
import type { Redis } from 'ioredis';
import type { Call } from './call.ts';
import type { Link } from './link.ts';
import { withoutArguments } from './redis-errors.ts';

/** A write that waits for its round. `isOver`: its caller was answered, or has given up. */
interface Job {
  readonly call: Call<unknown>;
  readonly over: Promise<void>;
  isOver: boolean;
  settle(outcome: PromiseSettledResult<unknown>): void;
}

/**
 * Writes that count only when replicas have them too.
 *
 * `WAIT` counts what its own connection has written, so these writes have a connection of their own. It also blocks that
 * connection: writes gather while one is under way, and share the next `WAIT`. When replicas hang, a round fails in time,
 * and calls that gave up meanwhile are not in the next one.
 */
export function replicatedWrites(link: Link, client: Redis, replicas: number, prefix: string): Link['run'] {
  // A logout that finds nothing writes nothing. Newer servers (Valkey 8) count from this connection's last write, not from
  // its last command: `WAIT` would confirm what another connection has written and no replica has. A server that is full
  // refuses it, and takes a logout that ends something all the same.
  const write = () => client.set(`${prefix}wait`, '', 'PX', 60_000).catch(() => undefined);
  let waiting: Job[] = [];
  let isBusy = false;

  async function round(jobs: readonly Job[]): Promise<void> {
    const timeLeft = Math.min(...jobs.map(({ call }) => call.by)) - performance.now();
    const writes = Promise.allSettled(jobs.map(({ call }) => call.send()));
    void write();
    const confirmed = await client.wait(replicas, Math.max(1, Math.floor(timeLeft / 2))).catch(withoutArguments);
    for (const [at, outcome] of (await writes).entries()) {
      const isRefused = outcome.status === 'rejected' || (typeof confirmed === 'number' && confirmed >= replicas);
      jobs[at]?.settle(isRefused ? outcome : { status: 'rejected', reason: notConfirmed(confirmed, replicas) });
    }
  }

  async function work(): Promise<void> {
    if (isBusy) return;
    isBusy = true;
    while (waiting.length > 0) {
      const jobs = waiting.filter(({ isOver }) => !isOver);
      waiting = [];
      // A lost connection ends its calls, but ioredis may never settle their commands.
      if (jobs.length > 0) await Promise.race([round(jobs), Promise.all(jobs.map(({ over }) => over))]);
    }
    isBusy = false;
  }

  return async function run<T>(call: Call<T>): Promise<T> {
    let end = () => {};
    const over = new Promise<void>((resolve) => (end = resolve));
    const jobs: Job[] = [];
    const join = () =>
      new Promise<T>((resolve, reject) => {
        let answer: Promise<T> | undefined;
        const send = () => (answer = call.send());
        const settle: Job['settle'] = (outcome) => {
          if (outcome.status === 'fulfilled' && answer !== undefined) resolve(answer);
          else if (outcome.status === 'rejected') reject(outcome.reason);
        };
        const job = { call: { ...call, send }, over, isOver: false, settle };
        jobs.push(job);
        waiting.push(job);
        void work();
      });
    try {
      return await link.run<T>({ ...call, isRepeatable: false, send: join });
    } finally {
      for (const job of jobs) job.isOver = true;
      end();
    }
  };
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
