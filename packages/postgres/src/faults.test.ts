import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSessions } from '@sess/core';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { endingAtOnce } from '../test/ending-at-once.ts';
import { type FaultProxy, startProxy } from '../test/fault-proxy.ts';
import { type PostgresServer, freePort, startPostgres, until } from '@sess/postgres-server';
import { by, changed, keysOf, newKey, outcomeOf, record, sessionOf, stored, update } from '@sess/store-tests/internal';
import { visitor } from '../test/visitor.ts';
import { type PostgresStore, postgresStore } from './index.ts';

declare module '@sess/core' {
  interface SessionData {
    views?: number;
  }
}

/** One operation's bound, and slack for a busy machine. */
const boundMs = 1000 + 1500;

let server: PostgresServer;
let proxy: FaultProxy;
let store: PostgresStore;
let key: string;

async function setUp(): Promise<void> {
  server = await startPostgres();
  proxy = await startProxy(server.port);
  store = postgresStore({ url: proxy.url, connections: 4 });
  key = newKey();
  await store.create(key, record({ a: '1' }), by(10_000));
}

afterEach(async () => {
  await store.close();
  await proxy.dispose();
  await server.dispose();
});

/** All verbs, with what each comes to. Whatever happens, none takes longer than its bound. */
async function allVerbs(worker: PostgresStore = store): Promise<string[]> {
  const outcomes = await Promise.all([
    outcomeOf(() => worker.read(key, by())),
    outcomeOf(() => worker.create(newKey(), record({ a: '1' }), by())),
    outcomeOf(() => update(worker, key, { b: '1' })),
    outcomeOf(() => worker.destroy(newKey(), { endMarkerMs: 1000 }, by())),
    outcomeOf(() => worker.create(newKey(), record({}, { owner: 'u1' }), by())),
    outcomeOf(() => keysOf(worker, 'u1')),
  ]);
  for (const { tookMs } of outcomes) expect(tookMs).toBeLessThan(boundMs);
  return outcomes.map(({ code }) => code ?? 'ok');
}

const all = (code: string) => Array.from({ length: 6 }, () => code);

async function expectFaults(): Promise<void> {
  for (const code of await allVerbs()) expect(['STORE_TIMEOUT', 'STORE_UNAVAILABLE']).toContain(code);
}

/** Service is back by itself. */
async function expectBack(): Promise<void> {
  await until(async () => (await outcomeOf(() => store.read(key, by()))).code === undefined);
  await until(async () => (await allVerbs()).every((code) => code === 'ok'));
}

/** A store of a user with few rights, and what it needs of the server. */
async function asWeb(url: string, options: { table?: string } = {}): Promise<PostgresStore> {
  const web = new URL(url);
  web.username = 'web';
  return postgresStore({ url: web.href, connections: 2, ...options });
}

