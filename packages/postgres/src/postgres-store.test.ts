import { createSessions } from '@sess/core';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type PostgresServer, startPostgres, until } from '@sess/postgres-server';
import { by, keysOf, newKey, record, sessionOf, stored, update } from '@sess/store-tests/internal';
import { visitor } from '../test/visitor.ts';
import { type PostgresQuery, type PostgresStoreOptions, postgresStore } from './index.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 60_000);
afterAll(() => server.dispose());

let count = 0;
const newTable = () => `t${(count += 1)}`;

/** A pool that keeps what it is asked. `ask`: how a statement is sent. */
function recordingPool(
  ask = (client: pg.PoolClient, query: PostgresQuery): Promise<pg.QueryResult> => client.query(query),
) {
  const pool = new pg.Pool({ connectionString: server.url, connectionTimeoutMillis: 5000 });
  const asked: string[] = [];
  return {
    asked,
    async connect() {
      const client = await pool.connect();
      return {
        query(query: PostgresQuery) {
          asked.push(query.name?.replace(/ \w{8}$/, '') ?? query.text);
          return ask(client, query);
        },
        release: (isBroken?: boolean) => client.release(isBroken),
        on: (event: 'error', listener: () => void) => client.on(event, listener),
        removeListener: (event: 'error', listener: () => void) => client.removeListener(event, listener),
      };
    },
    end: () => pool.end(),
  };
}

describe('statements', () => {
  it('are as many as are written down: none for strangers, one to look, two to change, three for a login, and one more where ends are listened for', async () => {
    const pool = recordingPool();
    const table = newTable();
    const store = postgresStore({ pool, table, sweepEveryMs: 0 });
    await store.migrate();
    const sessions = createSessions({ store, secret: 'x'.repeat(43), logger: false, env: {} });
    await sessions.ready();
    const ask = visitor(sessions);
    const during = async (handler: Parameters<typeof ask>[0]) => {
      pool.asked.splice(0);
      await ask(handler);
      // What nobody waits for is sent all the same.
      await new Promise((resolve) => setTimeout(resolve, 100));
      return [...pool.asked];
    };
    expect(await during(() => 'hello')).toEqual([]);
    expect(await during((session) => void Object.assign(session, { theme: 'dark' }))).toEqual(['sess create']);
    expect(await during((session) => Object.keys(session))).toEqual(['sess read']);
    expect(await during((session) => void Object.assign(session, { theme: 'light' }))).toEqual([
      'sess read',
      'sess replace',
    ]);
    expect(await during(async (session) => void (await session.regenerate({ owner: 'u1' })))).toEqual([
      'sess read',
      'sess create',
      'sess end',
    ]);
    expect(await during(async (session) => session.destroy())).toEqual(['sess read', 'sess read', 'sess end']);
    // Another process listens for ends, and holds what shows it.
    const other = postgresStore({ url: server.url, table, sweepEveryMs: 0 });
    const stop = other.tellEnds(() => {});
    await until(async () => {
      const held = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'`;
      return (await server.admin.query(held)).rowCount === 1;
    });
    await during((session) => void Object.assign(session, { theme: 'dark' }));
    expect(await during(async (session) => void (await session.regenerate({ owner: 'u1' })))).toEqual([
      'sess read',
      'sess create',
      'sess end',
      'sess tell ends',
    ]);
    stop();
    await other.close();
    await sessions.close();
    await store.close();
    await pool.end();
  });
});

describe('a pool', () => {
  it('may serve two stores with tables of their own', async () => {
    const pool = new pg.Pool({ connectionString: server.url, max: 1 });
    const key = newKey();
    const stores = [1, 2].map(() => postgresStore({ pool, table: newTable(), sweepEveryMs: 0 }));
    for (const [at, store] of stores.entries()) await store.create(key, record({ a: String(at) }), by(10_000));
    for (const [at, store] of stores.entries())
      expect(await stored(store, key)).toMatchObject({ fields: { a: String(at) } });
    for (const store of stores) await store.close();
    await pool.end();
  });
});

