import type pg from 'pg';
import type { PostgresClient, PostgresPool } from './postgres-pool.ts';

interface Waiting {
  resolve(client: PostgresClient): void;
  reject(error: unknown): void;
  readonly timer: NodeJS.Timeout;
}

/**
 * A pool in which everybody waits in one line, and which grows by one connection at a time, for whoever is first then.
 *
 * `pg` gives each of the first requests of a crowd a connection of its own to wait for. A busy server then makes them all
 * at once, each of them late, although one connection serves thousands of statements in that time.
 */
export function poolInLine(pool: pg.Pool, most: number, timeoutMs: number): PostgresPool {
  const line: Waiting[] = [];
  let isGrowing = false;

  /** The first connection is awaited by the call that needs it: so the call learns why a server cannot be reached. */
  const hasOne = () => pool.totalCount === 0 || pool.idleCount > pool.waitingCount;

  function lend(): Promise<PostgresClient> {
    const lent = pool.connect();
    // If it failed, perhaps no connection is left: then the next one in the line must ask.
    lent.catch(serve);
    return lent;
  }

  function serve(): void {
    while (hasOne()) {
      const first = line.shift();
      if (first === undefined) return;
      clearTimeout(first.timer);
      lend().then(first.resolve, first.reject);
    }
    if (line.length > 0) void grow();
  }

  /** Where that fails, it is tried again with the next one who comes or goes. */
  async function grow(): Promise<void> {
    if (isGrowing || pool.totalCount >= most) return;
    isGrowing = true;
    try {
      (await pool.connect()).release();
    } catch {
      // There are others. If the last of them is gone, whoever is first in the line asks for one, and is told why not.
    }
    isGrowing = false;
    if (hasOne()) serve();
  }

  // `release` comes before the connection is idle, `remove` after it is gone.
  pool.on('release', () => process.nextTick(serve));
  pool.on('remove', serve);

  return {
    connect() {
      if (line.length === 0 && hasOne()) return lend();
      return new Promise((resolve, reject) => {
        const giveUp = (): void => {
          line.splice(line.indexOf(waiting), 1);
          reject(new Error('timeout: no connection was free'));
        };
        const waiting = { resolve, reject, timer: setTimeout(giveUp, timeoutMs) };
        line.push(waiting);
        serve();
      });
    },
    end: () => pool.end(),
  };
}
