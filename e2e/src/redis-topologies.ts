import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RedisServer, startRedis, until } from './redis-server.ts';

export interface RedisTopology {
  readonly url: string;
  /** The one to kill. */
  readonly master: RedisServer;
  /** The one that takes its place. */
  readonly replica: RedisServer;
  dispose(): Promise<void>;
}

/** When a master counts as dead. */
const deadAfterMs = '1000';

const isMaster = async ({ admin }: RedisServer): Promise<boolean> =>
  (await admin.info('replication')).includes('role:master');
const isReplicating = async ({ admin }: RedisServer): Promise<boolean> =>
  (await admin.info('replication')).includes('master_link_status:up');

/** Resolves when the replica has become the master. */
export function isPromoted({ replica }: RedisTopology): Promise<void> {
  return until(() => isMaster(replica));
}

/** A master, a replica, and three sentinels that watch over them. */
export async function startSentinel(): Promise<RedisTopology> {
  const master = await startRedis();
  const replica = await startRedis('--replicaof', '127.0.0.1', String(master.port));
  await until(() => isReplicating(replica));
  const sentinels: RedisServer[] = [];
  for (let count = 0; count < 3; count += 1) sentinels.push(await startSentinelFor(master.port));
  for (const { admin } of sentinels) {
    await until(async () => {
      const known = JSON.stringify(await admin.call('SENTINEL', 'MASTERS'));
      return known.includes('"num-slaves","1"') && known.includes('"num-other-sentinels","2"');
    });
  }
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`);
  return {
    url: `redis+sentinel://${hosts.join(',')}/mymaster/0`,
    master,
    replica,
    dispose: () => disposeAll([...sentinels, replica, master]),
  };
}

/** The settings stand in a file: a sentinel writes to it. */
function startSentinelFor(masterPort: number): Promise<RedisServer> {
  return startRedis((directory) => {
    const file = join(directory, 'sentinel.conf');
    const settings = [
      `sentinel monitor mymaster 127.0.0.1 ${masterPort} 2`,
      `sentinel down-after-milliseconds mymaster ${deadAfterMs}`,
      'sentinel failover-timeout mymaster 3000',
    ];
    writeFileSync(file, `${settings.join('\n')}\n`);
    return [file, '--sentinel'];
  });
}

/** Three masters, the first with a replica. */
export async function startCluster(): Promise<RedisTopology> {
  const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', deadAfterMs];
  const [master, second, third, replica] = await Promise.all([
    startRedis(...settings),
    startRedis(...settings),
    startRedis(...settings),
    startRedis(...settings, '--cluster-replica-validity-factor', '0'),
  ]);
  const masters = [master, second, third];
  const all = [...masters, replica];
  const bounds = [0, 5461, 10_923, 16_384];
  for (const [at, { admin }] of masters.entries()) {
    await admin.call('CLUSTER', 'SET-CONFIG-EPOCH', at + 1);
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', bounds[at] ?? 0, (bounds[at + 1] ?? 0) - 1);
    await admin.call('CLUSTER', 'MEET', '127.0.0.1', replica.port);
  }
  const clusterSays = async ({ admin }: RedisServer, words: string): Promise<boolean> =>
    String(await admin.call('CLUSTER', 'INFO')).includes(words);
  for (const server of all) await until(() => clusterSays(server, `cluster_known_nodes:${all.length}`));
  const id = String(await master.admin.call('CLUSTER', 'MYID'));
  await until(async () => (await replica.admin.call('CLUSTER', 'REPLICATE', id)) === 'OK');
  await until(() => isReplicating(replica));
  for (const server of all) await until(() => clusterSays(server, 'cluster_state:ok'));
  return {
    url: `redis+cluster://${masters.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    master,
    replica,
    dispose: () => disposeAll(all),
  };
}

async function disposeAll(servers: readonly RedisServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.dispose()));
}