describe('a pool of the app', () => {
  it.each(['SELECT 1', 'SELECT 1 / 0'])(
    'that lends a connection with a transaction left open (%s): it is given up, and what was answered is stored',
    async (statement) => {
      const table = newTable();
      const pool = new pg.Pool({ connectionString: server.url, max: 1 });
      const [store, other] = [postgresStore({ pool, table }), postgresStore({ url: server.url, table })];
      await store.migrate();
      const client = await pool.connect();
      await client.query('BEGIN');
      await client.query(statement).catch(() => {});
      client.release();
      const key = newKey();
      await store.create(key, record({ a: '1' }), by(10_000));
      expect(await stored(other, key)).toMatchObject({ fields: { a: '1' } });
      for (const one of [store, other]) await one.close();
      await pool.end();
    },
  );

  it('whose app does not wait for its COMMIT keeps the connection, and what was committed', async () => {
    const table = newTable();
    const pool = new pg.Pool({ connectionString: server.url, max: 1 });
    const store = postgresStore({ pool, table, sweepEveryMs: 0 });
    await store.migrate();
    await pool.query('CREATE TABLE orders (id int)');
    for (let id = 0; id < 5; id += 1) {
      const client = await pool.connect();
      await client.query('BEGIN');
      void client.query('INSERT INTO orders VALUES ($1)', [id]);
      void client.query('COMMIT');
      client.release();
      expect(await store.read(newKey(), by(10_000))).toBeUndefined();
    }
    const { rows } = await pool.query<{ count: string }>('SELECT count(*) FROM orders');
    expect(rows).toEqual([{ count: '5' }]);
    await store.close();
    await pool.end();
  });

  it('whose connection has a failed transaction, which this pg does not tell, costs one call, and not all', async () => {
    const pool = recordingPool();
    const store = postgresStore({ pool, table: newTable(), sweepEveryMs: 0 });
    await store.migrate();
    const client = await pool.connect();
    await client.query({ text: 'BEGIN' });
    await client.query({ text: 'SELECT 1 / 0' }).catch(() => {});
    client.release();
    await expect(store.read(newKey(), by(10_000))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await store.read(newKey(), by(10_000))).toBeUndefined();
    await store.close();
    await pool.end();
  });

  it('that has no connection left costs a call its time, and does not keep close() waiting', async () => {
    const pool = new pg.Pool({ connectionString: server.url, max: 1 });
    const store = postgresStore({ pool, table: newTable(), timeoutMs: 100 });
    const client = await pool.connect();
    const late = { code: 'STORE_TIMEOUT', message: expect.stringMatching(/nothing was/) };
    const calls = [store.read(newKey(), by(100)), store.noteApp('it', 1000)].map((call) =>
      expect(call).rejects.toMatchObject(late),
    );
    await store.close();
    await Promise.all(calls);
    client.release();
    // What came too late went back.
    await pool.end();
  });
});

describe('an app that lets pg read bigint as a number', () => {
  it.each([Number, BigInt])('(%o) has exact versions all the same', async (parse) => {
    const before = pg.types.getTypeParser(pg.types.builtins.INT8);
    pg.types.setTypeParser(pg.types.builtins.INT8, parse);
    try {
      const store = postgresStore({ url: server.url, table: newTable(), sweepEveryMs: 0 });
      const key = newKey();
      const created = await store.create(key, record({ a: '1' }), by(10_000));
      expect(sessionOf(await store.read(key, by(10_000))).version).toBe(created?.version);
      expect(await update(store, key, { a: '2' })).toBe('replaced');
      const conflict = await store.replace(key, created?.version, record({ a: '3' }), by(10_000));
      if (conflict.verdict !== 'conflict') throw new Error(conflict.verdict);
      const { version, record: held } = conflict.stored;
      expect(await store.replace(key, version, held, by(10_000))).toMatchObject({ verdict: 'replaced' });
      await store.close();
    } finally {
      pg.types.setTypeParser(pg.types.builtins.INT8, before);
    }
  });
});

