import { inTime } from './in-time.ts';
import { tooLate } from './postgres-errors.ts';
import type { Lender, Lent, PostgresClient, PostgresPool } from './postgres-pool.ts';

/** A pool that an app uses too: it may let us wait for ever, lend a connection in a transaction, or lack our listeners. */
export function poolOfApp(pool: PostgresPool): Lender {
  return {
    lend: (by) => freeOne(pool, by),
    share: (by) => freeOne(pool, by),
    end: async () => {},
  };
}

/** A connection without a transaction: an app's pool may lend one on which its app has left one open. */
async function freeOne(pool: PostgresPool, by: number): Promise<Lent> {
  for (;;) {
    const client = await inTime(pool.connect(), by, tooLate, (late) => late.release());
    const lent = listenedTo(client);
    if (isFree(client) || (await willBeFree(client, by))) return lent;
    lent.release(true);
  }
}

const isFree = (client: PostgresClient): boolean => (client.getTransactionStatus?.() ?? 'I') === 'I';

/** Whether what the app has sent ends the transaction: nobody may have waited for its COMMIT. */
async function willBeFree(client: PostgresClient, by: number): Promise<boolean> {
  try {
    await client.query({ text: '', values: [], query_timeout: Math.max(1, Math.ceil(by - performance.now())) });
    return isFree(client);
  } catch {
    return false;
  }
}

/** While we have a connection, its error is ours: the statement under way has failed with the same one. */
function listenedTo(client: PostgresClient): Lent {
  client.on('error', alreadyTold);
  return {
    query: (query) => client.query(query),
    release(isBroken) {
      client.release(isBroken);
      client.removeListener('error', alreadyTold);
    },
  };
}

function alreadyTold(): void {}
