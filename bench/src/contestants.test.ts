import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countCommands } from './commands.ts';
import type { Contestant } from './contestant.ts';
import { contestants } from './contestants.ts';
import { type OwnPostgres, startOwnPostgres } from './postgres-server.ts';
import { type OwnRedis, startRedis } from './redis-server.ts';
import { fillWithSessions, visit } from './visitor.ts';

let redis: OwnRedis;
let postgres: OwnPostgres;
beforeAll(async () => {
  [redis, postgres] = await Promise.all([startRedis(), startOwnPostgres()]);
}, 60_000);
afterAll(() => Promise.all([redis.close(), postgres.close()]));

/** What is measured has to do the work that it is measured by. */
describe.each(contestants.map((contestant) => ({ name: contestant.name, contestant })))('$name', ({ contestant }) => {
  const hasSessions = contestant.name !== contestant.floor;

  it('keeps sessions, if it is not a bare server', async () => {
    await running(contestant, async (port) => {
      const [cookie = ''] = await fillWithSessions(port, 1, 300);
      expect(cookie !== '').toBe(hasSessions);
      expect((await visit(port, '/', undefined)).cookies).toEqual([]);
      if (!hasSessions) return;

      expect(await visit(port, '/read', cookie)).toMatchObject({ status: 200, text: '8b6f0d8e4c1a4f7e9d2b5a60' });
      expect(['nobody', 'ok']).toContain((await visit(port, '/read', undefined)).text);
      const first = await visit(port, '/count', cookie);
      expect(first.text).toBe('2');
      // A cookie that holds the session itself is a new one now.
      const second = await visit(port, '/count', first.cookies[0] === undefined ? cookie : first.cookies.join('; '));
      expect(second.text).toBe('3');
      expect((await visit(port, '/login', undefined)).cookies).not.toEqual([]);
    });
  });
});

it('commands are counted as clients send them, without what scripts call', async () => {
  const commands = await countCommands(redis.admin, async () => {
    await redis.admin.eval("redis.call('SET', KEYS[1], '1') return redis.call('GET', KEYS[1])", 1, 'counted');
    await redis.admin.get('counted');
  });
  expect(commands).toBe(2);
});

async function running(contestant: Contestant, use: (port: number) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'sess-bench-test-'));
  const { listener, close } = await contestant.start({ redisUrl: redis.url, postgresUrl: postgres.url, directory });
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  try {
    await use(typeof address === 'object' && address !== null ? address.port : 0);
  } finally {
    server.closeAllConnections();
    server.close();
    await close?.();
    rmSync(directory, { recursive: true, force: true });
  }
}