describe('a server', () => {
  it('that is killed and started again: faults are bounded, sessions are there again, service is back', async () => {
    await setUp();
    await server.kill();
    await expectFaults();
    expect(await allVerbs()).toEqual(all('STORE_UNAVAILABLE'));
    await server.start();
    await expectBack();
    expect(await stored(store, key)).toMatchObject({ fields: { a: '1' } });
  }, 60_000);

  it('that is frozen: faults are bounded, nothing lands that was overtaken, and an ended session stays ended', async () => {
    await setUp();
    const other = newKey();
    await store.create(other, record({ a: '1' }), by());
    const [before, doomed] = await Promise.all([key, other].map(async (one) => sessionOf(await store.read(one, by()))));
    server.signal('SIGSTOP');
    // They wait in the server's sockets until it wakes up.
    const late = [key, other].map((one, at) => {
      const { version, record: held } = [before, doomed][at] ?? sessionOf(undefined);
      return outcomeOf(() => store.replace(one, version, changed(held, { late: '1' }), by()));
    });
    for (const { code } of await Promise.all(late)) expect(code).toBe('STORE_TIMEOUT');
    await expectFaults();
    server.signal('SIGCONT');
    await expectBack();
    await store.destroy(other, { endMarkerMs: 60_000 }, by());
    const { version } = sessionOf(await store.read(key, by()));
    expect(await store.replace(key, before?.version, changed(record()), by())).toMatchObject({ verdict: 'conflict' });
    expect(sessionOf(await store.read(key, by())).version).toBe(version);
    expect(await store.read(other, by())).toEqual({ ended: true });
  }, 60_000);

  it('that comes up after the application: calls fail until then and say why, and work from then on', async () => {
    await setUp();
    const port = await freePort();
    const early = postgresStore({ url: `postgres://web:password-in-the-url@127.0.0.1:${port}/app` });
    const { code, error } = await outcomeOf(() => early.read(key, by()));
    await early.close();
    expect(code).toBe('STORE_UNAVAILABLE');
    expect(error?.message).toContain(`127.0.0.1:${port}/app`);
    expect(JSON.stringify([error?.message, error?.stack, error?.cause])).not.toContain('password-in-the-url');
    await server.kill();
    const later = postgresStore({ url: server.url });
    expect((await outcomeOf(() => later.read(key, by()))).code).toBe('STORE_UNAVAILABLE');
    await server.start();
    expect(await stored(later, key)).toMatchObject({ fields: { a: '1' } });
    await later.close();
  }, 60_000);

  it('that is slow is waited for, and given up when it is too slow', async () => {
    await setUp();
    proxy.delayMs = 150;
    expect(await outcomeOf(() => store.read(key, by()))).not.toHaveProperty('code');
    proxy.delayMs = 1500;
    await expectFaults();
    proxy.delayMs = 0;
    await expectBack();
  }, 60_000);

  it('that is read-only: reading works, writes fail', async () => {
    await setUp();
    await server.admin.query('ALTER DATABASE postgres SET default_transaction_read_only = on');
    proxy.reset();
    await until(async () => (await outcomeOf(() => store.read(key, by()))).code === undefined);
    expect(await stored(store, key)).toMatchObject({ fields: { a: '1' } });
    const writes: (() => Promise<unknown>)[] = [
      () => store.create(newKey(), record(), by()),
      () => update(store, key, { b: '1' }),
      () => store.destroy(key, {}, by()),
    ];
    for (const write of writes)
      expect(await outcomeOf(write)).toMatchObject({
        code: 'STORE_UNAVAILABLE',
        error: { message: expect.stringMatching(/read-only/) },
      });
    await server.admin.query('SET default_transaction_read_only = off; ALTER DATABASE postgres RESET ALL');
    proxy.reset();
    await expectBack();
  }, 60_000);

  it('that is a standby answers nothing, neither "nobody" nor an old session; promoted, it serves', async () => {
    await setUp();
    await server.kill();
    writeFileSync(join(server.directory, 'data', 'standby.signal'), '');
    await server.start();
    expect((await server.admin.query('SELECT pg_is_in_recovery() AS yes')).rows).toEqual([{ yes: true }]);
    expect(await allVerbs()).toEqual(all('STORE_UNAVAILABLE'));
    const { error } = await outcomeOf(() => store.read(newKey(), by()));
    expect(error?.message).toContain('standby');
    expect(await store.check()).toContainEqual(expect.objectContaining({ code: 'POSTGRES_STANDBY' }));
    await server.admin.query('SELECT pg_promote()');
    await expectBack();
  }, 60_000);

  it('with no connection left is busy, and nothing was done', async () => {
    await setUp();
    await server.admin.query('CREATE ROLE web LOGIN CONNECTION LIMIT 1');
    await server.admin.query('GRANT ALL ON sess_sessions, sess_sessions_notes TO web');
    const other = new pg.Client({ connectionString: server.url.replace('postgres@', 'web@') });
    await other.connect();
    const web = await asWeb(server.url);
    expect((await outcomeOf(() => web.read(key, by()))).code).toBe('STORE_BUSY');
    await other.end();
    await until(async () => (await outcomeOf(() => web.read(key, by()))).code === undefined);
    await web.close();
  }, 60_000);

  it('whose disk is full, as it says: STORE_FULL, nothing was written, reading goes on', async () => {
    await setUp();
    await server.admin.query(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
      CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON sess_sessions FOR EACH ROW EXECUTE FUNCTION full_disk()`);
    expect((await outcomeOf(() => store.create(newKey(), record(), by()))).code).toBe('STORE_FULL');
    expect((await outcomeOf(() => update(store, key, { a: '2' }))).code).toBe('STORE_FULL');
    expect(await stored(store, key)).toMatchObject({ fields: { a: '1' } });
  }, 60_000);
});

describe('a user of the database', () => {
  it('with a wrong password is told so without it; put right, it works', async () => {
    await setUp();
    await server.admin.query("CREATE ROLE web LOGIN PASSWORD 'right'");
    await server.admin.query('GRANT ALL ON sess_sessions, sess_sessions_notes TO web');
    writeFileSync(
      join(server.directory, 'data', 'pg_hba.conf'),
      'host all web 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n',
    );
    await server.admin.query('SELECT pg_reload_conf()');
    const web = postgresStore({ url: `postgres://web:a-wrong-one@127.0.0.1:${server.port}/postgres` });
    await until(async () => (await outcomeOf(() => web.read(key, by()))).code !== undefined);
    const { code, error } = await outcomeOf(() => web.read(key, by()));
    expect(code).toBe('STORE_UNAVAILABLE');
    expect(error?.message).toMatch(/refuses the user name or password/);
    expect(JSON.stringify([error?.message, error?.stack, String(error?.cause)])).not.toContain('a-wrong-one');
    await server.admin.query("ALTER ROLE web PASSWORD 'a-wrong-one'");
    expect(await stored(web, key)).toMatchObject({ fields: { a: '1' } });
    await web.close();
  }, 60_000);

  it('who may not make tables, nor use them, is told what to do, and needs no restart then', async () => {
    await setUp();
    await server.admin.query('CREATE ROLE web LOGIN');
    const web = await asWeb(server.url, { table: 'later' });
    const missing = await outcomeOf(() => web.create(newKey(), record(), by()));
    expect(missing).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      error: { message: expect.stringMatching(/npx @sess\/cli migrate/) },
    });
    const owner = postgresStore({ url: server.url, table: 'later' });
    await owner.migrate();
    await owner.close();
    const refused = await outcomeOf(() => web.create(newKey(), record(), by()));
    expect(refused).toMatchObject({ code: 'STORE_UNAVAILABLE', error: { message: expect.stringMatching(/grant/) } });
    expect(await web.check()).toContainEqual(expect.objectContaining({ code: 'POSTGRES_RIGHTS' }));
    await server.admin.query('GRANT SELECT, INSERT, UPDATE, DELETE ON later, later_notes TO web');
    expect(await web.create(newKey(), record(), by())).toBeDefined();
    expect(await web.check()).not.toContainEqual(expect.objectContaining({ severity: 'error' }));
    await web.close();
  }, 60_000);

  it('from whom row-level security hides the sessions is told so by the check', async () => {
    await setUp();
    await server.admin.query('CREATE ROLE web LOGIN; GRANT ALL ON sess_sessions, sess_sessions_notes TO web');
    const web = await asWeb(server.url);
    const codes = async () => (await web.check()).map(({ code }) => code);
    expect(await codes()).not.toContain('POSTGRES_POLICIES');
    await server.admin.query('ALTER TABLE sess_sessions ENABLE ROW LEVEL SECURITY');
    expect(await codes()).toContain('POSTGRES_POLICIES');
    await web.close();
  }, 60_000);
});

