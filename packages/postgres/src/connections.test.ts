import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PostgresServer, startPostgres, until } from '@sess/postgres-server';
import { by, changed, newKey, outcomeOf, record, sessionOf, stored } from '@sess/store-tests/internal';
import { type FaultProxy, startProxy } from '../test/fault-proxy.ts';
import { type PostgresQuery, type PostgresStore, type PostgresStoreOptions, postgresStore } from './index.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 60_000);
afterAll(() => server.dispose());

let proxy: FaultProxy;
let store: PostgresStore;
let key: string;
beforeEach(async () => {
  proxy = await startProxy(server.port);
  store = postgresStore({ url: proxy.url, sweepEveryMs: 0 });
  key = newKey();
  await store.create(key, record({ a: '1' }), by(10_000));
});
afterEach(async () => {
  await store.close();
  await proxy.dispose();
});

const crowdOf = (size: number, call: () => Promise<unknown>) =>
  Promise.all(Array.from({ length: size }, () => outcomeOf(call)));

/** One that shares its connection, and one that does not. */
function callsOf(worker: PostgresStore): ((ms: number) => Promise<unknown>)[] {
  return [(ms) => worker.read(key, by(ms)), (ms) => worker.create(newKey(), record({}), by(ms))];
}

/** What failed of a crowd's calls. */
const failures = (outcomes: readonly { code?: string | undefined }[]) =>
  outcomes.filter(({ code }) => code !== undefined);

/** Lets the store read on a connection while a write holds another one. */
async function onTwoConnections(other: string): Promise<void> {
  const holder = await server.admin.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT FROM sess_sessions WHERE key = $1 FOR UPDATE', [Buffer.from(other, 'hex')]);
  const { version, record: held } = sessionOf(await store.read(other, by()));
  // Until the connection has gone back, others would share it.
  await pause(20);
  const writing = store.replace(other, version, changed(held, { a: '3' }), by(10_000));
  expect(await stored(store, key)).toMatchObject({ fields: { a: '1' } });
  await holder.query('ROLLBACK');
  holder.release();
  await writing;
  await pause(20);
}

/** All connections are lost while every one of these reads is under way. */
async function crowdLosingAll(size: number, delayMs: number) {
  proxy.delayMs = delayMs;
  let answered = 0;
  const crowd = crowdOf(size, async () => {
    await store.read(key, by(10_000));
    answered += 1;
  });
  await pause(delayMs / 4);
  expect(answered).toBe(0);
  proxy.reset();
  return crowd;
}

