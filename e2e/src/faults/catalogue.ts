import { faultsOfConnections } from './faults-of-connections.ts';
import { clocksOn, deploysOn, newerRecordsInFiles, newerRecordsInRedis } from './faults-of-deploys.ts';
import { faultsOfDisks } from './faults-of-disks.ts';
import { faultsOfFiles } from './faults-of-files.ts';
import { faultsOfPostgres } from './faults-of-postgres.ts';
import { faultsOfRedis } from './faults-of-redis.ts';
import { faultsOfRefusals } from './faults-of-refusals.ts';
import { failoverWithoutNews, faultsOfTopologies } from './faults-of-topologies.ts';
import { faultsOfWorkers } from './faults-of-workers.ts';
import { type Row, rowOf } from './rows.ts';
import { type Storage, type StoreName, filesStorage, postgresStorage, redisStorage } from './storage.ts';

/** What may happen on any store. Another store is another line of the catalogue. */
function onAnyStore<S extends Storage>(store: StoreName, storage: () => Promise<S>): Row[] {
  const faults = [...faultsOfWorkers(storage), ...deploysOn(storage), clocksOn(storage)];
  return faults.map((fault) => rowOf(store, fault));
}

const numberOf = ({ id }: Row): number => Number(id.slice(1));

/** Every fault with every store that can meet it, in the order of their numbers. */
export const catalogue: readonly Row[] = [
  ...onAnyStore('redis', () => redisStorage()),
  ...onAnyStore('fs', filesStorage),
  ...faultsOfRedis.map((fault) => rowOf('redis', fault)),
  ...faultsOfConnections(() => redisStorage(), 'Redis').map((fault) => rowOf('redis', fault)),
  ...faultsOfRefusals.map((fault) => rowOf('redis', fault)),
  ...faultsOfTopologies.map((fault) => rowOf('redis', fault)),
  rowOf('redis', failoverWithoutNews),
  rowOf('redis', newerRecordsInRedis),
  ...faultsOfFiles.map((fault) => rowOf('fs', fault)),
  ...faultsOfDisks.map((fault) => rowOf('fs', fault)),
  rowOf('fs', newerRecordsInFiles),
  ...onAnyStore('postgres', postgresStorage),
  ...faultsOfPostgres.map((fault) => rowOf('postgres', fault)),
  ...faultsOfConnections(postgresStorage, 'PostgreSQL').map((fault) => rowOf('postgres', fault)),
].toSorted((a, b) => numberOf(a) - numberOf(b));