describe('a connection', () => {
  it('that is reset, or swallows everything, is made anew', async () => {
    await setUp();
    for (const fault of [proxy.reset, proxy.swallow]) {
      await allVerbs();
      const before = proxy.faults;
      fault();
      await allVerbs();
      expect(proxy.faults).toBeGreaterThan(before);
      await expectBack();
    }
  }, 60_000);

  it('that is new and gets no answer costs nobody his: a crowd waits in one line for those that are there', async () => {
    await setUp();
    proxy.swallowsNew = true;
    // Not reads, which share a connection.
    const crowd = Array.from({ length: 50 }, () => outcomeOf(() => store.create(newKey(), record({}), by(10_000))));
    expect((await Promise.all(crowd)).map(({ code }) => code ?? 'ok').filter((code) => code !== 'ok')).toEqual([]);
    // One was asked for, and not one for each of the first.
    expect(proxy.faults).toBe(1);
    proxy.swallowsNew = false;
    await expectBack();
  }, 60_000);

  it('that the server ends in the same breath as it accepts it costs one call, and not the process', async () => {
    await setUp();
    const ending = await endingAtOnce(server.port);
    const worker = postgresStore({ url: ending.url, connections: 1 });
    try {
      expect(['STORE_TIMEOUT', 'STORE_UNAVAILABLE']).toContain((await outcomeOf(() => worker.read(key, by()))).code);
      expect(ending.ended()).toBeGreaterThan(0);
      ending.isOver = true;
      await until(async () => (await outcomeOf(() => worker.read(key, by()))).code === undefined);
    } finally {
      await worker.close();
      await ending.dispose();
    }
  });

  it('that the server ends for having been idle, while the process was busy, costs nobody his call', async () => {
    await setUp();
    await server.admin.query('CREATE ROLE web LOGIN; ALTER ROLE web SET idle_session_timeout = 100');
    await server.admin.query('GRANT ALL ON sess_sessions, sess_sessions_notes TO web');
    const web = await asWeb(server.url);
    expect(await stored(web, key)).toMatchObject({ fields: { a: '1' } });
    // A busy process sends its statement before it reads that the connection has ended.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    expect(await stored(web, key)).toMatchObject({ fields: { a: '1' } });
    await web.close();
  }, 60_000);

  it('that is lost after a commit: what was written is stored once, and is told as it is', async () => {
    await setUp();
    const other = newKey();
    proxy.loseReply('sess create');
    expect(await store.create(other, record({ a: '1' }), by())).toBeDefined();
    const { record: held, version } = sessionOf(await store.read(other, by()));
    proxy.loseReply('sess replace');
    expect(await store.replace(other, version, changed(held, { n: '1' }), by())).toMatchObject({ verdict: 'replaced' });
    // Another process writes between the first copy and the second: the record's write ids tell, so it is in doubt.
    const second = postgresStore({ url: server.url });
    const found = sessionOf(await store.read(other, by()));
    proxy.loseReply('sess replace', async () => void (await update(second, other, { m: '1' })));
    const next = changed(found.record, { n: '2' }, { writeIds: ['mine'] });
    const outcome = await store.replace(other, found.version, next, by(5000));
    expect(outcome).toMatchObject({
      verdict: 'conflict',
      isDoubtful: true,
      stored: { record: { writeIds: ['mine'] } },
    });
    // What a destroy has removed cannot be told any more, and "nothing was there" would be wrong.
    proxy.loseReply('sess end');
    await expect(store.destroy(other, {}, by())).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await store.read(other, by())).toBeUndefined();
    expect(proxy.faults).toBe(4);
    await second.close();
  }, 60_000);

  it('that is lost after a rotation: that the session has ended is not told as the work of somebody else', async () => {
    await setUp();
    const { version } = sessionOf(await store.read(key, by()));
    const successor = { key: newKey(), by: 'rotated' } as const;
    proxy.loseReply('sess end');
    const rotating = store.replace(key, version, { successor, endMarkerMs: 60_000 }, by());
    await expect(rotating).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await store.read(key, by())).toEqual({ ended: true, successor });
    expect(proxy.faults).toBe(1);
  }, 60_000);

  it('that is lost after a commit: an update() of an app counts once', async () => {
    await setUp();
    const sessions = createSessions({ store, secret: 'x'.repeat(43), logger: false, env: {} });
    // The probe at the start writes too, and its answer could be the one that is lost.
    await sessions.ready();
    const ask = visitor(sessions);
    const count = () => ask((session) => session.update('views', (views = 0) => views + 1));
    expect(await count()).toBe(1);
    for (let views = 2; views < 12; views++) {
      proxy.loseReply('sess replace');
      expect(await count()).toBe(views);
      expect(proxy.faults).toBe(views - 1);
    }
    expect(await ask((session) => session.views)).toBe(11);
    await sessions.close();
  }, 60_000);
});

