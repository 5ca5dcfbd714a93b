import type { SessionKey } from '@sess/core';
import { type TestRunner, testStore } from '@sess/store-tests';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type PostgresServer, startPostgres } from '@sess/postgres-server';
import { by, record } from '@sess/store-tests/internal';
import { postgresStore } from './index.ts';

/** Without `skip`: deadlines are judged by the server's clock, so tests that move one do not apply. */
const runner: TestRunner = { describe, it: it.bind(null) };

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres({ settings: ['max_connections=100'] });
}, 60_000);
afterAll(() => server.dispose());

testStore({
  name: 'postgres',
  runner,
  abilities: ['describe', 'keysByOwner', 'walk', 'sweep', 'noteApp', 'check', 'migrate', 'tellEnds', 'close'],
  plants: true,
  ownClock: true,
  // A round takes ten times as long as on Redis.
  rounds: 40,
  open({ id, instances }) {
    const { url, admin } = server;
    const table = `t${id.replaceAll('-', '').slice(-50)}`;
    const stores = Array.from({ length: instances }, () =>
      postgresStore({ url, table, connections: 2, sweepEveryMs: 0, graceMs: 0, timeoutMs: 5_000 }),
    );
    const change = (key: SessionKey, set: string) => admin.query(`UPDATE ${table} SET ${set} WHERE key = '\\x${key}'`);
    const damaging = (set: string) => async (key: SessionKey) => {
      await stores[0]?.create(key, record({ a: '1' }), by());
      await change(key, set);
    };
    return {
      stores,
      plant: {
        corrupt: damaging('body = left(body, -1)'),
        foreign: damaging(`body = '{"cookie":{"path":"/"}}'`),
        tooNew: damaging(`body = '2' || substr(body, 2)`),
        raw: async (key) => (await admin.query(`SELECT * FROM ${table} WHERE key = '\\x${key}'`)).rows[0],
      },
      dispose: async () => void (await admin.query(`DROP TABLE ${table}, ${table}_notes`).catch(() => {})),
    };
  },
});