describe('a call whose time is over', () => {
  it('sends nothing, and costs no connection', async () => {
    const pool = new pg.Pool({ connectionString: server.url, max: 1 });
    const store = postgresStore({ pool, table: newTable(), sweepEveryMs: 0 });
    const key = newKey();
    await store.create(key, record({ a: '1' }), by(10_000));
    const connection = async () => (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
    const before = await connection();
    const late = store.destroy(key, {}, performance.now() - 1);
    await expect(late).rejects.toMatchObject({ code: 'STORE_TIMEOUT', message: expect.stringMatching(/nothing was/) });
    expect(await connection()).toBe(before);
    expect(await stored(store, key)).toMatchObject({ fields: { a: '1' } });
    await store.close();
    await pool.end();
  });
});

describe('an end marker for no time', () => {
  it('is none, also for a transaction that began before it was written', async () => {
    const table = newTable();
    const ahead = postgresStore({ url: server.url, table, sweepEveryMs: 0 });
    const key = newKey();
    await ahead.create(key, record({ a: '1' }), by(10_000));
    const pool = recordingPool(async (client, query) => {
      if (!query.name?.startsWith('sess end')) return client.query(query);
      await client.query('BEGIN; SELECT now()');
      expect(await ahead.destroy(key, {}, by(10_000))).toMatchObject({ fields: { a: '1' } });
      const answer = await client.query(query);
      await client.query('COMMIT');
      return answer;
    });
    const store = postgresStore({ pool, table, sweepEveryMs: 0 });
    expect(await store.destroy(key, { endMarkerMs: 60_000 }, by(10_000))).toBeUndefined();
    expect(await ahead.read(key, by(10_000))).toEqual({ ended: true });
    for (const one of [ahead, store]) await one.close();
    await pool.end();
  });
});

describe('a conflict', () => {
  it('takes a second statement, which tells what stands now, also to who has waited for the other writer', async () => {
    const pool = recordingPool();
    const table = newTable();
    const store = postgresStore({ pool, table, sweepEveryMs: 0 });
    const key = newKey();
    await store.create(key, record({ a: '1' }), by(10_000));
    const { record: held, version } = sessionOf(await store.read(key, by(10_000)));
    const rival = await server.admin.connect();
    await rival.query(`BEGIN; UPDATE ${table} SET version = 42`);
    pool.asked.splice(0);
    const replacing = store.replace(key, version, { ...held, writeIds: ['mine'] }, by(30_000));
    await until(async () => {
      const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%${table}%'`;
      return (await server.admin.query(waiting)).rowCount === 1;
    });
    await rival.query('COMMIT');
    rival.release();
    expect(await replacing).toMatchObject({ verdict: 'conflict', stored: { version: '42' } });
    // And where the other one was there before.
    expect(await store.replace(key, version, held, by(10_000))).toMatchObject({ stored: { version: '42' } });
    expect(await store.replace(newKey(), version, held, by(10_000))).toEqual({ verdict: 'gone' });
    expect(pool.asked).toEqual(Array.from({ length: 3 }, () => ['sess replace', 'sess read']).flat());
    await store.close();
    await pool.end();
  }, 60_000);

  it('tells what is stored without waiting for who is about to write', async () => {
    const table = newTable();
    const store = postgresStore({ url: server.url, table, sweepEveryMs: 0 });
    const key = newKey();
    await store.create(key, record({ a: '1' }), by(10_000));
    const { record: held, version } = sessionOf(await store.read(key, by(10_000)));
    const rival = await server.admin.connect();
    await rival.query(`UPDATE ${table} SET version = 42`);
    await rival.query(`BEGIN; UPDATE ${table} SET version = 43`);
    expect(await store.replace(key, version, held, by())).toMatchObject({ stored: { version: '42' } });
    await rival.query('ROLLBACK');
    rival.release();
    await store.close();
  });
});

describe('the tables', () => {
  it('are shown by a dry run, made in a schema that was not there, and made once by many at the same time', async () => {
    const options = { url: server.url, schema: 'my-app', table: 'Sessions' };
    const store = postgresStore(options);
    const shown = await store.migrate({ isDryRun: true });
    expect(shown[0]).toBe('CREATE SCHEMA IF NOT EXISTS "my-app"');
    expect(shown.join()).toContain('CREATE TABLE IF NOT EXISTS "my-app"."Sessions"');
    expect((await server.admin.query(`SELECT to_regnamespace('"my-app"') AS it`)).rows).toEqual([{ it: null }]);
    // A first call makes them too: nobody has to have run anything.
    const workers = Array.from({ length: 6 }, () => postgresStore(options));
    const created = await Promise.all(workers.map((worker) => worker.create(newKey(), record(), by(10_000))));
    expect(created.every(Boolean)).toBe(true);
    expect(await store.migrate()).toEqual([]);
    expect(await store.check()).not.toContainEqual(expect.objectContaining({ severity: 'error' }));
    for (const worker of [store, ...workers]) await worker.close();
  });

  it('that go while they are made cost their calls, and no later ones', async () => {
    const store = postgresStore({ url: server.url, table: newTable() });
    await server.admin.query(`CREATE FUNCTION gone() RETURNS event_trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'gone' USING ERRCODE = 'undefined_table'; END $$;
      CREATE EVENT TRIGGER gone ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION gone()`);
    await expect(store.read(newKey(), by())).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await server.admin.query('DROP EVENT TRIGGER gone');
    expect(await store.read(newKey(), by())).toBeUndefined();
    await store.close();
  });

  it('are not made where that is not wanted', async () => {
    const table = newTable();
    const store = postgresStore({ url: server.url, table, createTables: false });
    await expect(store.read(newKey(), by())).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(/migrate/),
    });
    expect(await store.check()).toContainEqual(expect.objectContaining({ code: 'POSTGRES_TABLE' }));
    expect((await server.admin.query(`SELECT to_regclass('${table}') AS it`)).rows).toEqual([{ it: null }]);
    await store.close();
  });

  it('of a later version, or of somebody else, are found', async () => {
    const [later, foreign] = [newTable(), newTable()];
    const store = postgresStore({ url: server.url, table: later });
    await store.migrate();
    await server.admin.query(`COMMENT ON TABLE ${later} IS '@sess/postgres layout 2'; DROP INDEX ${later}_owner`);
    const codes = (await store.check()).map(({ code }) => code);
    expect(codes).toEqual(expect.arrayContaining(['POSTGRES_LAYOUT', 'POSTGRES_INDEX']));
    await store.close();
    await server.admin.query(
      `CREATE TABLE ${foreign} (sid text PRIMARY KEY, sess json); CREATE TABLE ${foreign}_notes ()`,
    );
    const other = postgresStore({ url: server.url, table: foreign });
    await expect(other.read(newKey(), by())).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(/not of this/),
    });
    await other.close();
  });

  it('are checked for the clock of their server, both ways', async () => {
    const store = postgresStore({ url: server.url, table: newTable() });
    const codes = async () => (await store.check()).map(({ code }) => code);
    const now = Date.now();
    try {
      expect(await codes()).not.toContain('POSTGRES_CLOCK');
      for (const offsetMs of [-60_000, 60_000]) {
        vi.useFakeTimers({ toFake: ['Date'], now: now + offsetMs });
        expect(await codes()).toContain('POSTGRES_CLOCK');
      }
    } finally {
      vi.useRealTimers();
      await store.close();
    }
  });

  it('are changed in place: writes leave no trace in an index, and reuse the room of the row before', async () => {
    const table = newTable();
    const store = postgresStore({ url: server.url, table });
    const keys = Array.from({ length: 20 }, newKey);
    for (const key of keys) await store.create(key, record({ a: '1' }, { owner: 'u1' }), by(10_000));
    for (let n = 0; n < 20; n++) for (const key of keys) await update(store, key, { a: String(n) }, {}, by(10_000));
    const seen = async () =>
      (
        await server.admin.query(`SELECT n_tup_upd::int AS all, n_tup_hot_upd::int AS hot FROM pg_stat_all_tables
        WHERE relid = '${table}'::regclass`)
      ).rows[0];
    // A connection that ends tells its counts at once.
    await store.close();
    await until(async () => (await seen()).all === 400);
    expect((await seen()).hot).toBe(400);
    const size = `SELECT pg_table_size('${table}')::int AS bytes`;
    expect((await server.admin.query(size)).rows[0].bytes).toBeLessThan(100_000);
  });
});