describe('reads at once', () => {
  it('share one connection, where writes have one each', async () => {
    expect(failures(await crowdOf(100, () => store.read(key, by(10_000))))).toEqual([]);
    expect(proxy.held).toBe(1);
    // The control.
    proxy.delayMs = 20;
    expect(failures(await crowdOf(100, () => store.create(newKey(), record({}), by(10_000))))).toEqual([]);
    expect(proxy.held).toBeGreaterThan(2);
  });

  it('are asked again where that connection is lost, and none is told', async () => {
    await store.read(key, by());
    expect(failures(await crowdLosingAll(50, 200))).toEqual([]);
  });

  it('have each their own time: a pause of the server fails those alone for whom it was too long', async () => {
    const other = newKey();
    await store.create(other, record({ a: '2' }), by());
    await onTwoConnections(other);
    const read = (ms: number) => outcomeOf(() => store.read(key, by(ms)));
    server.signal('SIGSTOP');
    try {
      const impatient = [read(700)];
      await pause(200);
      const patient = [read(5_000), read(5_000)];
      // On a second connection, where the first one was ended for all: a read that lost both would fail.
      impatient.push(read(800));
      for (const { code, tookMs } of await Promise.all(impatient)) {
        expect(code).toBe('STORE_TIMEOUT');
        expect(tookMs).toBeLessThan(2_500);
      }
      server.signal('SIGCONT');
      expect(failures(await Promise.all(patient))).toEqual([]);
    } finally {
      server.signal('SIGCONT');
    }
  });

  it('that are patient are not ended by those that are not, though these give up twice', async () => {
    const other = newKey();
    await store.create(other, record({ a: '2' }), by());
    await onTwoConnections(other);
    server.signal('SIGSTOP');
    try {
      const patient = crowdOf(20, () => store.read(key, by(3_000)));
      for (const ms of [100, 150, 100, 150]) {
        expect((await outcomeOf(() => store.read(key, by(ms)))).code).toBe('STORE_TIMEOUT');
        await pause(50);
      }
      server.signal('SIGCONT');
      expect(failures(await patient)).toEqual([]);
    } finally {
      server.signal('SIGCONT');
    }
  });

  it('give a connection up that answers nothing any more, as soon as nobody waits for it', async () => {
    await store.read(key, by());
    expect(proxy.held).toBe(1);
    proxy.swallow();
    expect(failures(await crowdOf(10, () => store.read(key, by(200))))).toHaveLength(10);
    await until(() => proxy.held === 0);
    expect(await stored(store, key)).toMatchObject({ fields: { a: '1' } });
  });

  it('wait for the first one, who has to prepare it, no longer than their own time', async () => {
    const holder = await server.admin.connect();
    const worker = postgresStore({ url: proxy.url, sweepEveryMs: 0, timeoutMs: 5_000 });
    try {
      await holder.query('BEGIN; LOCK TABLE sess_sessions');
      const alone = await outcomeOf(() => worker.read(key, by(200)));
      expect(alone.code).toBe('STORE_TIMEOUT');
      expect(alone.tookMs).toBeLessThan(2_500);
      const first = outcomeOf(() => worker.read(key, by(4_000)));
      const crowd = await crowdOf(200, () => worker.read(key, by(200)));
      for (const { code, tookMs } of crowd) {
        expect(code).toBe('STORE_TIMEOUT');
        expect(tookMs).toBeLessThan(2_500);
      }
      await holder.query('ROLLBACK');
      expect((await first).code).toBe(undefined);
    } finally {
      await holder.query('ROLLBACK');
      holder.release();
      await worker.close();
    }
  });

  it('are all told why the first one failed, and not one after the other', async () => {
    proxy.delayMs = 50;
    const worker = postgresStore({ url: proxy.url, table: 'missing', createTables: false, sweepEveryMs: 0 });
    // One after the other they would take 5 s.
    for (const { code, error, tookMs } of await crowdOf(100, () => worker.read(key, by(20_000)))) {
      expect(code).toBe('STORE_UNAVAILABLE');
      expect(error?.message).toContain('has no table');
      expect(tookMs).toBeLessThan(3_500);
    }
    await worker.close();
  });

  it('hardly fail, where all connections are lost again and again', async () => {
    let failed = 0;
    for (let round = 0; round < 5; round += 1) {
      // Several connections, idle and good for reads.
      proxy.delayMs = 5;
      expect(failures(await crowdOf(40, () => store.create(newKey(), record({}), by(10_000))))).toEqual([]);
      for (let more = 0; more < 5; more += 1)
        expect(failures(await crowdOf(100, () => store.read(key, by())))).toEqual([]);
      failed += failures(await crowdLosingAll(40, 50)).length;
      proxy.delayMs = 0;
    }
    expect(failed).toBeLessThan(20);
  });

  it('go on where a statement could not be prepared, and it is not taken for a pooler', async () => {
    const holder = await server.admin.connect();
    const worker = postgresStore({ url: proxy.url, sweepEveryMs: 0, timeoutMs: 300 });
    try {
      await holder.query('BEGIN; LOCK TABLE sess_sessions');
      for (const { code } of await crowdOf(5, () => worker.read(key, by(800)))) expect(code).toBe('STORE_TIMEOUT');
      await holder.query('ROLLBACK');
      expect(failures(await crowdOf(50, () => worker.read(key, by())))).toEqual([]);
      // A pooler would not be told how long a statement may take: it would wait for ever on the server.
      await holder.query('BEGIN; LOCK TABLE sess_sessions');
      await outcomeOf(() => worker.read(key, by(100)));
      await until(async () => {
        const waiting = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'`;
        return (await server.admin.query(waiting)).rows[0]?.n === 0;
      });
    } finally {
      await holder.query('ROLLBACK');
      holder.release();
      await worker.close();
    }
  });
});

describe('a connection that does not come', () => {
  it('is given up when its caller’s time is over, also the first one', async () => {
    proxy.swallowsNew = true;
    const worker = postgresStore({ url: proxy.url, sweepEveryMs: 0, timeoutMs: 5_000 });
    for (const call of callsOf(worker)) {
      const { code, tookMs } = await outcomeOf(() => call(200));
      expect(code).toBe('STORE_TIMEOUT');
      expect(tookMs).toBeLessThan(2_500);
    }
    await worker.close();
  });

  it('after a copy of a write was lost leaves its outcome unknown', async () => {
    const worker = postgresStore({ url: proxy.url, sweepEveryMs: 0, connections: 1 });
    const { version, record: held } = sessionOf(await worker.read(key, by()));
    proxy.loseReply('sess replace', async () => void (proxy.swallowsNew = true));
    const { code, error } = await outcomeOf(() => worker.replace(key, version, changed(held, { a: '2' }), by(500)));
    expect(code).toBe('STORE_TIMEOUT');
    expect(error?.message).toMatch(/the outcome of a write is unknown\.$/);
    proxy.swallowsNew = false;
    expect(await stored(store, key)).toMatchObject({ fields: { a: '2' } });
    await worker.close();
  });

  it('since a file that the URL names has gone fails everybody in the line', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sess-certificate-'));
    const file = join(folder, 'ca.pem');
    await writeFile(file, 'a certificate');
    const worker = postgresStore({ url: `${proxy.url}?sslmode=disable&sslrootcert=${file}`, connections: 1 });
    await worker.read(key, by());
    await rm(folder, { recursive: true });
    proxy.delayMs = 300;
    const crowd = Promise.all(callsOf(worker).map((call) => crowdOf(5, () => call(2_000))));
    await pause(100);
    proxy.reset();
    for (const { code, tookMs } of (await crowd).flat()) {
      expect(code).toBe('STORE_UNAVAILABLE');
      expect(tookMs).toBeLessThan(1_000);
    }
    await worker.close();
  });

  it('since what is there hangs up each time is not one that has not come yet, whenever a call’s time ends', async () => {
    // As a balancer does whose server is away: it accepts, tries for a moment, and closes.
    const balancer = createServer((socket) => {
      socket.on('error', () => {});
      setTimeout(() => socket.destroy(), 200);
    });
    await new Promise<void>((resolve) => balancer.listen(0, '127.0.0.1', resolve));
    const { port } = balancer.address() as AddressInfo;
    const worker = postgresStore({ url: `postgres://u@127.0.0.1:${port}/d`, sweepEveryMs: 0 });
    const told: string[] = [];
    for (let i = 0; i < 6; i += 1) {
      const calls = callsOf(worker).map((call) => outcomeOf(() => call(250 + i * 40)));
      for (const { code, error } of await Promise.all(calls)) told.push(`${code}: ${error?.message}`);
    }
    expect(told.filter((line) => !line.startsWith('STORE_UNAVAILABLE: '))).toEqual([]);
    await worker.close();
    balancer.close();
  });

  it('since a pooler refuses its settings costs none of a large crowd its call', async () => {
    proxy.refusesSettings = true;
    const worker = postgresStore({ url: proxy.url, sweepEveryMs: 0, timeoutMs: 20_000 });
    expect(failures(await crowdOf(4_000, () => worker.create(newKey(), record({}), by(20_000))))).toEqual([]);
    expect(failures(await crowdOf(4_000, () => worker.read(key, by(20_000))))).toEqual([]);
    await worker.close();
  }, 60_000);
});

