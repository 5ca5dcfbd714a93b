import { inTime } from './in-time.ts';
import { unanswered } from './postgres-errors.ts';
import type { Lender, Lent, PostgresQuery, PostgresResult } from './postgres-pool.ts';

/** A connection that reads share, and how many of them wait for an answer. */
interface Shared {
  readonly client: Lent;
  readers: number;
  isBroken: boolean;
}

/**
 * Lets reads share a connection of a pool: each is sent at once, behind those whose answers are still to come. One after the
 * other, each with a connection of its own, they cost half as much again. Not for writes: one would hold up all behind it,
 * while it waits for a lock or for the disk. A read that fails by the connection is tried again anyway.
 */
export function sharedReads(lend: Lender['lend']): Lender['lend'] {
  let shared: Shared | undefined;
  let opening: Promise<void> | undefined;
  /** Where the statement has been prepared. Behind one that fails to be, the others would fail in another way. */
  const prepared = new WeakSet<Lent>();

  function join(one: Shared, onRelease = (): void => {}): Lent {
    one.readers += 1;
    return {
      query: (query) => answered(one.client, query),
      release(isBroken = false) {
        one.readers -= 1;
        one.isBroken ||= isBroken;
        if (shared === one && (one.isBroken || one.readers === 0)) shared = undefined;
        if (one.readers === 0) one.client.release(one.isBroken);
        onRelease();
      },
    };
  }

  function firstOn(one: Shared, onRelease: () => void): Lent {
    const { query, release } = join(one, onRelease);
    return {
      release,
      async query(statement) {
        const answer = await query(statement);
        prepared.add(one.client);
        return answer;
      },
    };
  }

  /** For the first reader, for whom the others wait: until the connection is there, and has answered once. */
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
      if (!prepared.has(one.client)) return firstOn(one, opened);
      shared = one;
      opened();
      return join(one);
    } catch (error) {
      opened();
      throw error;
    }
  }

  return async (by) => {
    while (shared === undefined) {
      if (opening === undefined) return open(by);
      await opening;
    }
    return join(shared);
  };
}

/**
 * Where `pg` gives a statement up it ends the connection, for all that wait behind it too. Their time is not over yet, and
 * the server may only have paused: so until then only nobody joins them any more.
 */
function answered(client: Lent, query: PostgresQuery): Promise<PostgresResult> {
  const ms = query.query_timeout ?? 0;
  return inTime(client.query({ ...query, query_timeout: 2 * ms }), performance.now() + ms, unanswered);
}