describe('what has expired', () => {
  it('is removed after the grace, by one process of all, and by sweep(); what is live stays', async () => {
    const table = newTable();
    const options: PostgresStoreOptions = { url: server.url, table, sweepEveryMs: 0 };
    const store = postgresStore(options);
    const [live, old] = [newKey(), newKey()];
    await store.create(live, record({ a: '1' }), by());
    const created = await store.create(old, record({}, { owner: 'u1' }), by());
    await store.destroy(newKey(), { endMarkerMs: 1 }, by());
    await server.admin.query(`INSERT INTO ${table} (key, version, expires_at, body)
      SELECT sha256(n::text::bytea), n, now() + interval '1 min', repeat('x', 500) FROM generate_series(1, 20000) n`);
    const pass = (time: string, where: string) =>
      server.admin.query(`UPDATE ${table} SET expires_at = expires_at - interval '${time}' WHERE ${where}`);
    await pass('20 min', `key <> '\\x${live}'`);
    expect(await store.read(old, by())).toBeUndefined();
    expect(await store.replace(old, created?.version, record({ a: '2' }), by())).toEqual({ verdict: 'gone' });
    expect(await store.read(old, by())).toBeUndefined();
    expect(await keysOf(store, 'u1')).toEqual([]);
    expect(await store.sweep()).toEqual({ removed: 0, kept: 1 });
    await pass('60 min', `key <> '\\x${live}'`);
    // Five regular sweepers, and somebody else who has the turn: they ask, and wait.
    await server.admin.query(`INSERT INTO ${table}_notes VALUES ('sweep', now() + interval '1 hour')`);
    const pools = Array.from({ length: 5 }, recordingPool);
    const sweepers = pools.map((pool) => postgresStore({ pool, table, sweepEveryMs: 100 }));
    const rows = async () => (await server.admin.query(`SELECT count(*)::int AS n FROM ${table}`)).rows[0].n;
    const before = await rows();
    await until(() => pools.every(({ asked }) => asked.filter((text) => text.includes("'sweep'")).length > 2));
    expect(await rows()).toBe(before);
    await server.admin.query(`UPDATE ${table}_notes SET ends_at = now()`);
    await until(async () => (await rows()) === 1);
    for (const sweeper of sweepers) await sweeper.close();
    for (const pool of pools) await pool.end();
    expect(await store.sweep()).toEqual({ removed: 0, kept: 1 });
    expect(await stored(store, live)).toMatchObject({ fields: { a: '1' } });
    await store.close();
  }, 60_000);
});

