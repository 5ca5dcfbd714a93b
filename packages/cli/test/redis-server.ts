import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** A redis-server of our own: a free port of the loopback, a directory of its own, ended by its pid. */
export interface RedisServer {
  readonly port: number;
  signal(signal: NodeJS.Signals): void;
  dispose(): Promise<void>;
}

/** What still runs when the test process ends goes with it. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export async function startRedis(...settings: readonly string[]): Promise<RedisServer> {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'sess-cli-redis-'));
  const base = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', ''];
  const child = spawn('redis-server', [...base, ...settings], { stdio: 'ignore' });
  running.add(child);
  child.once('exit', () => running.delete(child));
  for (const giveUpAt = Date.now() + 15_000; !(await isAnswering(port)); await pause(20))
    if (Date.now() > giveUpAt) throw new Error('redis-server does not start. Debian: apt-get install redis-server');
  return {
    port,
    signal: (signal) => void child.kill(signal),
    async dispose() {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGCONT');
        child.kill('SIGKILL');
        await ended;
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Whether it says anything: also that it wants a password. */
function isAnswering(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('error', () => resolve(false));
    socket.once('data', (answer) => {
      resolve(/PONG|NOAUTH/.test(answer.toString()));
      socket.destroy();
    });
    socket.once('close', () => resolve(false));
  });
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
