import { readdirSync } from 'node:fs';
import { fsStore } from '@sess/fs';
import { postgresStore } from '@sess/postgres';
import { express } from './contestants.ts';
import { type Endured, type Lasting, endure } from './endurance.ts';
import { faultsOfConnections } from './faults-of-connections.ts';
import { faultsOfDisks } from './faults-of-disks.ts';
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
  durablePostgresStorage,
  filesStorage,
  redisStorage,
} from './storage.ts';

interface Run {
  readonly store: StoreName;
  endure(settings: { minutes: number; seed: number; say: (line: string) => void }): Promise<Endured>;
}

function runOf<S extends Storage>(store: StoreName, what: Lasting<S>): Run {
  return { store, endure: (settings) => endure(what, express, settings) };
}

/** Those that leave the same processes running, so that their memory can be followed, and take nothing away for good. */
const workersGoOn = new Set(['F30', 'F31', 'F37', 'F38']);
const keepsAll = new Set(['F3', 'F5', 'F6', 'F7', 'F9', 'F10', 'F15', 'F16', 'F17', 'F23', 'F24']);

/** By then everything should be gone: sessions live for a day, and entries of the index at most five times as long. */
const laterMs = 10 * 86_400_000;

/** In the session directory: not the mark of the directory, the secret, the apps that use it, and the 256 shards. */
const isOfSessions = (name: string): boolean =>
  !/^(?:keep|development-secret|(?:apps|locks)(?:\/.*)?|(?:owners\/?)?(?:[0-9a-f]{2})?)$/.test(name);

const inRedis: Lasting<RedisStorage> = {
  storage: () => redisStorage(),
  faults: [
    ...faultsOfWorkers(() => redisStorage()).filter(({ id }) => workersGoOn.has(id)),
    ...[...faultsOfRedis, ...faultsOfConnections(() => redisStorage(), 'Redis'), ...faultsOfRefusals].filter(({ id }) =>
      keepsAll.has(id),
    ),
  ],
  async left({ redis }) {
    const keys = await redis.admin.keys('*');
    const lives = await Promise.all(keys.map((key) => redis.admin.pttl(key)));
    const endless = keys.filter((_, at) => lives[at] === -1);
    if (endless.length > 0) throw new Error(`Keys without an end: ${endless.join(' ')}`);
    return `${keys.length} keys, each with its end`;
  },
};

const inFiles: Lasting<FilesStorage> = {
  storage: filesStorage,
  faults: [
    ...faultsOfWorkers(filesStorage).filter(({ id }) => workersGoOn.has(id)),
    ...faultsOfDisks.filter(({ id, missing }) => keepsAll.has(id) && missing?.() === undefined),
  ],
  async left({ directory }) {
    const entries = (): string[] =>
      readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => isOfSessions(name));
    const count = entries().length;
    const store = fsStore({ directory, clock: () => Date.now() + laterMs, sweepEveryMs: 0 });
    await store.sweep();
    await store.close();
    const left = entries();
    if (left.length > 0) throw new Error(`What no sweep removes: ${left.slice(0, 20).join(' ')}`);
    return `${count} files and directories, all of which a sweep removed when it was due`;
  },
};

const inPostgres: Lasting<PostgresStorage> = {
  storage: durablePostgresStorage,
  faults: [
    ...faultsOfWorkers(durablePostgresStorage).filter(({ id }) => workersGoOn.has(id)),
    ...[...faultsOfPostgres, ...faultsOfConnections(durablePostgresStorage, 'PostgreSQL')].filter(({ id }) =>
      keepsAll.has(id),
    ),
  ],
  async left({ postgres }) {
    const { rows } = await postgres.admin.query(
      "SELECT count(*)::int AS all, (count(*) FILTER (WHERE expires_at = 'infinity'))::int AS endless FROM sess_sessions",
    );
    if (Number(rows[0]?.endless) > 0) throw new Error(`Rows without an end: ${rows[0]?.endless}`);
    await postgres.admin.query("UPDATE sess_sessions SET expires_at = expires_at - $1 * interval '1 ms'", [laterMs]);
    const store = postgresStore({ url: postgres.url, sweepEveryMs: 0 });
    const { removed, kept } = await store.sweep();
    await store.close();
    if (kept > 0) throw new Error(`Rows that no sweep removes: ${kept}`);
    return `${removed} rows, all of which a sweep removed when they were due`;
  },
};

export const lasting: readonly Run[] = [runOf('redis', inRedis), runOf('fs', inFiles), runOf('postgres', inPostgres)];
