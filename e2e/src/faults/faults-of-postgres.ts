import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../redis-server.ts';
import { type Fault, goesOn, refuses } from './fault.ts';
import { type PostgresStorage, durablePostgresStorage, postgresStorage } from './storage.ts';
import { refusesWrites } from './faults-of-refusals.ts';

const storage = (): Promise<PostgresStorage> => postgresStorage();

/** Rows that are no sessions of this version lie under the keys of sessions, and are left alone. */
function foreignRows(id: string, name: string, body: (ours: string) => string): Fault<PostgresStorage> {
  return {
    id,
    name,
    how: 'UPDATE',
    storage,
    expects: (during) => refuses(during) ?? goesOn(during),
    async begin({ storage: { postgres }, load }) {
      const keys = (await load.bystanders(3)).map(({ handle }) => handle);
      const ours = new Map<string, string>();
      const bodyOf = async (key: string): Promise<string> => {
        const { rows } = await postgres.admin.query("SELECT body FROM sess_sessions WHERE key = decode($1, 'hex')", [
          key,
        ]);
        return String(rows[0]?.body);
      };
      const becomes = (key: string, text: string): Promise<unknown> =>
        postgres.admin.query("UPDATE sess_sessions SET body = $2 WHERE key = decode($1, 'hex')", [key, text]);
      for (const key of keys) {
        ours.set(key, await bodyOf(key));
        await becomes(key, body(ours.get(key) ?? ''));
      }
      return async () => {
        for (const [key, text] of ours) {
          if ((await bodyOf(key)) !== body(text)) throw new Error('A foreign row was changed.');
          await becomes(key, text);
        }
        return `${keys.length} rows, which were left alone`;
      };
    },
  };
}

/** What may happen to a PostgreSQL server. */
export const faultsOfPostgres: readonly Fault<PostgresStorage>[] = [
  {
    id: 'F3',
    name: 'PostgreSQL is killed, and started again with what it kept',
    isForPeers: true,
    how: 'fsync = on; SIGKILL to all its processes; its own recovery',
    storage: durablePostgresStorage,
    expects: refuses,
    async begin({ storage: { postgres } }) {
      await postgres.kill();
      return async () => {
        await postgres.start();
        const { rows } = await postgres.admin.query(
          "SELECT pg_postmaster_start_time()::text AS since, current_setting('fsync') AS fsync",
        );
        if (rows[0]?.fsync !== 'on') throw new Error('It did not wait for the disk.');
        return `started again at ${String(rows[0]?.since).slice(11, 19)}, fsync on`;
      };
    },
  },
  {
    id: 'F5',
    name: 'PostgreSQL is frozen, and thawed',
    isForPeers: true,
    how: 'SIGSTOP to all its processes, SIGCONT after 2.5 s',
    storage,
    lastsMs: 2_500,
    expects: refuses,
    async begin({ storage: { postgres } }) {
      postgres.signal('SIGSTOP');
      return async () => {
        postgres.signal('SIGCONT');
        await until(async () => (await postgres.admin.query('SELECT 1')).rowCount === 1);
        return 'it answered nobody meanwhile';
      };
    },
  },
  {
    id: 'F6',
    name: 'PostgreSQL ends its connections',
    how: 'pg_terminate_backend of all, ten times a second',
    storage,
    expects: goesOn,
    async begin({ storage: { postgres } }) {
      let ended = 0;
      let isOver = false;
      const endAll = async (): Promise<void> => {
        const { rowCount } = await postgres.admin.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
        );
        ended += rowCount ?? 0;
      };
      // One after the other: on a slow machine two of them would end each other.
      const ending = (async () => {
        while (!isOver) {
          await endAll().catch(() => {});
          await pause(100);
        }
      })();
      return async () => {
        isOver = true;
        await ending;
        if (ended === 0) throw new Error('No connection was ended.');
        return `${ended} connections were ended`;
      };
    },
  },
  {
    id: 'F10',
    name: 'PostgreSQL takes no writes',
    how: 'default_transaction_read_only',
    storage,
    expects: refusesWrites,
    async begin({ storage: { postgres } }) {
      const set = async (to: 'on' | 'off'): Promise<void> => {
        await postgres.admin.query('SET default_transaction_read_only = off');
        await postgres.admin.query(`ALTER SYSTEM SET default_transaction_read_only = ${to}`);
        await postgres.admin.query('SELECT pg_reload_conf()');
      };
      await set('on');
      return async () => {
        await set('off');
        return 'reads went on';
      };
    },
  },
  foreignRows('F19', 'foreign rows lie under the keys of sessions', () => 'foreign'),
  foreignRows('F34', 'records of a newer version lie beside ours', (ours) => `2${ours.slice(1)}`),
];
