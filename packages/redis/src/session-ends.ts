import type { Redis } from 'ioredis';
import type { Closes, TellsEnds } from '@sess/core';
import { endListeners } from '@sess/core/internal';
import { GreetingBound } from './connection/greeting-bound.ts';
import { type RedisClient, isCluster, subscriberFor } from './connection/redis-client.ts';

/** Where the scripts publish the names of sessions that they end. */
export function endsChannel(prefix: string): string {
  return `${prefix}ended`;
}

/**
 * Listens to what the scripts publish, on a connection of its own, which is there while somebody listens. Without a
 * connection messages are lost: no promise depends on them.
 */
export function sessionEnds(client: RedisClient, prefix: string, timeoutMs: number): TellsEnds & Closes {
  return endListeners((tell) => {
    // A client with a `keyPrefix` puts that before the name.
    const told = (_channel: string, name: string): void => tell(name.slice(-64));
    return subscribe(subscriberFor(client, timeoutMs), endsChannel(prefix), timeoutMs, told);
  });
}

function subscribe(
  subscriber: RedisClient,
  channel: string,
  timeoutMs: number,
  tell: (channel: string, message: string) => void,
): () => void {
  const ignore = (): void => {};
  const single: Redis | undefined = isCluster(subscriber) ? undefined : subscriber;
  const greeting = new GreetingBound(single, timeoutMs, ignore);
  subscriber
    .on('error', ignore)
    .on('message', tell)
    .on('connect', () => greeting.begin())
    // Each connection begins without subscriptions. Where the server refuses them (an ACL), nothing is told.
    .on('ready', () => {
      greeting.end();
      subscriber.subscribe(channel).catch(ignore);
    });
  subscriber.connect().catch(ignore);
  return () => {
    greeting.end();
    subscriber.disconnect();
  };
}
