import type { ConnectionOptions } from 'node:tls';
import { SessError } from '@sess/core';
import { assertKnownOptions } from '@sess/core/internal';
import type { Cluster, Redis } from 'ioredis';
import type { RedisClient } from './connection/redis-client.ts';
import { type RedisAddress, parseRedisUrl } from './connection/redis-url.ts';

interface CommonOptions {
  /**
   * What the names of our keys begin with. Printable, without `*?[]\^`, not empty.
   *
   * @default 'session:'
   */
  prefix?: string;
  /**
   * What a login and a logout wait for. `default`: the master has it. `replicated`: so have `replicas` replicas, else
   * `STORE_UNAVAILABLE`, "not confirmed". Not with Cluster.
   *
   * @default 'default'
   */
  durability?: 'default' | 'replicated';
  /**
   * How many replicas must confirm.
   *
   * @default 1
   */
  replicas?: number;
  /**
   * How long connecting may take, and each call whose caller names no time of its own (listing by owner, walking,
   * `check`), in milliseconds; from 50 to 60 000. The four verbs end at the time that they are given.
   *
   * @default 900
   */
  timeoutMs?: number;
}

/** Options of {@link redisStore} that makes its own client. */
export interface RedisStoreUrlOptions extends CommonOptions {
  /** `redis://`, `rediss://`, `redis+sentinel://` or `redis+cluster://`. */
  url: string;
  /** For `rediss`: what `tls.connect` takes, for example `ca`. */
  tls?: ConnectionOptions;
  /** Not beside `url`. */
  client?: never;
}

/** Options of {@link redisStore} with a client of yours. */
export interface RedisStoreClientOptions extends CommonOptions {
  /** A client of ioredis, which stays yours: the store does not close it. */
  client: Redis | Cluster;
  /** Not beside `client`. */
  url?: never;
  /** Not beside `client`, which has its own. */
  tls?: never;
}

/** Options of {@link redisStore}: where Redis is, by `url` or by `client`, and how the store behaves. */
export type RedisStoreOptions = RedisStoreUrlOptions | RedisStoreClientOptions;

export interface CheckedOptions {
  source: { address: RedisAddress; tls: ConnectionOptions | undefined } | { client: RedisClient };
  prefix: string;
  isReplicated: boolean;
  replicas: number;
  timeoutMs: number;
}

const known = ['url', 'tls', 'client', 'prefix', 'durability', 'replicas', 'timeoutMs'];

/** @throws `CONFIG_INVALID`, which names the option and never shows its value. */
export function checkOptions(options: RedisStoreOptions): CheckedOptions {
  assertKnownOptions('redisStore()', options, known);
  const { prefix = 'session:', durability = 'default', replicas = 1, timeoutMs = 900 } = options;
  assertPrefix(prefix);
  if (durability !== 'default' && durability !== 'replicated') {
    throw invalid('option "durability" is "default" or "replicated".');
  }
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > 100) {
    throw invalid('option "replicas" is a whole number from 1 to 100.');
  }
  if (!(timeoutMs >= 50 && timeoutMs <= 60_000)) throw invalid('option "timeoutMs" is a number from 50 to 60000.');

  const source = sourceOf(options);
  const isReplicated = durability === 'replicated';
  const isCluster = 'client' in source ? source.client.isCluster : source.address.topology === 'cluster';
  if (isReplicated && isCluster) {
    throw invalid(
      'option "durability": "replicated" does not work with Redis Cluster, whose nodes fail over one by one.',
    );
  }
  return { source, prefix, isReplicated, replicas, timeoutMs };
}

function sourceOf({ url, client, tls }: RedisStoreOptions): CheckedOptions['source'] {
  if ((url === undefined) === (client === undefined)) throw invalid('takes either option "url" or option "client".');
  if (client !== undefined) {
    if (tls !== undefined) throw invalid('option "tls" goes with "url"; a client has its own.');
    assertClient(client);
    return { client };
  }
  if (typeof url !== 'string') throw invalid('option "url" is a text; a client is passed as "client".');
  const address = parseRedisUrl(url);
  if (tls !== undefined && (typeof tls !== 'object' || tls === null)) throw invalid('option "tls" is an object.');
  if (tls !== undefined && !address.isTls) throw invalid('option "tls" needs a URL that begins with "rediss".');
  return { address, tls };
}

function assertPrefix(prefix: unknown): void {
  if (typeof prefix !== 'string' || prefix === '') throw invalid('option "prefix" is a text, and not empty.');
  if (!/^[\x21-\x7e]+$/.test(prefix) || /[*?[\]\\^]/.test(prefix)) {
    throw invalid(
      'option "prefix" has a character other than printable ASCII, or one of *?[]\\^, which are patterns to Redis.',
    );
  }
}

/** By its looks, not by `instanceof`: an application may have a second copy of ioredis. */
function assertClient(client: unknown): asserts client is RedisClient {
  const isClient =
    typeof client === 'object' &&
    client !== null &&
    ['getBuffer', 'evalshaBuffer', 'duplicate', 'on'].every(
      (name) => typeof Reflect.get(client, name) === 'function',
    ) &&
    typeof Reflect.get(client, 'status') === 'string' &&
    typeof Reflect.get(client, 'isCluster') === 'boolean';
  if (!isClient) {
    throw invalid(
      'option "client" is a Redis or Cluster of ioredis. A URL is passed as "url"; for node-redis make an ioredis client.',
    );
  }
  const options: unknown = Reflect.get(client, 'options');
  const has = (name: string): unknown =>
    typeof options === 'object' && options !== null ? Reflect.get(options, name) : undefined;
  const scaleReads = has('scaleReads') ?? 'master';
  if (has('readOnly') === true || has('role') === 'slave' || scaleReads !== 'master') {
    throw invalid(
      'option "client" reads from replicas (readOnly, role "slave" or scaleReads): they lag behind, and a session that was just made would be missing.',
    );
  }
  if (has('monitor') === true) throw invalid('option "client" is a MONITOR connection.');
}

function invalid(what: string): SessError {
  return new SessError('CONFIG_INVALID', `redisStore ${what}`);
}
