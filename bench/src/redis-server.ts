import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** A Redis of our own, on a free port of the loopback. */
export interface OwnRedis {
  url: string;
  /** For looking: counters, memory. */
  admin: Redis;
  close(): Promise<void>;
}

/** `core`: the processor that it is pinned to; Linux only. */
export async function startRedis(core?: number): Promise<OwnRedis> {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'sess-bench-redis-'));
  const server = ['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', ''];
  const [program = '', ...args] = core === undefined ? server : ['taskset', '-c', String(core), ...server];
  const child = spawn(program, args, { stdio: 'ignore' });
  const kill = () => child.kill('SIGKILL');
  process.on('exit', kill);
  const admin = new Redis({ port, retryStrategy: () => 50, maxRetriesPerRequest: null });
  admin.on('error', () => {});
  await admin.ping();
  return {
    url: `redis://127.0.0.1:${port}`,
    admin,
    async close() {
      admin.disconnect();
      const ended = once(child, 'exit');
      child.kill();
      await ended;
      process.off('exit', kill);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  probe.close();
  await once(probe, 'close');
  return port;
}
