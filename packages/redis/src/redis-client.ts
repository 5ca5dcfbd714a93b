import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Writable } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import type { RedisAddress } from './redis-url.ts';
import { settledWithin } from './settled-within.ts';

export type RedisClient = Redis | Cluster;

export function isCluster(client: RedisClient): client is Cluster {
  return client.isCluster;
}

/** What a client writes to. One that only looks like a client of ioredis may have none. */
export function streamOf(client: Redis | undefined): Writable | undefined {
  return client?.stream;
}

/** How replies look in JavaScript decides the type of a client: it is always ioredis' default here. */
type ClientOptions = Omit<RedisOptions, 'replyMapping'>;

/** Reconnecting starts at once and never waits long: service is back soon after Redis is. */
const backOffMs = (times: number): number =>
  Math.min(25 * 2 ** Math.min(times - 1, 10), 500) * (0.75 + Math.random() / 4);

/**
 * What keeps a connection from hanging and from sending anything twice. ioredis' defaults do both: they answer after
 * about 71 s when Redis is down, never when it is frozen, and send an unanswered write again after a reconnect.
 *
 * There is no `commandTimeout`: its timer knows nothing of a stalled event loop, and takes a timer per command. The
 * deadline of {@link link} bounds every call, also those that ioredis 6.0.0 never settles (redis/ioredis#2193).
 */
function boundedOptions(timeoutMs: number): ClientOptions {
  return {
    lazyConnect: true,
    connectTimeout: timeoutMs,
    // How long a socket that we gave up may take to close. A half-open one never does.
    disconnectTimeout: 100,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxLoadingRetryTime: 500,
    retryStrategy: backOffMs,
    // 1: reconnect, and let the command fail. 2 would send it again.
    reconnectOnError: (error) => (error.message.includes('READONLY') ? 1 : false),
  };
}

/** Makes the client for a URL. It connects at its first use. */
export function createClient(address: RedisAddress, timeoutMs: number, tls?: ConnectionOptions): RedisClient {
  const { hosts, username, password, db, isTls } = address;
  const security = isTls ? { tls: { ...tls } } : {};
  const common: ClientOptions = {
    ...boundedOptions(timeoutMs),
    ...security,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  };
  if (address.topology === 'cluster') return createCluster(address, common, timeoutMs);
  if (address.topology === 'single') return new Redis({ ...common, ...hosts[0], db });
  return new Redis({
    ...common,
    db,
    sentinels: hosts,
    ...(address.masterName !== undefined && { name: address.masterName }),
    ...(isTls && { enableTLSForSentinelMode: true, sentinelTLS: { ...tls } }),
    ...(address.sentinelUsername !== undefined && { sentinelUsername: address.sentinelUsername }),
    ...(address.sentinelPassword !== undefined && { sentinelPassword: address.sentinelPassword }),
    sentinelCommandTimeout: timeoutMs / 2,
    sentinelRetryStrategy: (times: number) => Math.min(times * 50, 500),
    // Sentinels announce a failover; without it a client stays with a frozen master until that wakes up.
    failoverDetector: true,
    sentinelReconnectStrategy: () => 5000,
  });
}

/**
 * A cluster's nodes are ioredis' business, and so are their reconnects and redirections. What it sends again on the
 * way is harmless: a create or an update carries a token and a latest time (see write-tokens.ts). A destroy that finds
 * nothing after a connection was lost is not believed.
 */
function createCluster({ hosts }: RedisAddress, node: ClientOptions, timeoutMs: number): Cluster {
  const { lazyConnect: _lazy, retryStrategy: _retry, enableOfflineQueue: _queue, ...redisOptions } = node;
  return new Cluster(hosts, {
    lazyConnect: true,
    // A node connects at its first command, which waits in its queue: our deadline bounds that wait.
    enableOfflineQueue: true,
    clusterRetryStrategy: backOffMs,
    slotsRefreshTimeout: timeoutMs,
    slotsRefreshInterval: 5000,
    // TLS certificates name hosts: do not turn them into addresses.
    ...(node.tls !== undefined && { dnsLookup: (name, done) => done(null, name) }),
    redisOptions: {
      ...redisOptions,
      // Nobody but ioredis sees a node's connection: this is what ends one that is half open.
      socketTimeout: timeoutMs * 1.5,
    },
  });
}

/** Closes the connection, or gives up after a while. */
export function quit(client: RedisClient, timeoutMs: number): Promise<void> {
  return settledWithin(timeoutMs, client.quit());
}

/** A second connection with the same address and credentials, but our bounds. */
export function duplicateClient(client: Redis, timeoutMs: number): Redis {
  return client.duplicate({ ...boundedOptions(timeoutMs), enableAutoPipelining: false });
}
