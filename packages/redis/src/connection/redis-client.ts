import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Writable } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import type { RedisAddress } from './redis-url.ts';
import { clearTimeout, setTimeout } from './real-timers.ts';

export type RedisClient = Redis | Cluster;

export function isCluster(client: RedisClient): client is Cluster {
  return client.isCluster;
}

/** The servers that hold sessions: the one, or every master of a cluster. */
export function mastersOf(client: RedisClient): Redis[] {
  return isCluster(client) ? client.nodes('master') : [client];
}

/** What a client writes to. One that only looks like a client of ioredis may have none. */
export function streamOf(client: Redis | undefined): Writable | undefined {
  return client?.stream;
}

/** The database that the client's next command goes to. ioredis notes a `SELECT` when it sends it, so this is exact. */
export function databaseOf(client: RedisClient): number {
  return isCluster(client) ? 0 : (client.condition?.select ?? client.options.db ?? 0);
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
 * There is no `commandTimeout`: its timer knows nothing of a stalled event loop, and ends only that command. A
 * {@link Link} bounds every call, also those that ioredis 6.0.0 never settles (redis/ioredis#2193).
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
  };
}

/**
 * READONLY: the server is a replica now, so we leave it. Once for each connection: all commands under way fail with this,
 * and each time ioredis is told to hang up it adds a listener to the connection.
 */
function leavingReplicas(clientOf: () => Redis): (error: Error) => 1 | false {
  let left: Writable | undefined;
  return (error) => {
    if (!error.message.includes('READONLY')) return false;
    const stream = streamOf(clientOf());
    if (stream === left) return false;
    left = stream;
    // 1: reconnect, and let the command fail. 2 would send it again.
    return 1;
  };
}

/** Makes the client for a URL. It connects at its first use. */
export function createClient(address: RedisAddress, timeoutMs: number, tls?: ConnectionOptions): RedisClient {
  const { hosts, username, password, isTls } = address;
  const security = isTls ? { tls: { ...tls } } : {};
  const common: ClientOptions = {
    ...boundedOptions(timeoutMs),
    ...security,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  };
  if (address.topology === 'cluster') return createCluster(address, common, timeoutMs);
  const topology = address.topology === 'single' ? hosts[0] : sentinelOptions(address, timeoutMs, tls);
  const client: Redis = new Redis({
    ...common,
    db: address.db,
    reconnectOnError: leavingReplicas(() => client),
    ...topology,
  });
  return client;
}

function sentinelOptions(address: RedisAddress, timeoutMs: number, tls?: ConnectionOptions): ClientOptions {
  return {
    sentinels: address.hosts,
    ...(address.masterName !== undefined && { name: address.masterName }),
    ...(address.isTls && { enableTLSForSentinelMode: true, sentinelTLS: { ...tls } }),
    ...(address.sentinelUsername !== undefined && { sentinelUsername: address.sentinelUsername }),
    ...(address.sentinelPassword !== undefined && { sentinelPassword: address.sentinelPassword }),
    sentinelCommandTimeout: timeoutMs / 2,
    sentinelRetryStrategy: (times: number) => Math.min(times * 50, 500),
    // Sentinels announce a failover; without it a client stays with a frozen master until that wakes up.
    failoverDetector: true,
    sentinelReconnectStrategy: () => 5000,
  };
}

/**
 * ioredis handles the nodes of a cluster, their reconnects and redirections. What it sends again is harmless: a second copy
 * of a write meets another version, and a destroy that finds nothing after a connection was lost is not believed.
 */
function createCluster({ hosts }: RedisAddress, node: ClientOptions, timeoutMs: number): Cluster {
  const { lazyConnect: _lazy, retryStrategy: _retry, enableOfflineQueue: _queue, ...redisOptions } = node;
  return new Cluster(hosts, {
    lazyConnect: true,
    // A node connects at its first command, which waits in its queue: our deadline bounds that wait.
    enableOfflineQueue: true,
    clusterRetryStrategy: backOffMs,
    // What a node refuses is sent again for a while. It must fail before our own deadline, which could only say that there
    // was no answer; this error names CLUSTERDOWN.
    maxRedirections: 4,
    retryDelayOnClusterDown: timeoutMs / 5,
    retryDelayOnFailover: timeoutMs / 5,
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
export async function quit(client: RedisClient, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const isUp = new Promise((resolve) => (timer = setTimeout(resolve, timeoutMs)));
  await Promise.race([client.quit().catch(() => {}), isUp]);
  clearTimeout(timer);
}

/** A connection for subscriptions: it connects when it is told to, and again whenever it is lost. */
export function subscriberFor(client: RedisClient, timeoutMs: number): RedisClient {
  return isCluster(client) ? client.duplicate([], { lazyConnect: true }) : duplicateClient(client, timeoutMs);
}

/** A second connection with the same address, database and credentials, but our bounds. */
export function duplicateClient(client: Redis, timeoutMs: number): Redis {
  const copy: Redis = client.duplicate({
    ...boundedOptions(timeoutMs),
    db: databaseOf(client),
    enableAutoPipelining: false,
    stringNumbers: false,
    reconnectOnError: leavingReplicas(() => copy),
  });
  return copy;
}
