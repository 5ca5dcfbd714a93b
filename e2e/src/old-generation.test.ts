import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, type IncomingMessage, type Server, type ServerResponse, createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Sessions, createSessions, memoryStore } from '@sess/core';
import { fsStore } from '@sess/fs';
import { redisStore } from '@sess/redis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from './redis-server.ts';

/**
 * What a request holds must be free for the garbage collection of young objects. A `Set` that every call is added to and
 * taken from, and a `WeakMap` whose values refer to their keys, keep it for a full one: then a write costs half as much
 * again, and stalls get longer. So each request here holds 16 KB, and the old generation may grow by a part of that.
 */
const heldBytes = 16_000;
const mostBytes = 2_500;

setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');

function oldBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space')?.space_used_size ?? 0;
}

const agent = new Agent({ keepAlive: true, maxSockets: 32 });
let server: Server;
let sessions: Sessions;
let store: { close?(): Promise<void> };
let redis: RedisServer;
let directory: string;

beforeAll(async () => {
  redis = await startRedis();
  directory = await mkdtemp(join(tmpdir(), 'sess-old-generation-'));
});
afterEach(async () => {
  server.close();
  server.closeAllConnections();
  await sessions.close();
  await store.close?.();
});
afterAll(async () => {
  agent.destroy();
  await redis.dispose();
  await rm(directory, { recursive: true, force: true });
});

interface Held extends ServerResponse {
  held?: number[];
}

async function answer(request: IncomingMessage, response: Held): Promise<void> {
  response.held = Array.from({ length: heldBytes / 8 }, (_, index) => index);
  const { session } = await sessions.attach(request, response);
  if (request.url === '/read') void session['views'];
  else session['views'] = Number(session['views'] ?? 0) + 1;
  response.end('ok');
}

/** @returns the visitor's cookie from now on */
function visit(path: string, cookie = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    get({ port, path, agent, headers: { cookie } }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.headers['set-cookie']?.[0]?.split(';')[0] ?? cookie));
    }).on('error', reject);
  });
}

/** @returns by how many bytes the old generation grows for each of so many visits, 32 of them at a time */
async function growth(visits: number, one: (index: number) => Promise<unknown>): Promise<number> {
  let index = 0;
  let grown = 0;
  let last = oldBytes();
  const inTurn = async (): Promise<void> => {
    while (index < visits) {
      await one(index++);
      if (index % 50 !== 0) continue;
      const now = oldBytes();
      grown += Math.max(0, now - last);
      last = now;
    }
  };
  await Promise.all(Array.from({ length: 32 }, inTurn));
  return grown / visits;
}

describe.each([
  ['memory', () => memoryStore()],
  ['files', () => fsStore({ directory })],
  ['Redis', () => redisStore({ url: redis.url })],
])('sessions in %s', (_, makeStore) => {
  it.each(['/read', '/write', '/login'])(
    '%s leaves nothing for a full garbage collection',
    { timeout: 120_000 },
    async (path) => {
      const made = makeStore();
      store = made;
      sessions = createSessions({ store: made, secret: 'x7Kq-tests-of-the-old-generation-Zr91Yb', logger: false });
      server = createServer((request, response) => void answer(request, response));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const cookies = await Promise.all(Array.from({ length: 100 }, () => visit('/login')));
      const one = (index: number) => visit(path, path === '/login' ? '' : cookies[index % cookies.length]);
      await growth(1500, one);
      if (typeof collect === 'function') collect();
      expect(await growth(2000, one)).toBeLessThan(mostBytes);
    },
  );
});
