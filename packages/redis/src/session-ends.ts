import type { Redis } from 'ioredis';
import type { Closes, SessionKey, TellsEnds } from '@sess/core';
import { GreetingBound } from './connection/greeting-bound.ts';
import { type RedisClient, isCluster, subscriberFor } from './connection/redis-client.ts';

/** Where the scripts publish the names of sessions that they end. */
export function endsChannel(prefix: string): string {
  return `${prefix}ended`;
}

/**
 * Listens to what the scripts publish, on a connection of its own that is there while somebody listens. Messages are lost
 * while it is not: what is promised does not rest on them.
 */
export function sessionEnds(client: RedisClient, prefix: string, timeoutMs: number): TellsEnds & Closes {
  const listeners = new Set<(key: SessionKey) => void>();
  let subscriber: { end(): void } | undefined;

  const tell = (_channel: string, name: string): void => {
    // A client with a `keyPrefix` puts that before the name.
    const key = name.slice(-64);
    for (const listener of [...listeners]) listener(key);
  };

  async function close(): Promise<void> {
    listeners.clear();
    subscriber?.end();
    subscriber = undefined;
  }

  return {
    tellEnds(listener) {
      listeners.add(listener);
      subscriber ??= subscribe(subscriberFor(client, timeoutMs), endsChannel(prefix), timeoutMs, tell);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) void close();
      };
    },
    close,
  };
}

function subscribe(
  subscriber: RedisClient,
  channel: string,
  timeoutMs: number,
  tell: (channel: string, message: string) => void,
): { end(): void } {
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
  return {
    end() {
      greeting.end();
      subscriber.disconnect();
    },
  };
}
