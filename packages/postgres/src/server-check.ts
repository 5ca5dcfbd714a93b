import type { Finding } from '@sess/core';
import type { Database } from './database.ts';
import type { Tables } from './statements.ts';
import { literal } from './sql-text.ts';
import { layout } from './tables.ts';

/** A finding, and the question in SQL whose answer is yes where it is so. */
type Question = Finding & { readonly when: string };

function questionsOn({ sessions, notes, index }: Tables): readonly Question[] {
  const [id, notesId] = [`to_regclass(${literal(sessions)})`, `to_regclass(${literal(notes)})`];
  return [
    {
      code: 'POSTGRES_VERSION',
      severity: 'error',
      text: 'The server is older than PostgreSQL 14, and sweeps would read the whole table for each slice.',
      fix: 'Update the server.',
      when: "current_setting('server_version_num')::int < 140000",
    },
    {
      code: 'POSTGRES_STANDBY',
      severity: 'error',
      text: 'The server is a standby: it takes no writes, and what it lacks is not proved to be missing.',
      fix: 'Let the address lead to the primary.',
      when: 'pg_is_in_recovery()',
    },
    {
      code: 'POSTGRES_ENCODING',
      severity: 'error',
      text: 'The encoding of the database is not UTF8: sessions with other characters cannot be stored.',
      fix: "Make a database with ENCODING 'UTF8'.",
      when: "current_setting('server_encoding') <> 'UTF8'",
    },
    {
      code: 'POSTGRES_TABLE',
      severity: 'error',
      text: 'The tables for sessions are not there.',
      fix: 'Run: npx @sess/cli migrate',
      when: `${id} IS NULL OR ${notesId} IS NULL`,
    },
    {
      code: 'POSTGRES_LAYOUT',
      severity: 'error',
      text: 'The table is not one that this version of @sess/postgres has made.',
      fix: 'Update @sess/postgres, or choose another name by the option table.',
      when: `${id} IS NOT NULL AND obj_description(${id}, 'pg_class') IS DISTINCT FROM ${literal(layout)}`,
    },
    {
      code: 'POSTGRES_RIGHTS',
      severity: 'error',
      text: 'The user may not read and write the tables.',
      fix: 'GRANT SELECT, INSERT, UPDATE, DELETE on both tables to this user.',
      when: `(SELECT NOT bool_and(has_table_privilege(t, r)) FROM unnest(ARRAY[${id}::oid, ${notesId}::oid]) t, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) r)`,
    },
    {
      code: 'POSTGRES_POLICIES',
      severity: 'error',
      text: 'Row-level security applies to this user: sessions that it hides look as if they were not there.',
      fix: 'ALTER TABLE ... DISABLE ROW LEVEL SECURITY, or ALTER ROLE ... BYPASSRLS for the user of the sessions.',
      when: `row_security_active(${id}::oid)`,
    },
    {
      code: 'POSTGRES_INDEX',
      severity: 'error',
      text: 'The index over the owners is missing or not valid: each "log out everywhere" reads the whole table.',
      fix: 'Run: npx @sess/cli migrate. One that is not valid has to be dropped before.',
      when: `${id} IS NOT NULL AND NOT coalesce((SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(${literal(index)})), false)`,
    },
    {
      code: 'POSTGRES_UNSAFE',
      severity: 'warning',
      text: 'fsync or full_page_writes is off: a power cut can destroy the database.',
      fix: 'Set both to on.',
      when: "'off' IN (current_setting('fsync'), current_setting('full_page_writes'))",
    },
    {
      code: 'POSTGRES_UNLOGGED',
      severity: 'note',
      text: 'The table is UNLOGGED: a crash of the server logs everybody out, and standbys have no sessions.',
      fix: 'ALTER TABLE ... SET LOGGED, unless that is wanted.',
      when: `(SELECT relpersistence = 'u' FROM pg_class WHERE oid = ${id})`,
    },
    {
      code: 'POSTGRES_COMMIT',
      severity: 'warning',
      text: 'synchronous_commit is off: a crash loses the last writes, so who has just logged out may be logged in again.',
      fix: 'ALTER ROLE ... SET synchronous_commit = on, for the user of the sessions.',
      when: "current_setting('synchronous_commit') = 'off'",
    },
    {
      code: 'POSTGRES_REPLICAS',
      severity: 'note',
      text: 'There are standbys, and none is synchronous: a failover can lose the last writes, logouts too.',
      fix: 'Set synchronous_standby_names, if no logout may be lost.',
      when: "current_setting('synchronous_standby_names') = '' AND EXISTS (SELECT FROM pg_stat_replication)",
    },
    {
      code: 'POSTGRES_BLOAT',
      severity: 'warning',
      text: 'Most rows of the table are dead ones that vacuum has not removed: often a transaction is open for hours, or autovacuum is off.',
      fix: 'Look for old transactions in pg_stat_activity; then VACUUM the table.',
      when: `(SELECT n_dead_tup > 10000 AND n_dead_tup > 2 * n_live_tup FROM pg_stat_all_tables WHERE relid = ${id})`,
    },
    {
      code: 'POSTGRES_CLOCK',
      severity: 'warning',
      text: "The clock of the server is more than 5 s away from this host's. Idle timeouts are right all the same; the absolute timeout is judged by this host's clock.",
      fix: 'Let both hosts follow a time server (NTP).',
      when: 'abs(extract(epoch FROM clock_timestamp()) * 1000 - $1::float8) > 5000',
    },
  ];
}

/** What is wrong with the server and the tables, as far as one statement tells. */
export async function checkServer(database: Database, tables: Tables): Promise<Finding[]> {
  const questions = questionsOn(tables);
  const text = `SELECT ${questions.map(({ code, when }) => `(${when}) AS "${code}"`).join(', ')}`;
  const [answers = {}] = (await database.run({ text }, [Date.now()], database.soon())).rows;
  return questions
    .filter(({ code }) => answers[code] === true)
    .map(({ code, severity, text: said, fix }) => ({ code, severity, text: said, fix }));
}
