import type { Writable } from 'node:stream';
import type { Redis } from 'ioredis';
import { streamOf } from './redis-client.ts';

/**
 * Ends a client's connection, so that it makes a new one. Only once for each connection, although each call that failed
 * with it asks for that: ioredis adds a listener to the connection every time.
 */
export function hangingUp(client: Redis | undefined): () => void {
  let hungUp: Writable | undefined;
  return () => {
    const stream = streamOf(client);
    if (stream !== undefined && stream === hungUp) return;
    hungUp = stream;
    client?.disconnect(true);
  };
}
