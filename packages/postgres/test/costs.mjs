// CPU time of this process and of the server for each read and each write, beside what nobody can do without: one
// prepared SELECT by key, one prepared UPDATE by key, and JSON.
// Usage, after a build, on Linux, on the machine of the server: node test/costs.mjs URL [seconds for each] [rounds]
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import pg from 'pg';
import { postgresStore } from '../dist/index.js';

const [url, seconds = '1', rounds = '5', peerFolder] = process.argv.slice(2);
const inFlight = 32;
const admin = new pg.Pool({ connectionString: url, max: 1 });
const by = () => performance.now() + 10_000;

/** Of all processes of the server. One tick is 10 ms. */
async function serverCpuUs() {
  const { rows } = await admin.query('SELECT pid FROM pg_stat_activity');
  let ticks = 0;
  for (const { pid } of rows) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * 10_000;
}

const fields = {
  userId: '"8b6f0d8e4c1a4f7e9d2b5a60"',
  role: '"member"',
  seen: '1700000000000',
  cart: JSON.stringify('x'.repeat(180)),
  views: '1',
};
const data = Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, JSON.parse(text)]));
const keys = Array.from({ length: 200 }, () => randomBytes(32).toString('hex'));
const pool = new pg.Pool({ connectionString: url, max: 10 });

async function ours() {
  const store = postgresStore({ url, table: 'costs', sweepEveryMs: 0 });
  const now = Date.now();
  const record = { fields, createdAt: now, touchedAt: now, expiresAt: now + 86_400_000, writeIds: ['abcdefgh1'] };
  for (const key of keys) await store.create(key, record, by());
  return {
    name: '@sess/postgres',
    async read(key) {
      JSON.parse((await store.read(key, by())).record.fields.userId);
    },
    async write(key) {
      const { record: held, version } = await store.read(key, by());
      const views = JSON.stringify(JSON.parse(held.fields.views) + 1);
      await store.replace(key, version, { ...held, fields: { ...held.fields, views } }, by());
    },
    close: () => store.close(),
  };
}

async function raw() {
  await admin.query(
    'CREATE TABLE IF NOT EXISTS costs_raw (key text PRIMARY KEY, expires_at timestamptz, body text) WITH (fillfactor = 80)',
  );
  for (const key of keys)
    await pool.query(`INSERT INTO costs_raw VALUES ($1, now() + interval '1 day', $2)`, [key, JSON.stringify(data)]);
  const read = async (key) => {
    const { rows } = await pool.query({
      name: 'raw read',
      text: 'SELECT body FROM costs_raw WHERE key = $1 AND expires_at > now()',
      values: [key],
    });
    return JSON.parse(rows[0].body);
  };
  return {
    name: 'ideal',
    read,
    async write(key) {
      const held = await read(key);
      held.views += 1;
      const text = `UPDATE costs_raw SET body = $2, expires_at = now() + interval '1 day' WHERE key = $1`;
      await pool.query({ name: 'raw write', text, values: [key, JSON.stringify(held)] });
    },
    close: async () => {},
  };
}

/** Where it is installed: the last argument is a folder from which it can be seen. */
async function peer() {
  const require = createRequire(`${peerFolder}/noop.js`);
  const PgStore = require('connect-pg-simple')(require('express-session'));
  const store = new PgStore({ pool, tableName: 'costs_peer', createTableIfMissing: true, pruneSessionInterval: false });
  const promised = (work) =>
    new Promise((resolve, reject) => work((error, value) => (error ? reject(error) : resolve(value))));
  const session = {
    cookie: { originalMaxAge: 86_400_000, expires: new Date(Date.now() + 86_400_000).toISOString() },
    ...data,
  };
  await promised((done) => store.set(keys[0], session, done));
  for (const key of keys) await promised((done) => store.set(key, session, done));
  const read = (key) => promised((done) => store.get(key, done));
  return {
    name: 'connect-pg-simple',
    read,
    async write(key) {
      const held = await read(key);
      held.views += 1;
      await promised((done) => store.set(key, held, done));
    },
    close: async () => {},
  };
}

const contestants = [await raw(), await ours(), ...(peerFolder === undefined ? [] : [await peer()])];
async function measure(work) {
  const run = async (ms) => {
    const until = performance.now() + ms;
    let count = 0;
    // Each lane has sessions of its own: nobody waits for another.
    const lane = async (_, at) => {
      for (let turn = 0; performance.now() < until; turn += 1) {
        await work(keys[at * 6 + (turn % 6)]);
        count += 1;
      }
    };
    await Promise.all(Array.from({ length: inFlight }, lane));
    return count;
  };
  await run(300);
  const [before, serverBefore] = [process.cpuUsage(), await serverCpuUs()];
  const begunAt = performance.now();
  const count = await run(Number(seconds) * 1000);
  const { user, system } = process.cpuUsage(before);
  const server = (await serverCpuUs()) - serverBefore;
  return {
    process: (user + system) / count,
    server: server / count,
    perSecond: (count * 1000) / (performance.now() - begunAt),
  };
}

const results = new Map();
for (let round = 0; round < Number(rounds); round += 1)
  for (const what of ['read', 'write'])
    for (const one of contestants) {
      const name = `${what} ${one.name}`;
      results.set(name, [...(results.get(name) ?? []), await measure(one[what])]);
    }
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
for (const [name, all] of results) {
  const [mine, server] = ['process', 'server'].map((part) => median(all.map((one) => one[part])));
  const whole = all.map((one) => one.process + one.server);
  console.log(
    `${name.padEnd(26)} process ${mine.toFixed(0)} us, server ${server.toFixed(0)} us, whole ${median(whole).toFixed(0)} us (${Math.min(...whole).toFixed(0)} to ${Math.max(...whole).toFixed(0)}), ${median(all.map((one) => one.perSecond)).toFixed(0)}/s`,
  );
}
for (const one of contestants) await one.close();
await admin.query('DROP TABLE IF EXISTS costs, costs_notes, costs_raw, costs_peer');
await pool.end();
await admin.end();
