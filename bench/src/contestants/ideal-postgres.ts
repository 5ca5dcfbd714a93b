import pg from 'pg';
import type { Contestant } from '../contestant.ts';
import { running } from './ideal.ts';

/** One HMAC, one prepared `SELECT` by the key and one prepared `UPDATE` by the key, with the settings of the table that a table of short updates wants. */
export const idealPostgres: Contestant = {
  name: 'ideal (PostgreSQL)',
  floor: 'bare',
  async start({ postgresUrl }) {
    const pool = new pg.Pool({ connectionString: postgresUrl });
    await pool.query(`CREATE TABLE IF NOT EXISTS raw_sessions
      (key text PRIMARY KEY, expires_at timestamptz NOT NULL, body text NOT NULL) WITH (fillfactor = 80)`);
    const ask = (name: string, text: string, values: string[]) => pool.query<{ body: string }>({ name, text, values });
    return running({
      async read(id) {
        const text = 'SELECT body FROM raw_sessions WHERE key = $1 AND expires_at > now()';
        return (await ask('read', text, [id])).rows[0]?.body ?? null;
      },
      write: (id, body) =>
        ask('write', `UPDATE raw_sessions SET body = $2, expires_at = now() + interval '1 day' WHERE key = $1`, [
          id,
          body,
        ]),
      create: (id, body) =>
        ask('create', `INSERT INTO raw_sessions VALUES ($1, now() + interval '1 day', $2)`, [id, body]),
      close: () => pool.end(),
    });
  },
};
