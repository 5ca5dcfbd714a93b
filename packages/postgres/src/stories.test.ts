import { testStories } from '@sess/store-tests';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type PostgresServer, startPostgres } from '@sess/postgres-server';
import { postgresStore } from './index.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 60_000);
afterAll(() => server.dispose());

testStories({
  name: 'postgres',
  runner: { describe, it },
  stories: 100,
  open({ id, instances }) {
    const { url, admin } = server;
    const table = `t${id.replaceAll('-', '').slice(-50)}`;
    return {
      stores: Array.from({ length: instances }, () =>
        postgresStore({ url, table, connections: 2, sweepEveryMs: 0, timeoutMs: 5_000 }),
      ),
      // Takes some of its time from each row, as if that time had passed.
      age: async (ms) =>
        void (await admin.query(`UPDATE ${table} SET expires_at = expires_at - ${ms} * interval '1 ms'`)),
      dispose: async () => void (await admin.query(`DROP TABLE IF EXISTS ${table}, ${table}_notes`)),
    };
  },
});
