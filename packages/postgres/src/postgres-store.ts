import type {
  ChecksItself,
  Closes,
  DescribesItself,
  IndexesOwners,
  Migrates,
  NotesApps,
  SessionStore,
  Sweeps,
  TellsEnds,
  WalksKeys,
} from '@sess/core';
import { checkServer } from './server-check.ts';
import { connectorOf } from './connector.ts';
import { Database } from './database.ts';
import { sessionEnds } from './session-ends.ts';
import { sessionPages } from './session-pages.ts';
import { sessionVerbs } from './session-verbs.ts';
import { statementsOn } from './statements.ts';
import { type PostgresStoreOptions, checkOptions } from './store-options.ts';
import { sweeping } from './sweeping.ts';
import { migrating, tablesOf } from './tables.ts';

/** A store on PostgreSQL: the four verbs, and all abilities but `probe`. */
export type PostgresStore = SessionStore &
  DescribesItself &
  IndexesOwners &
  WalksKeys &
  Sweeps &
  NotesApps &
  ChecksItself &
  Migrates &
  TellsEnds &
  Closes;

/**
 * Sessions in PostgreSQL, seen by every process that uses the same database and table.
 *
 * Nothing is connected before the first call.
 *
 * @throws `CONFIG_INVALID`
 */
export function postgresStore(options: PostgresStoreOptions): PostgresStore {
  const checked = checkOptions(options);
  const tables = tablesOf(checked);
  const sql = statementsOn(tables);
  const { connect, newClient, where } = connectorOf(checked);
  const { timeoutMs, createTables } = checked;
  const migrate = migrating(checked, tables);
  const database = new Database({
    connect,
    where,
    timeoutMs,
    makeTables: createTables ? (runs, by) => migrate(runs, false, by) : undefined,
  });
  const { sweep, end } = sweeping(database, sql, checked);
  const ends = sessionEnds(newClient, tables.channel);

  return {
    ...sessionVerbs(database, sql),

    ...sessionPages(database, sql),

    sweep,

    tellEnds: ends.tellEnds,

    async noteApp(name, keepMs) {
      await database.run(sql.noteApp, [name, keepMs], database.soon());
    },

    async notedApps() {
      return (await database.run(sql.notedApps, [], database.soon())).rows.map(({ app }) => String(app));
    },

    describe: () => ({ name: 'postgres', location: `${where}, table ${tables.sessions}`, sharedBy: 'hosts' }),

    check: () => checkServer(database, tables),

    // An index over a table that is large already takes its time.
    migrate: ({ isDryRun = false } = {}) => migrate(database, isDryRun, performance.now() + 60_000),

    async close() {
      end();
      await ends.close();
      await database.close();
    },
  };
}
