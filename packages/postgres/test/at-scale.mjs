// Figures by hand: node test/at-scale.mjs postgres://postgres@127.0.0.1:5432/postgres 1000000
// Growth of reads and writes, bytes a session, a sweep of all of them, and a day's worth of updates.
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import pg from 'pg';
import { postgresStore } from '../dist/index.js';

const [url, most = '100000'] = process.argv.slice(2);
const admin = new pg.Pool({ connectionString: url, max: 1 });
const table = `scale_${randomBytes(4).toString('hex')}`;
const pool = new pg.Pool({ connectionString: url, max: 10 });
const taken = [];
// Longest statements, as the client sees them.
const watched = {
  async connect() {
    const client = await pool.connect();
    return {
      async query(query) {
        const begunAt = performance.now();
        try {
          return await client.query({ ...query, query_timeout: 600_000 });
        } finally {
          taken.push(performance.now() - begunAt);
        }
      },
      release: (isBroken) => client.release(isBroken),
      on: (...args) => client.on(...args),
      removeListener: (...args) => client.removeListener(...args),
    };
  },
  end: () => pool.end(),
};
const store = postgresStore({ pool: watched, table, sweepEveryMs: 0, graceMs: 0, timeoutMs: 60_000 });
const by = () => performance.now() + 60_000;
const now = Date.now();
const fields = {
  userId: '"8b6f0d8e4c1a4f7e9d2b5a60"',
  role: '"member"',
  seen: '1700000000000',
  theme: '"dark"',
  cart: '["a","b"]',
  views: '1',
};
const record = {
  fields,
  createdAt: now,
  touchedAt: now,
  expiresAt: now + 86_400_000,
  owner: 'u1',
  writeIds: ['abcd1234'],
};
const own = Array.from({ length: 1000 }, () => randomBytes(32).toString('hex'));

async function time(work) {
  for (const key of own) await work(key);
  const begunAt = performance.now();
  for (const key of own) await work(key);
  return `${(performance.now() - begunAt).toFixed(0)} us`;
}

const read = (key) => store.read(key, by());
async function write(key) {
  const { record, version } = await store.read(key, by());
  await store.replace(key, version, { ...record, fields: { ...record.fields, views: String(Math.random()) } }, by());
}

await store.migrate();
for (const key of own) await store.create(key, record, by());
const sizes = async () =>
  (
    await admin.query(
      `SELECT pg_relation_size('${table}')::float8 AS heap, pg_indexes_size('${table}')::float8 AS indexes`,
    )
  ).rows[0];
let there = 1000;
for (let target = 1000; target <= Number(most); target *= 10) {
  if (target > there)
    await admin.query(`INSERT INTO ${table} (version, expires_at, key, owner, body)
      SELECT n, s.expires_at, sha256(n::text::bytea), sha256((n / 2)::text::bytea), s.body
      FROM (SELECT * FROM ${table} WHERE version IS NOT NULL LIMIT 1) s, generate_series(${there}, ${target - 1}) n`);
  there = target;
  const { heap, indexes } = await sizes();
  console.log(
    `${target} sessions: read ${await time(read)}, read and write ${await time(write)}; bytes a session: heap ${(heap / target).toFixed(0)}, indexes ${(indexes / target).toFixed(0)}`,
  );
}
const before = await sizes();
for (let round = 0; round < 20; round++) for (const key of own) await write(key);
const after = await sizes();
console.log(
  `20,000 more writes to 1,000 of them: heap ${((after.heap - before.heap) / 1e6).toFixed(1)} MB more, indexes ${((after.indexes - before.indexes) / 1e6).toFixed(1)} MB more`,
);
await admin.query(`UPDATE ${table} SET expires_at = now() - interval '1 hour' WHERE key < '\\x80'`);
taken.length = 0;
const begunAt = performance.now();
const report = await store.sweep();
console.log(
  `sweep: ${JSON.stringify(report)} in ${((performance.now() - begunAt) / 1000).toFixed(1)} s, ${taken.length} statements, the longest ${Math.max(...taken).toFixed(0)} ms`,
);
await admin.query(`DROP TABLE ${table}, ${table}_notes`);
await store.close();
await pool.end();
await admin.end();