/** Over a real pool, of which a test decides how a statement is sent. */
function poolWith(ask: (client: pg.PoolClient, query: PostgresQuery) => Promise<pg.QueryResult>) {
  const pool = new pg.Pool({ connectionString: server.url, max: 1 });
  const lending: NonNullable<PostgresStoreOptions['pool']> = {
    end: () => pool.end(),
    async connect() {
      const client = await pool.connect();
      return {
        query: (query: PostgresQuery) => ask(client, query),
        release: (isBroken?: boolean) => client.release(isBroken),
        on: (event: 'error', listener: () => void) => client.on(event, listener),
        removeListener: (event: 'error', listener: () => void) => client.removeListener(event, listener),
        getTransactionStatus: () => client.getTransactionStatus(),
      };
    },
  };
  return { pool, lending };
}

/** Ends the server's process behind a connection, and waits until the connection knows. */
async function lose(client: pg.PoolClient): Promise<void> {
  const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
  const ended = new Promise((resolve) => client.once('error', resolve));
  await server.admin.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
  await ended;
}

describe('a pool of the app', () => {
  it('that lends a connection in a transaction, which is lost just then, lends another', async () => {
    let lost = 0;
    const { pool, lending } = poolWith(async (client, query) => {
      if (query.text === '') {
        lost += 1;
        await lose(client);
      }
      return client.query(query);
    });
    const busy = await pool.connect();
    await busy.query('BEGIN');
    busy.release();
    const worker = postgresStore({ pool: lending });
    expect(await stored(worker, key)).toMatchObject({ fields: { a: '1' } });
    expect(lost).toBe(1);
    await worker.close();
    await pool.end();
  });

  it('that answers another read than it was asked shows nobody the session of somebody else', async () => {
    const other = newKey();
    await store.create(other, record({ a: 'of somebody else' }), by());
    const slip = Buffer.from(other, 'hex');
    const { pool, lending } = poolWith((client, query) =>
      client.query(query.name?.startsWith('sess read') === true ? { ...query, values: [slip] } : query),
    );
    const worker = postgresStore({ pool: lending });
    expect(await outcomeOf(() => worker.read(key, by()))).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await stored(worker, other)).toMatchObject({ fields: { a: 'of somebody else' } });
    await worker.close();
    await pool.end();
  });

  it('a write whose answer was lost is in doubt, also where the read after it is what fails', async () => {
    let lost = 0;
    const { pool, lending } = poolWith(async (client, query) => {
      if (query.name?.startsWith('sess read') === true && lost > 0) {
        await client.query('SET statement_timeout = 20');
        return client.query('SELECT pg_sleep(1)');
      }
      const answer = await client.query(query);
      if (query.name?.startsWith('sess replace') !== true || (lost += 1) > 1) return answer;
      await lose(client);
      throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    });
    const worker = postgresStore({ pool: lending, sweepEveryMs: 0 });
    const { version, record: held } = sessionOf(await worker.read(key, by()));
    const { code, error } = await outcomeOf(() => worker.replace(key, version, changed(held, { a: '2' }), by()));
    expect(code).toBe('STORE_TIMEOUT');
    expect(error?.message).toMatch(/statement_timeout\); the outcome of a write is unknown\.$/);
    expect(await stored(store, key)).toMatchObject({ fields: { a: '2' } });
    await worker.close();
    await pool.end();
  });
});
