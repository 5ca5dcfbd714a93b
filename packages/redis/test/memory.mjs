// Memory of Redis for each session, against one JSON text for each, as connect-redis stores them.
// Usage, after a build: node test/memory.mjs [sessions, 100000 by default]. It starts a redis-server of its own.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { redisStore } from '../dist/index.js';

const sessions = Number(process.argv[2] ?? 100_000);
const batch = 200;
const dayMs = 86_400_000;
const hex = (length) => randomBytes(length / 2).toString('hex');

const shapes = {
  'values of at most 64 bytes': () => ({
    userId: hex(24),
    role: 'member',
    csrf: hex(32),
    locale: 'de-DE',
    views: 17,
    seen: 1_700_000_000_000,
  }),
  'one of 200 bytes': () => ({ userId: hex(24), csrf: hex(32), locale: 'de-DE', profile: hex(198) }),
  'one of 2 KB': () => ({ userId: hex(24), csrf: hex(32), cart: hex(1998) }),
};

const port = await new Promise((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port: free } = probe.address();
    probe.close(() => resolve(free));
  });
});
const server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', ''], {
  stdio: 'ignore',
});
const redis = new Redis({ port, retryStrategy: () => 50 });
redis.on('error', () => {});
const store = redisStore({ url: `redis://127.0.0.1:${port}`, timeoutMs: 30_000 });

const kinds = {
  '@sess/redis': (data, owner) => {
    const now = Date.now();
    const fields = Object.fromEntries(Object.entries(data).map(([name, value]) => [name, JSON.stringify(value)]));
    // Two write ids, as core leaves them with one writer at a time.
    const record = {
      fields,
      createdAt: now,
      touchedAt: now,
      expiresAt: now + dayMs,
      writeIds: ['Zx8cVb2na1', 'Zx8cVb2na2'],
    };
    return store.create(hex(64), owner === undefined ? record : { ...record, owner }, performance.now() + 30_000);
  },
  'connect-redis': (data) => {
    const expires = new Date(Date.now() + dayMs).toISOString();
    const cookie = { originalMaxAge: dayMs, expires, secure: true, httpOnly: true, path: '/', sameSite: 'lax' };
    return redis.set(
      `sess:${randomBytes(24).toString('base64url')}`,
      JSON.stringify({ cookie, ...data }),
      'EX',
      86_400,
    );
  },
};

async function bytesEach(put) {
  await redis.flushall('SYNC');
  const used = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))[1]);
  const before = await used();
  for (let made = 0; made < sessions; made += batch) {
    await Promise.all(Array.from({ length: Math.min(batch, sessions - made) }, (_, at) => put(made + at)));
  }
  return Math.round(((await used()) - before) / sessions);
}

for (const [shape, make] of Object.entries(shapes)) {
  const found = {};
  for (const [kind, put] of Object.entries(kinds)) found[kind] = await bytesEach(() => put(make()));
  found['with an owner of its own'] = await bytesEach((number) => kinds['@sess/redis'](make(), `user-${number}`));
  found['with one of ten sessions an owner'] = await bytesEach((number) =>
    kinds['@sess/redis'](make(), `user-${Math.floor(number / 10)}`),
  );
  console.log(shape.padEnd(28), JSON.stringify(found));
}
await store.close();
redis.disconnect();
server.kill();
