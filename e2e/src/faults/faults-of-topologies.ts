import { fileURLToPath } from 'node:url';
import { isPromoted } from '../redis-topologies.ts';
import { until } from '../redis-server.ts';
import { type Fault, goesOn, refuses } from './fault.ts';
import { of } from './faults-of-refusals.ts';
import { type ReplicatedStorage, type TopologyStorage, replicatedStorage, topologyStorage } from './storage.ts';

function failover(id: string, name: string, kind: 'sentinel' | 'cluster'): Fault<TopologyStorage> {
  return {
    id,
    name,
    how: 'SIGKILL to the master',
    storage: () => topologyStorage(kind),
    lastsMs: 0,
    expects: refuses,
    async begin({ storage: { servers } }) {
      await servers.master.kill();
      return async () => {
        await isPromoted(servers);
        return 'the replica was promoted';
      };
    },
  };
}

export const faultsOfTopologies: readonly Fault<TopologyStorage>[] = [
  failover('F12', 'Sentinel: the master dies', 'sentinel'),
  failover('F13', 'Cluster: a master dies', 'cluster'),
];

export const failoverWithoutNews: Fault<ReplicatedStorage> = {
  id: 'F11',
  name: 'a replica that was cut off takes the place of the master',
  how: "durability: 'replicated'; proxy between the two; SIGKILL, REPLICAOF NO ONE",
  storage: replicatedStorage,
  app: {
    framework: 'Express',
    command: 'npm run faults',
    main: fileURLToPath(new URL('../../dist/faults/replicated-app.js', import.meta.url)),
  },
  rules: { losesUnconfirmed: true },
  lastsMs: 2_500,
  expects: (during) => refuses(of(during, 'login', 'logout')) ?? goesOn(of(during, 'look', 'get')),
  async begin({ storage: { master, replica, link, proxy } }) {
    link.isSwallowing = true;
    return async () => {
      await master.kill();
      await replica.admin.replicaof('NO', 'ONE');
      // The old one comes back as its replica: without any, nobody could log in.
      await master.start('--replicaof', '127.0.0.1', String(replica.port));
      await until(async () => (await replica.admin.info('replication')).includes('state=online'));
      proxy.target = replica.port;
      proxy.reset();
      return `${link.faults} pieces of news did not reach the replica`;
    };
  },
};
