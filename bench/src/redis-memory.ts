import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type EndMarker, type StoredSession, isEndMarker } from '@sess/core';
import { redisStore } from '@sess/redis';
import { type Original, copyOf, plantCopies } from './redis-copies.ts';
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
  const ours = async (data: Record<string, unknown>): Promise<Original> => {
    const now = Date.now();
    const fields = Object.fromEntries(Object.entries(data).map(([name, value]) => [name, JSON.stringify(value)]));
    // No copy has a number that begins so.
    const key = `f${hex(64).slice(1)}`;
    const times = { createdAt: now, touchedAt: now, expiresAt: now + dayMs };
    await store.create(key, { fields, ...times, writeIds: ['aaaaaaaaaaaa'] }, performance.now() + 60_000);
    // A record names the first eight digits of its key, behind its version.
    return { key: `session:${key}`, digitsInKey: 8, digitsInValue: 2 };
  };
  const peer = async (data: Record<string, unknown>): Promise<Original> => {
    const expires = new Date(Date.now() + dayMs).toISOString();
    const cookie = { originalMaxAge: dayMs, expires, secure: true, httpOnly: true, path: '/', sameSite: 'lax' };
    const key = `sess:f${randomBytes(24).toString('base64url').slice(1)}`;
    await admin.set(key, JSON.stringify({ cookie, ...data }), 'EX', 86_400);
    return { key, digitsInKey: 5 };
  };

  /** One session is stored as the library does it, and copied inside Redis; a copy has to be as large as that one. */
  async function bytesEach(sessions: number, put: () => Promise<Original>): Promise<[bytes: number, Original]> {
    await admin.flushall('SYNC');
    const used = async () => Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1]);
    const before = await used();
    const original = await put();
    await plantCopies(admin, original, 1, sessions);
    const bytes = ((await used()) - before) / sessions;
    const there = await admin.dbsize();
    if (there !== sessions) throw new Error(`There are ${there} sessions instead of ${sessions}.`);
    const [real, copy] = [
      await admin.memory('USAGE', original.key),
      await admin.memory('USAGE', copyOf(original, sessions - 1)),
    ];
    if (real !== copy) throw new Error(`A copied session takes ${copy} bytes, and a real one ${real}.`);
    return [bytes, original];
  }

  /** The library must take a copy for a session: then its bytes are those that it writes. */
  async function checkCopy(original: Original, number: number): Promise<void> {
    const [real, copy] = await Promise.all(
      [original.key, copyOf(original, number)].map((key) =>
        store.read(key.slice(original.digitsInKey), performance.now() + 60_000),
      ),
    );
    if (!isStored(real) || !isStored(copy) || !isDeepStrictEqual(real.record, copy.record))
      throw new Error('A copied session is none.');
  }

  const rows: MemoryRow[] = [];
  for (const [shape, make] of Object.entries(shapes)) {
    const sessions = rows.length === 0 ? most : most / 4;
    const [own, original] = await bytesEach(sessions, () => ours(make()));
    await checkCopy(original, sessions - 1);
    const [theirs] = await bytesEach(sessions, () => peer(make()));
    rows.push({ shape, sessions, ours: own, peer: theirs });
  }
  await admin.flushall('SYNC');
  await store.close();
  return rows;
}

function isStored(found: StoredSession | EndMarker | undefined): found is StoredSession {
  return found !== undefined && !isEndMarker(found);
}
