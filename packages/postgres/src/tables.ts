import { hash } from 'node:crypto';
import type { Runs } from './database.ts';
import { literal, quoted } from './sql-text.ts';
import type { Tables } from './statements.ts';
import type { CheckedOptions } from './store-options.ts';

/** The layout of the tables that this version makes, as the comment on the table says it. */
export const layout = '@sess/postgres layout 1';

export function tablesOf({ schema, table }: CheckedOptions): Tables {
  const qualified = (name: string) => `${quoted(schema)}.${quoted(name)}`;
  const sessions = qualified(table);
  // Channels belong to the whole database, and their names have at most 63 bytes.
  const channel = `sess ended ${hash('sha256', sessions).slice(0, 8)}`;
  return { sessions, notes: qualified(`${table}_notes`), index: qualified(`${table}_owner`), channel };
}

/** The statements that make the tables. Each may be repeated. */
function statementsFor({ table, unlogged }: CheckedOptions, { sessions, notes }: Tables): string[] {
  return [
    `CREATE TABLE IF NOT EXISTS ${notes} (name text PRIMARY KEY, ends_at timestamptz NOT NULL)`,
    // Every write leaves an old row behind. With room on its page, and no index over what changes, the next one takes its
    // place there (HOT); what is removed is to be reused before the table has grown by a fifth.
    `CREATE ${unlogged ? 'UNLOGGED ' : ''}TABLE IF NOT EXISTS ${sessions} (
  version bigint,
  expires_at timestamptz NOT NULL,
  key bytea PRIMARY KEY,
  owner bytea,
  body text NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)`,
    `CREATE INDEX IF NOT EXISTS ${quoted(`${table}_owner`)} ON ${sessions} (owner, key) WHERE owner IS NOT NULL`,
    // Several times as fast as the default; not every server is built with it.
    `DO $$ BEGIN ALTER TABLE ${sessions} ALTER COLUMN body SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported OR invalid_parameter_value THEN NULL; END $$`,
    `COMMENT ON TABLE ${sessions} IS ${literal(layout)}`,
  ];
}

/** Makes the tables where they are missing. */
export function migrating(options: CheckedOptions, tables: Tables) {
  const { schema } = options;
  const look = {
    text: `SELECT to_regnamespace(${literal(quoted(schema))}) IS NULL AS lacks_schema,
      ${[tables.sessions, tables.notes, tables.index].map((name) => `to_regclass(${literal(name)}) IS NULL`).join(' OR ')} AS lacks_any`,
  };
  return async (runs: Runs, isDryRun: boolean, by: number): Promise<readonly string[]> => {
    const [found] = (await runs.run(look, [], by)).rows;
    if (found?.['lacks_any'] !== true) return [];
    const statements = statementsFor(options, tables);
    if (found['lacks_schema'] === true) statements.unshift(`CREATE SCHEMA IF NOT EXISTS ${quoted(schema)}`);
    // Several statements at once are one transaction. Two processes that make a table at the same time would fail.
    const lock = `SELECT pg_advisory_xact_lock(hashtext(${literal(tables.sessions)}))`;
    const text = ['SET LOCAL statement_timeout = 0', lock, ...statements].join(';\n');
    if (!isDryRun) await runs.run({ text }, undefined, by);
    return statements;
  };
}
