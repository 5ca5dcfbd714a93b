// CPU time of the server, and of this process, for each operation of the store.
// Usage, after a build: node test/server-cpu.mjs [seconds for each, 1 by default]. It starts a redis-server of its own.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { redisStore } from '../dist/index.js';

const forMs = Number(process.argv[2] ?? 1) * 1000;
const inFlight = 32;

const port = await new Promise((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port: free } = probe.address();
    probe.close(() => resolve(free));
  });
});
const server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', ''], {
  stdio: 'ignore',
});
const admin = new Redis({ port, retryStrategy: () => 50 });
admin.on('error', () => {});
const store = redisStore({ url: `redis://127.0.0.1:${port}` });
const by = () => performance.now() + 1000;
const newKey = () => randomBytes(32).toString('hex');

async function serverCpuUs() {
  const info = await admin.info('cpu');
  const of = (name) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1]);
  return (of('used_cpu_sys') + of('used_cpu_user')) * 1e6;
}

const record = (cart, more = {}) => {
  const now = Date.now();
  const fields = { userId: '"u1"', views: '100000', csrf: `"${'c'.repeat(32)}"`, cart };
  return {
    fields,
    createdAt: now,
    touchedAt: now,
    expiresAt: now + 86_400_000,
    writeIds: ['abcdefgh1', 'abcdefgh2'],
    ...more,
  };
};
const small = JSON.stringify('x'.repeat(180));
const large = JSON.stringify('x'.repeat(64 * 1024));

async function measure(what, prepare, work) {
  const lanes = await Promise.all(Array.from({ length: inFlight }, prepare));
  const run = async (ms) => {
    const until = performance.now() + ms;
    let count = 0;
    const lane = async (state) => {
      while (performance.now() < until) {
        await work(state);
        count += 1;
      }
    };
    await Promise.all(lanes.map(lane));
    return count;
  };
  await run(forMs / 2);
  const [before, own] = [await serverCpuUs(), process.cpuUsage()];
  const count = await run(forMs);
  const { user, system } = process.cpuUsage(own);
  const us = (total) => (total / count).toFixed(1).padStart(6);
  console.log(`${what.padEnd(26)} server ${us((await serverCpuUs()) - before)} us   process ${us(user + system)} us`);
}

const existing = (cart) => async () => {
  const key = newKey();
  await store.create(key, record(cart), by());
  const { record: stored, version } = await store.read(key, by());
  return { key, record: stored, version };
};
async function replace(state, next) {
  const outcome = await store.replace(state.key, state.version, next, by());
  if (outcome.verdict !== 'replaced') throw new Error(outcome.verdict);
  [state.record, state.version] = [next, outcome.version];
}
const count = ({ record: { fields } }) => ({ ...fields, views: String(Number(fields.views) + 1) });

await admin.ping();
// Yardsticks: what a plain client costs at the same time on the same machine.
const plain = new Redis({ port });
await plain.set('large', large);
await measure(
  'plain SET EX 300 B',
  async () => newKey(),
  (key) => plain.set(key, small, 'EX', 86_400),
);
await measure(
  'plain GET 64 KB',
  async () => 'large',
  (key) => plain.get(key),
);
await measure(
  'plain GET 64 KB as bytes',
  async () => 'large',
  (key) => plain.getBuffer(key),
);
plain.disconnect();
for (const [size, cart] of [
  ['300 B', small],
  ['64 KB', large],
]) {
  await measure(`read ${size}`, existing(cart), ({ key }) => store.read(key, by()));
  await measure(`replace ${size}`, existing(cart), (state) =>
    replace(state, { ...state.record, fields: count(state) }),
  );
  await measure(`touch ${size}`, existing(cart), (state) =>
    replace(state, { ...state.record, touchedAt: state.record.touchedAt + 1, expiresAt: state.record.expiresAt + 1 }),
  );
}
await measure(
  'create 300 B',
  async () => ({}),
  () => store.create(newKey(), record(small), by()),
);
await measure(
  'create with owner',
  async () => ({}),
  () => store.create(newKey(), record(small, { owner: newKey() }), by()),
);
await measure(
  'create and destroy',
  async () => ({}),
  async () => {
    const key = newKey();
    await store.create(key, record(small), by());
    await store.destroy(key, { endMarkerMs: 1000 }, by());
  },
);
await store.close();
admin.disconnect();
server.kill();
