import { readdirSync } from 'node:fs';
import { express } from './contestants.ts';
import { type EnduranceRow, type Lasting, endure } from './endurance.ts';
import { faultsOfConnections } from './faults-of-connections.ts';
import { faultsOfPostgres } from './faults-of-postgres.ts';
import { faultsOfRedis } from './faults-of-redis.ts';
import { faultsOfRefusals } from './faults-of-refusals.ts';
import { faultsOfWorkers } from './faults-of-workers.ts';
import {
  type FilesStorage,
  type PostgresStorage,
  type RedisStorage,
  type Storage,
  type StoreName,
  filesStorage,
  postgresStorage,
  redisStorage,
} from './storage.ts';

interface Run {
  readonly store: StoreName;
  endure(settings: { minutes: number; seed: number; say: (line: string) => void }): Promise<EnduranceRow>;
}

function runOf<S extends Storage>(store: StoreName, what: Lasting<S>): Run {
  return { store, endure: (settings) => endure(what, express, settings) };
}

/** Those that leave the same processes running, so that their memory can be followed, and take nothing away for good. */
const workersGoOn = new Set(['F30', 'F31', 'F37', 'F38']);
const keepsAll = new Set(['F3', 'F5', 'F6', 'F7', 'F9', 'F10', 'F15', 'F16', 'F17']);

const inRedis: Lasting<RedisStorage> = {
  storage: () => redisStorage(),
  faults: [
    ...faultsOfWorkers(() => redisStorage()).filter(({ id }) => workersGoOn.has(id)),
    ...[...faultsOfRedis, ...faultsOfConnections(() => redisStorage(), 'Redis'), ...faultsOfRefusals].filter(({ id }) =>
      keepsAll.has(id),
    ),
  ],
  async left({ redis }) {
    const keys = await redis.admin.keys('session:*');
    const lives = await Promise.all(keys.map((key) => redis.admin.pttl(key)));
    const endless = keys.filter((_, at) => lives[at] === -1);
    if (endless.length > 0) throw new Error(`Keys without an end: ${endless.join(' ')}`);
    return `${keys.length} keys, each with its end`;
  },
};

const inFiles: Lasting<FilesStorage> = {
  storage: filesStorage,
  faults: faultsOfWorkers(filesStorage).filter(({ id }) => workersGoOn.has(id)),
  async left({ directory }) {
    const names = readdirSync(directory, { recursive: true, withFileTypes: true });
    return `${names.filter((entry) => entry.isFile()).length} files of sessions, of end markers and of the index`;
  },
};

const inPostgres: Lasting<PostgresStorage> = {
  storage: postgresStorage,
  faults: [
    ...faultsOfWorkers(postgresStorage).filter(({ id }) => workersGoOn.has(id)),
    ...[...faultsOfPostgres, ...faultsOfConnections(postgresStorage, 'PostgreSQL')].filter(({ id }) =>
      keepsAll.has(id),
    ),
  ],
  async left({ postgres }) {
    const { rows } = await postgres.admin.query(
      "SELECT count(*)::int AS all, (count(*) FILTER (WHERE expires_at = 'infinity'))::int AS endless FROM sess_sessions",
    );
    if (Number(rows[0]?.endless) > 0) throw new Error(`Rows without an end: ${rows[0]?.endless}`);
    return `${rows[0]?.all} rows, each with its end`;
  },
};

export const lasting: readonly Run[] = [runOf('redis', inRedis), runOf('fs', inFiles), runOf('postgres', inPostgres)];
