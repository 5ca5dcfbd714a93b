import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { countCommands } from './commands.ts';
import { freePort } from './free-port.ts';
import type { MeasuredServer } from './measured-server.ts';

/** A Redis of our own, on a free port of the loopback. */
export interface OwnRedis extends MeasuredServer {
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
    used: () => usedBy(admin),
    commandsDuring: (work) => countCommands(admin, work),
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

/** What the server has used since its start. Its figures are far finer than a round of a second. */
async function usedBy(admin: Redis): Promise<{ cpuUs: number; bytes: number }> {
  const info = `${await admin.info('cpu')}${await admin.info('stats')}`;
  const read = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1]);
  return {
    cpuUs: (read('used_cpu_user') + read('used_cpu_sys')) * 1e6,
    bytes: read('total_net_input_bytes') + read('total_net_output_bytes'),
  };
}
