import type { ConnectionOptions } from 'node:tls';
import { SessError } from '@sess/core';
import { assertKnownOptions } from '@sess/core/internal';
import type { PostgresPool } from './postgres-pool.ts';

interface CommonOptions {
  /** The schema of the tables. @default 'public' */
  schema?: string;
  /** The table of the sessions; what is noted beside them is in one with `_notes` after its name. @default 'sess_sessions' */
  table?: string;
  /** Whether the store makes its tables at the first call that misses them, if its user may. @default true */
  createTables?: boolean;
  /**
   * Makes the table `UNLOGGED`: writes cost about half, and a crash of the server logs everybody out. Standbys have no
   * sessions then. Counts only when the table is made. @default false
   */
  unlogged?: boolean;
  /** How often expired sessions are removed by one of the processes, in milliseconds; 0: only by `sweep()`. @default 10 minutes */
  sweepEveryMs?: number;
  /** How long after its deadline an expired session is removed, in milliseconds. @default 1 hour */
  graceMs?: number;
  /**
   * How long connecting and one statement may take, in milliseconds, from 50 to 60 000. The four verbs end at the time
   * that they are given: raise this with `timeouts.operationMs`. @default 900
   */
  timeoutMs?: number;
}

/** Options of {@link postgresStore} that makes its own connections. */
export interface PostgresStoreUrlOptions extends CommonOptions {
  /** `postgres://user:password@host:5432/database`, with the parameters that `pg` knows, such as `sslmode`. */
  url: string;
  /** What `tls.connect` takes, for example `ca`. */
  tls?: ConnectionOptions;
  /** The most connections that one process makes. @default 10 */
  connections?: number;
  /** Not beside `url`. */
  pool?: never;
}

/** Options of {@link postgresStore} with a pool of yours. */
export interface PostgresStorePoolOptions extends CommonOptions {
  /** A `Pool` of `pg`, which stays yours: the store does not end it. */
  pool: PostgresPool;
  /** Not beside `pool`. */
  url?: never;
  /** Not beside `pool`, which has its own. */
  tls?: never;
  /** Not beside `pool`, which has its own. */
  connections?: never;
}

/** Options of {@link postgresStore}: where PostgreSQL is, by `url` or by `pool`, and how the store behaves. */
export type PostgresStoreOptions = PostgresStoreUrlOptions | PostgresStorePoolOptions;

const minuteMs = 60_000;

type DefaultOptions = Required<CommonOptions> & { connections: number };

const defaults: DefaultOptions = {
  schema: 'public',
  table: 'sess_sessions',
  createTables: true,
  unlogged: false,
  sweepEveryMs: 10 * minuteMs,
  graceMs: 60 * minuteMs,
  timeoutMs: 900,
  connections: 10,
};

export type CheckedOptions = DefaultOptions & Pick<PostgresStoreOptions, 'url' | 'tls' | 'pool'>;

/** @throws `CONFIG_INVALID`, which names the option and never shows the URL. */
export function checkOptions(options: PostgresStoreOptions): CheckedOptions {
  assertKnownOptions('postgresStore()', options, [...Object.keys(defaults), 'url', 'tls', 'pool']);
  const checked = { ...defaults, ...options };
  const { url, pool, schema, table, connections } = checked;
  if ((url === undefined) === (pool === undefined)) throw invalid('takes either option "url" or option "pool".');
  if (url !== undefined && !(typeof url === 'string' && /^postgres(ql)?:\/\//.test(url)))
    throw invalid('option "url" begins with postgres:// or postgresql://.');
  if (pool !== undefined && typeof pool?.connect !== 'function') throw invalid('option "pool" is a Pool of pg.');
  // An index and the table of notes have the name with something after it, in at most 63 bytes.
  for (const [name, value] of Object.entries({ schema, table }))
    if (typeof value !== 'string' || !/^[A-Za-z_][A-Za-z0-9_$-]{0,54}$/.test(value))
      throw invalid(`option "${name}" is a name of 1 to 55 letters, digits, "_", "-" and "$".`);
  for (const name of ['createTables', 'unlogged'] as const)
    if (typeof checked[name] !== 'boolean') throw invalid(`option "${name}" is true or false.`);
  for (const name of ['sweepEveryMs', 'graceMs'] as const)
    if (!(checked[name] >= 0 && checked[name] < 2 ** 31))
      throw invalid(`option "${name}" is a number of milliseconds.`);
  if (!(checked.timeoutMs >= 50 && checked.timeoutMs <= minuteMs))
    throw invalid('option "timeoutMs" is a number from 50 to 60000.');
  if (!(Number.isInteger(connections) && connections >= 1 && connections <= 1000))
    throw invalid('option "connections" is a whole number from 1 to 1000.');
  return checked;
}

export function invalid(what: string, cause?: unknown): SessError {
  return new SessError('CONFIG_INVALID', `postgresStore ${what}`, { cause });
}
