import { inTime } from './in-time.ts';
import { unanswered } from './postgres-errors.ts';
import type { Lender, Lent, PostgresQuery, PostgresResult } from './postgres-pool.ts';

// As it is when this is loaded: an app's tests that replace it for a while must keep no connection.
const { setImmediate } = globalThis;

/** A connection that reads share, and how many of them wait for an answer. */
interface Shared {
  readonly client: Lent;
  readers: number;
  isBroken: boolean;
}

/**
 * Lets reads share a connection of a pool: each is sent at once, behind those whose answers are still to come. One after the
 * other, each with a connection of its own, they cost twice as much. Not for writes: one would hold up all behind it, while
 * it waits for a lock or for the disk. A read that fails by the connection is tried again anyway.
 */
export function sharedReads(lend: Lender['lend']): Lender['lend'] {
  let shared: Shared | undefined;
  let opening: Promise<void> | undefined;
  /** Those that have answered a read: behind a statement that is not prepared yet, and fails, others would fail too. */
  const proven = new WeakSet<Lent>();

  function leave(one: Shared): void {
    one.readers -= 1;
    if (shared === one && (one.isBroken || one.readers === 0)) shared = undefined;
    if (one.readers > 0) return;
    // `end()` would wait for answers that nobody waits for. In a pipeline a statement that is late ends the connection.
    if (one.isBroken) one.client.query({ text: '', query_timeout: 1 }).catch(() => {});
    one.client.release(one.isBroken);
  }

  function join(one: Shared): Lent {
    one.readers += 1;
    return {
      query: (query) => answered(one.client, query),
      release(isBroken = false) {
        one.isBroken ||= isBroken;
        leave(one);
      },
    };
  }

  /** For the first reader, for whom the others wait: until a connection is there that has answered. */
  async function open(by: number): Promise<Lent> {
    let opened = (): void => {};
    opening = new Promise((resolve) => {
      opened = () => {
        opening = undefined;
        resolve();
      };
    });
    try {
      const one = { client: await lend(by), readers: 0, isBroken: false };
      if (!proven.has(one.client)) return proving(one, opened);
      shared = one;
      opened();
      return join(one);
    } catch (error) {
      opened();
      throw error;
    }
  }

  /** The first reader of a connection, alone on it. If it is answered the others come, before the connection goes back. */
  function proving(one: Shared, opened: () => void): Lent {
    let isAnswered = false;
    one.readers += 1;
    return {
      async query(query) {
        const answer = await answered(one.client, query);
        isAnswered = true;
        return answer;
      },
      release(isBroken = false) {
        one.isBroken ||= isBroken;
        if (isAnswered && !isBroken) {
          proven.add(one.client);
          shared = one;
        }
        opened();
        setImmediate(leave, one);
      },
    };
  }

  return async (by) => {
    if (shared === undefined) {
      if (opening === undefined) return open(by);
      await inTime(opening, by, unanswered);
      // The first reader failed: for a reason of its own, or one that each had better meet by itself, and all at once.
      if (shared === undefined) return lend(by);
    }
    return join(shared);
  };
}

/**
 * Within its own time. Where `pg` gives a statement up it ends the connection for all that wait behind it: their time is not
 * over yet, and the server may only have paused.
 */
function answered(client: Lent, { query_timeout = 0, ...query }: PostgresQuery): Promise<PostgresResult> {
  return inTime(client.query(query), performance.now() + query_timeout, unanswered);
}