describe('a sweep', () => {
  it('of many rows is many short statements', async () => {
    const table = newTable();
    const removed: number[] = [];
    const pool = recordingPool(async (client, query) => {
      const result = await client.query(query);
      if (query.text.includes('AS removed')) removed.push(result.rows[0].removed);
      return result;
    });
    const store = postgresStore({ pool, table, sweepEveryMs: 0 });
    await store.create(newKey(), record(), by(10_000));
    await server.admin.query(`INSERT INTO ${table} (version, expires_at, key, body)
      SELECT n, now() - interval '2 hours', sha256(n::text::bytea), repeat('x', 50) FROM generate_series(1, 3000) n`);
    expect(await store.sweep()).toEqual({ removed: 3000, kept: 1 });
    expect(Math.max(...removed)).toBe(500);
    await store.close();
    await pool.end();
  });
});

describe('owners', () => {
  it('with more sessions than a page has are shown whole, page by page', async () => {
    const table = newTable();
    const store = postgresStore({ url: server.url, table });
    const key = newKey();
    await store.create(key, record({}, { owner: 'many' }), by());
    await server.admin.query(`INSERT INTO ${table} SELECT n, expires_at, sha256(n::text::bytea), owner, body
      FROM ${table}, generate_series(1, 2500) n WHERE key = '\\x${key}'`);
    const sizes: number[] = [];
    for await (const { keys } of store.keysByOwner('many')) sizes.push(keys.length);
    expect(sizes).toEqual([1000, 1000, 501]);
    expect(new Set(await keysOf(store, 'many')).size).toBe(2501);
    expect(await keysOf(store, 'man')).toEqual([]);
    const walked: string[] = [];
    for await (const one of store.walk()) walked.push(one);
    expect(new Set(walked).size).toBe(2501);
    expect(walked.length).toBe(2501);
    await store.close();
  });
});