describe('a lock that somebody holds on the table', () => {
  it('costs each call its bound, and piles nothing up on the server', async () => {
    await setUp();
    const holder = await server.admin.connect();
    await holder.query('BEGIN; LOCK TABLE sess_sessions');
    for (let round = 0; round < 3; round++) for (const code of await allVerbs()) expect(code).toBe('STORE_TIMEOUT');
    await until(async () => {
      const waiting = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'`;
      return (await server.admin.query(waiting)).rows[0]?.n === 0;
    });
    await holder.query('ROLLBACK');
    holder.release();
    await expectBack();
  }, 60_000);
});

describe('a pooler between', () => {
  it('that refuses settings costs nobody his call, though a crowd comes first, and no tables are there', async () => {
    await setUp();
    proxy.refusesSettings = true;
    const worker = postgresStore({ url: proxy.url, table: 'crowded', timeoutMs: 10_000 });
    const crowd = Array.from({ length: 50 }, () => outcomeOf(() => worker.read(key, by(10_000))));
    expect((await Promise.all(crowd)).map(({ code, error }) => code && error?.message).filter(Boolean)).toEqual([]);
    expect(proxy.faults).toBeGreaterThan(0);
    expect(proxy.faults).toBeLessThan(3);
    await worker.close();
  }, 60_000);

  it('that hands out another connection for each statement: prepared ones are done without', async () => {
    await setUp();
    const pool = new pg.Pool({ connectionString: server.url, max: 1 });
    const worker = postgresStore({ pool });
    await worker.read(key, by());
    expect((await pool.query('SELECT name FROM pg_prepared_statements')).rows).toEqual([
      { name: expect.stringMatching(/^sess read /) },
    ]);
    await pool.query('DEALLOCATE ALL');
    expect(await stored(worker, key)).toMatchObject({ fields: { a: '1' } });
    expect(await update(worker, key, { a: '2' })).toBe('replaced');
    expect((await pool.query('SELECT name FROM pg_prepared_statements')).rows).toEqual([]);
    await worker.close();
    await pool.end();
  }, 60_000);
});

it('a database that is serializable by default: writers of one session are told of each other, and count exactly', async () => {
  await setUp();
  await server.admin.query("ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'");
  proxy.reset();
  await expectBack();
  const workers = [1, 2, 3].map(() => postgresStore({ url: server.url, connections: 2, timeoutMs: 10_000 }));
  const counted = newKey();
  await store.create(counted, record({ n: '0' }), by());
  const count = async (worker: PostgresStore) => {
    for (let stored = sessionOf(await worker.read(counted, by(10_000))); ;) {
      const n = String(Number(stored.record.fields['n']) + 1);
      const outcome = await worker.replace(counted, stored.version, changed(stored.record, { n }), by(10_000));
      if (outcome.verdict !== 'conflict') return;
      stored = outcome.stored;
    }
  };
  await Promise.all(workers.flatMap((worker) => Array.from({ length: 10 }, () => count(worker))));
  expect(await stored(store, counted)).toMatchObject({ fields: { n: '30' } });
  for (const worker of workers) await worker.close();
}, 60_000);
