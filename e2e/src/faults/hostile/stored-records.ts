import { mkdtempSync, readdirSync, rmSync, writeFileSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type SessionStore, type Sessions, createSessions, isSessError } from '@sess/core';
import { fsStore } from '@sess/fs';
import { postgresStore } from '@sess/postgres';
import { redisStore } from '@sess/redis';
import fc from 'fast-check';
import { startPostgres } from '@sess/postgres-server';
import { startRedis } from '../../redis-server.ts';
import { type HostileRow, type Watch, almost, tryInputs } from './hostile-row.ts';

const secret = 'a secret for hostile input, of 32 bytes or more';

/** Records are what is tried here, not bounds: a busy machine may take its time. */
const patienceMs = 20_000;
const timeouts = { operationMs: patienceMs, openMs: patienceMs, commitMs: patienceMs };

/** Inputs of one run: they are read at the same time. */
const atOnce = 25;

interface Planted {
  readonly cookie: string;
  readonly handle: string;
}

async function plant(sessions: Sessions): Promise<Planted> {
  const session = await sessions.open(undefined);
  Object.assign(session, { user: 'ada', cart: [{ item: 'a book', price: 12.5 }], note: 'ü'.repeat(70), views: 3 });
  const { setCookie } = await sessions.commit(session);
  return { cookie: String(setCookie).split(';')[0] ?? '', handle: session.handle };
}

/** What comes of a damaged record: the session, a fault with a code, or nothing where its own deadline says so. */
async function look(sessions: Sessions, { cookie }: Planted, watch: Watch): Promise<void> {
  const startedAt = performance.now();
  const saw = (end: string): void => watch.saw(end, performance.now() - startedAt);
  try {
    const session = await sessions.open(cookie);
    JSON.stringify({ ...session });
    saw(Object.keys(session).length > 0 ? 'read' : 'nothing');
  } catch (error) {
    if (!isSessError(error) || !/^STORE_(CORRUPT|TOO_NEW)$/.test(error.code)) throw error;
    saw(error.code);
  }
}

interface Medium {
  readonly name: string;
  readonly store: SessionStore;
  /** The stored form of a session. */
  read(handle: string): Promise<Buffer>;
  /** Makes the sum over a changed form right again, where it has one: else nothing but the sum would be tried. */
  seal(bytes: Buffer): Buffer;
  write(records: readonly { readonly handle: string; readonly bytes: Buffer }[]): Promise<void>;
  close(): Promise<void>;
}

async function inRedis(): Promise<Medium> {
  const redis = await startRedis();
  const store = redisStore({ url: redis.url, timeoutMs: patienceMs });
  return {
    name: 'records in Redis',
    store,
    seal: (bytes) => bytes,
    read: async (handle) => (await redis.admin.getBuffer(`session:${handle}`)) ?? Buffer.alloc(0),
    async write(records) {
      await redis.admin.mset(records.flatMap(({ handle, bytes }) => [`session:${handle}`, bytes]));
    },
    async close() {
      await store.close();
      await redis.dispose();
    },
  };
}

/** `sess-fs 1 5f3a9c01`, a line feed, and what the sum is of. */
function sealed(bytes: Buffer): Buffer {
  const sum = crc32(bytes.subarray(19)).toString(16).padStart(8, '0');
  return Buffer.concat([Buffer.from(`sess-fs 1 ${sum}\n`), bytes.subarray(19)]);
}

async function inFiles(): Promise<Medium> {
  const directory = mkdtempSync(join(tmpdir(), 'sess-hostile-'));
  const store = fsStore({ directory, sweepEveryMs: 0 });
  const fileOf = (handle: string): string => {
    const place = join(directory, handle.slice(0, 2), handle);
    const names = readdirSync(place, { recursive: true, encoding: 'utf8' });
    return join(place, names.find((name) => statSync(join(place, name)).isFile()) ?? '');
  };
  return {
    name: 'records in files',
    store,
    seal: sealed,
    read: async (handle) => readFileSync(fileOf(handle)),
    async write(records) {
      for (const { handle, bytes } of records) writeFileSync(fileOf(handle), bytes);
    },
    async close() {
      await store.close();
      rmSync(directory, { recursive: true });
    },
  };
}

async function inPostgres(): Promise<Medium> {
  const postgres = await startPostgres();
  const store = postgresStore({ url: postgres.url, timeoutMs: patienceMs });
  return {
    name: 'rows in PostgreSQL',
    store,
    seal: (bytes) => bytes,
    async read(handle) {
      const { rows } = await postgres.admin.query("SELECT body FROM sess_sessions WHERE key = decode($1, 'hex')", [
        handle,
      ]);
      return Buffer.from(String(rows[0]?.body));
    },
    async write(records) {
      // The server itself takes no NUL, and nothing that is not UTF-8.
      const bodies = records.map(({ bytes }) => bytes.toString().replaceAll('\0', '0'));
      await postgres.admin.query(
        `UPDATE sess_sessions SET body = given.body
         FROM unnest($1::text[], $2::text[]) AS given(handle, body) WHERE key = decode(given.handle, 'hex')`,
        [records.map(({ handle }) => handle), bodies],
      );
    },
    async close() {
      await store.close();
      await postgres.dispose();
    },
  };
}

async function hostileRecords(medium: Medium, cases: number, seed: number): Promise<HostileRow> {
  const sessions = createSessions({
    store: medium.store,
    secret,
    cookie: { name: 'sid' },
    timeouts,
    logger: false,
    env: {},
  });
  try {
    const planted = await Promise.all(Array.from({ length: atOnce }, () => plant(sessions)));
    const whole = await Promise.all(planted.map(({ handle }) => medium.read(handle)));
    const damaged = whole.map((bytes, at) => (at % 2 === 0 ? almost(bytes) : almost(bytes).map(medium.seal)));
    const arbitrary = fc.tuple(...damaged);
    const extent = { arbitrary, cases, seed, casesEach: atOnce };
    return await tryInputs(medium.name, extent, async (records, watch) => {
      await medium.write(planted.map(({ handle }, at) => ({ handle, bytes: records[at] ?? Buffer.alloc(0) })));
      await Promise.all(planted.map((one) => look(sessions, one, watch)));
    });
  } finally {
    await sessions.close();
    await medium.close();
  }
}

export async function hostileRedisRecords(cases: number, seed: number): Promise<HostileRow> {
  return hostileRecords(await inRedis(), cases, seed);
}

export async function hostileFileRecords(cases: number, seed: number): Promise<HostileRow> {
  return hostileRecords(await inFiles(), cases, seed);
}

export async function hostilePostgresRecords(cases: number, seed: number): Promise<HostileRow> {
  return hostileRecords(await inPostgres(), cases, seed);
}