describe('ends of sessions', () => {
  it('are told on one connection, which is made anew when it was lost, and goes with the last listener', async () => {
    const store = postgresStore({ url: server.url, table: newTable(), sweepEveryMs: 0 });
    const listening = async () =>
      (await server.admin.query(`SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%'`)).rows.map(
        ({ pid }) => pid,
      );
    const told = new Set<string>();
    const stops = [store.tellEnds((key) => told.add(key)), store.tellEnds(() => {})];
    const isTold = async () => {
      const before = told.size;
      const key = newKey();
      await store.create(key, record({ a: '1' }), by(10_000));
      await store.destroy(key, {}, by(10_000));
      await new Promise((resolve) => setTimeout(resolve, 50));
      return told.size > before;
    };
    await until(isTold);
    const [lost] = await listening();
    await server.admin.query('SELECT pg_terminate_backend($1)', [lost]);
    await until(async () => {
      const [pid] = await listening();
      return pid !== undefined && pid !== lost;
    });
    await until(isTold);
    expect(await listening()).toHaveLength(1);
    for (const stop of stops) stop();
    await until(async () => (await listening()).length === 0);
    await store.close();
  });

  it('are not told over a pool of the app, which misses no connection for it', async () => {
    const pool = new pg.Pool({ connectionString: server.url, max: 1 });
    const store = postgresStore({ pool, table: newTable(), sweepEveryMs: 0 });
    const told: string[] = [];
    const stop = store.tellEnds((key) => told.push(key));
    const key = newKey();
    await store.create(key, record({ a: '1' }), by(10_000));
    await store.destroy(key, {}, by(10_000));
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 1]);
    stop();
    await store.close();
    await pool.end();
    expect(told).toEqual([]);
  });

  it('are not told where the server cannot be reached, and nothing is thrown', async () => {
    const store = postgresStore({ url: `postgres://postgres@127.0.0.1:1/postgres`, sweepEveryMs: 0 });
    const stop = store.tellEnds(() => {});
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(stop).not.toThrow();
    await store.close();
  });
});

describe('texts', () => {
  it('that PostgreSQL cannot hold are kept exactly all the same', async () => {
    const store = postgresStore({ url: server.url, table: newTable() });
    const fields = Object.fromEntries([
      ['nul', '"\0"'],
      ['\0name', '1'],
      ['lone', '\ud800'],
      ['__proto__', '{}'],
      ['wide', `"${'😀ä'.repeat(2000)}"`],
      ['empty', ''],
    ]);
    const key = newKey();
    await store.create(key, record(fields, { owner: 'Ω\0\ud800' }), by());
    expect(await stored(store, key)).toMatchObject({ fields, owner: 'Ω\0\ud800' });
    expect(await keysOf(store, 'Ω\0\ud800')).toEqual([key]);
    expect(await keysOf(store, 'Ω\0\ud801')).toEqual([]);
    expect(sessionOf(await store.read(key, by())).record.writeIds).toEqual([]);
    await store.close();
  });
});

describe('options', () => {
  it.each<[unknown, RegExp]>([
    [undefined, /takes an object of options/],
    [{}, /either option "url" or option "pool"/],
    [{ url: 'mysql://x' }, /begins with postgres/],
    [{ url: 'postgres://host:port/db' }, /cannot be read/],
    [{ url: 'postgres://host', tabel: 'x' }, /Did you mean table/],
    [{ url: 'postgres://host', table: 'x; DROP TABLE y' }, /option "table"/],
    [{ url: 'postgres://host', schema: '' }, /option "schema"/],
    [{ url: 'postgres://host', connections: 0 }, /option "connections"/],
    [{ url: 'postgres://host', timeoutMs: 1 }, /option "timeoutMs"/],
    [{ url: 'postgres://host', graceMs: -1 }, /option "graceMs"/],
    [{ url: 'postgres://host', unlogged: 'yes' }, /option "unlogged"/],
    [{ pool: {} }, /option "pool"/],
  ])('%j: is refused by name, at once', (options, message) => {
    expect(() => postgresStore(options as PostgresStoreOptions)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) }),
    );
  });

  it('never show the password', () => {
    const url = 'postgres://web:pass%zzword@host:5432/db';
    const shown = (() => {
      try {
        return JSON.stringify(postgresStore({ url }).describe());
      } catch (error) {
        return error instanceof Error ? `${error.stack} ${String(error.cause)}` : '';
      }
    })();
    expect(shown).not.toContain('pass%');
  });

  it('of an unlogged table make one, and the check says what that means', async () => {
    const store = postgresStore({ url: server.url, table: newTable(), unlogged: true });
    await store.migrate();
    expect(await store.check()).toContainEqual(expect.objectContaining({ code: 'POSTGRES_UNLOGGED' }));
    await store.close();
  });
});
