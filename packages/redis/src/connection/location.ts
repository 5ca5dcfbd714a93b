import { type RedisClient, isCluster } from './redis-client.ts';
import type { HostPort, RedisAddress } from './redis-url.ts';

/** Where an address leads, for people: without user and password. */
export function locationOfAddress({ topology, hosts, masterName, db }: RedisAddress): string {
  const list = hosts.map(shown).join(', ');
  if (topology === 'cluster') return `cluster ${list}`;
  if (topology === 'sentinel') return `sentinel ${list}, master "${masterName}"/${db}`;
  return `${list}/${db}`;
}

/** The same for a user's client, and the database that it had selected when it was given. */
export function locationOfClient(client: RedisClient, database: number): string {
  if (isCluster(client)) {
    const nodes = client.nodes('master').map(({ options }) => shown(hostPort(options)));
    return `cluster ${nodes.join(', ') || '(not connected)'}`;
  }
  const { sentinels, name, path } = client.options;
  if (path) return `${path}/${database}`;
  if (sentinels)
    return `sentinel ${sentinels.map((one) => shown(hostPort(one))).join(', ')}, master "${name}"/${database}`;
  return `${shown(hostPort(client.options))}/${database}`;
}

function hostPort({ host, port }: { host?: string | undefined; port?: number | undefined }): HostPort {
  return { host: host ?? 'localhost', port: port ?? 6379 };
}

function shown({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
