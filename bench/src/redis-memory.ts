import { randomBytes } from 'node:crypto';
import { redisStore } from '@sess/redis';
import type { OwnRedis } from './redis-server.ts';

const dayMs = 86_400_000;
const hex = (length: number) => randomBytes(length / 2).toString('hex');

const shapes: Readonly<Record<string, () => Record<string, unknown>>> = {
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

export interface MemoryRow {
  shape: string;
  sessions: number;
  /** Bytes of Redis for each session. */
  ours: number;
  peer: number;
}

/**
 * What Redis needs for each session, of this library and of connect-redis. The first shape is measured with so many
 * sessions, the others with a quarter: Redis's table of keys is then as full. It empties the server.
 */
export async function redisMemory({ admin, url }: OwnRedis, most: number): Promise<MemoryRow[]> {
  const store = redisStore({ url, timeoutMs: 60_000 });
  const ours = (data: Record<string, unknown>): Promise<unknown> => {
    const now = Date.now();
    const fields = Object.fromEntries(Object.entries(data).map(([name, value]) => [name, JSON.stringify(value)]));
    return store.create(hex(64), { fields, createdAt: now, touchedAt: now, expiresAt: now + dayMs });
  };
  const peer = (data: Record<string, unknown>): Promise<unknown> => {
    const expires = new Date(Date.now() + dayMs).toISOString();
    const cookie = { originalMaxAge: dayMs, expires, secure: true, httpOnly: true, path: '/', sameSite: 'lax' };
    const text = JSON.stringify({ cookie, ...data });
    return admin.set(`sess:${randomBytes(24).toString('base64url')}`, text, 'EX', 86_400);
  };
  async function bytesEach(sessions: number, put: () => Promise<unknown>): Promise<number> {
    await admin.flushall('SYNC');
    const used = async () => Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1]);
    const before = await used();
    for (let made = 0; made < sessions; made += 200) await Promise.all(Array.from({ length: 200 }, put));
    return ((await used()) - before) / sessions;
  }
  const rows: MemoryRow[] = [];
  for (const [shape, make] of Object.entries(shapes)) {
    const sessions = rows.length === 0 ? most : most / 4;
    const own = await bytesEach(sessions, () => ours(make()));
    rows.push({ shape, sessions, ours: own, peer: await bytesEach(sessions, () => peer(make())) });
  }
  await admin.flushall('SYNC');
  await store.close();
  return rows;
}
