import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PostgresServer, startPostgres } from '@sess/postgres-server';
import { type RedisServer, startRedis, until } from '../redis-server.ts';
import { type RedisTopology, startCluster, startSentinel } from '../redis-topologies.ts';
import { type TcpProxy, startProxy } from '../tcp-proxy.ts';

export type StoreName = 'redis' | 'fs' | 'postgres';

/** Where an app of a row keeps its sessions, and what it has to be told of it. */
export interface Storage {
  readonly store: StoreName;
  readonly env: Readonly<Record<string, string>>;
  /** The user that the app runs as, if not our own. */
  readonly uid?: number;
  close(): Promise<void>;
}

/** A server of our own behind a proxy that can spoil connections. */
export interface ServerStorage extends Storage {
  readonly proxy: TcpProxy;
}

export interface RedisStorage extends ServerStorage {
  readonly redis: RedisServer;
}

/** With the password that the app uses: `redis.admin` needs none. */
export const password = 'p4ss-Wd7kQz2LmX9';

/** What was confirmed has been handed to the operating system, and survives a kill: the disk itself is not the fault. */
const keeps = ['--appendonly', 'yes', '--appendfsync', 'no', '--maxmemory-policy', 'noeviction'];

export async function redisStorage(settings: readonly string[] = keeps): Promise<RedisStorage> {
  const redis = await startRedis(...settings, '--user', 'app', 'on', `>${password}`, '~*', '&*', '+@all');
  const proxy = await startProxy(redis.port);
  return {
    store: 'redis',
    redis,
    proxy,
    env: { SESSION_REDIS_URL: `redis://app:${password}@127.0.0.1:${proxy.port}` },
    async close() {
      await proxy.dispose();
      await redis.dispose();
    },
  };
}

export interface PostgresStorage extends ServerStorage {
  readonly postgres: PostgresServer;
}

/** @param settings as in postgresql.conf. By default, as for all tests, the server does not wait for the disk. */
export async function postgresStorage(settings: readonly string[] = []): Promise<PostgresStorage> {
  const postgres = await startPostgres({ settings });
  const proxy = await startProxy(postgres.port);
  const url = new URL(postgres.url);
  url.port = String(proxy.port);
  return {
    store: 'postgres',
    postgres,
    proxy,
    env: { SESSION_DATABASE_URL: url.href },
    async close() {
      await proxy.dispose();
      await postgres.dispose();
    },
  };
}

/** As it runs by default: what was confirmed is on the disk. */
export const durablePostgresStorage = (): Promise<PostgresStorage> =>
  postgresStorage(['fsync=on', 'synchronous_commit=on', 'full_page_writes=on']);

/** Several servers, of which one can take the place of another. */
export interface TopologyStorage extends Storage {
  readonly servers: RedisTopology;
}

export async function topologyStorage(kind: 'sentinel' | 'cluster'): Promise<TopologyStorage> {
  const servers = await (kind === 'sentinel' ? startSentinel() : startCluster());
  return { store: 'redis', servers, env: { SESSION_REDIS_URL: servers.url }, close: () => servers.dispose() };
}

/** A master whose replica hears of writes through a proxy of its own. */
export interface ReplicatedStorage extends ServerStorage {
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly link: TcpProxy;
}

export async function replicatedStorage(): Promise<ReplicatedStorage> {
  const master = await startRedis();
  const [proxy, link] = [await startProxy(master.port), await startProxy(master.port)];
  const replica = await startRedis('--replicaof', '127.0.0.1', String(link.port));
  await until(async () => (await replica.admin.info('replication')).includes('master_link_status:up'));
  return {
    store: 'redis',
    master,
    replica,
    proxy,
    link,
    env: { SESSION_REDIS_URL: `redis://127.0.0.1:${proxy.port}` },
    async close() {
      await Promise.all([proxy.dispose(), link.dispose()]);
      await Promise.all([master.dispose(), replica.dispose()]);
    },
  };
}

export interface FilesStorage extends Storage {
  /** Where the session directory lies, and what a row likes to put beside it. */
  readonly home: string;
  readonly directory: string;
}

export async function filesStorage(): Promise<FilesStorage> {
  const home = mkdtempSync(join(tmpdir(), 'sess-faults-'));
  const directory = join(home, 'sessions');
  mkdirSync(directory, { mode: 0o700 });
  return {
    store: 'fs',
    home,
    directory,
    env: { SESSION_DIR: directory },
    close: async () => rmSync(home, { recursive: true, force: true }),
  };
}
