import { type RedisClient, databaseOf } from './redis-client.ts';
import { otherDatabase } from './redis-errors.ts';

/** The client for one command, unless somebody has switched it to another database since the store was made. */
export function usableClient(client: RedisClient, where: () => string): () => RedisClient {
  const database = databaseOf(client);
  return () => {
    const now = databaseOf(client);
    if (now !== database) throw otherDatabase(where(), now);
    return client;
  };
}
