import { beginDeadline } from '@sess/core/internal';
import type pg from 'pg';
import { isTimeout, notConnected, tooLate } from './postgres-errors.ts';
import type { Lender, PostgresClient } from './postgres-pool.ts';
import { sharedReads } from './shared-reads.ts';

interface Waiting {
  resolve(client: PostgresClient): void;
  reject(error: unknown): void;
}

/**
 * A pool in which everybody waits in one line, and which grows by one connection at a time, for whoever is first then.
 *
 * `pg` gives each of the first requests of a crowd a connection of its own to wait for. A busy server then makes them all
 * at once, each of them late, although one connection serves thousands of statements in that time.
 *
 * @param isPipelined whether a connection takes statements before it has answered those that it has
 */
export function poolInLine(pool: pg.Pool, most: number, isPipelined: boolean): Lender {
  const line: Waiting[] = [];
  let isGrowing = false;
  /** Why the last connection was refused or closed, if none has come since: for those whose time ends before the next. */
  let refusal: unknown;

  const refuse = (error: unknown) => (refusal = isTimeout(error) ? undefined : notConnected(error));

  /** The first connection is awaited by the call that needs it: so the call learns why a server cannot be reached. */
  const hasOne = () => pool.totalCount === 0 || pool.idleCount > pool.waitingCount;

  function lendTo({ resolve, reject }: Waiting): void {
    const fail = (error: unknown): void => {
      refuse(error);
      reject(notConnected(error));
      // Perhaps no connection is left: then the next one in the line must ask. Later: a pool that has ended calls at once.
      process.nextTick(serve);
    };
    try {
      pool.connect((error, client) => (client === undefined ? fail(error) : resolve(client)));
    } catch (error) {
      // A file that the URL names cannot be read any more.
      fail(error);
    }
  }

  function serve(): void {
    while (hasOne()) {
      const first = line.shift();
      if (first === undefined) return;
      lendTo(first);
    }
    if (line.length > 0) void grow();
  }

  /** Where that fails, it is tried again with the next one who comes or goes. */
  async function grow(): Promise<void> {
    if (isGrowing || pool.totalCount >= most) return;
    isGrowing = true;
    try {
      (await pool.connect()).release();
    } catch (error) {
      refuse(error);
      // There are others. If the last of them is gone, whoever is first in the line asks for one, and is told why not.
    }
    isGrowing = false;
    if (hasOne()) serve();
  }

  // `release` comes before the connection is idle, `remove` after it is gone.
  pool.on('release', () => line.length > 0 && process.nextTick(serve));
  pool.on('remove', serve);
  pool.on('connect', () => (refusal = undefined));

  function lend(by: number): Promise<PostgresClient> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const giveUp = (): void => {
        isOver = true;
        const at = line.indexOf(waiting);
        if (at >= 0) line.splice(at, 1);
        reject(refusal ?? tooLate());
      };
      const end = beginDeadline(by - performance.now(), giveUp);
      const waiting: Waiting = {
        resolve(client) {
          end();
          // A connection that is made may take longer than the caller waits.
          if (isOver) client.release();
          else resolve(client);
        },
        reject(error) {
          end();
          reject(error);
        },
      };
      line.push(waiting);
      serve();
    });
  }

  // Of one connection alone the reads would leave nothing for the writes.
  return { lend, share: isPipelined && most > 1 ? sharedReads(lend) : lend, end: () => pool.end() };
}
