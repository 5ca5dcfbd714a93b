import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** A redis-server of our own: a free port of the loopback, a directory of its own, ended by its pid. */
export interface RedisServer {
  readonly port: number;
  readonly directory: string;
  readonly url: string;
  /** For looking, and for breaking things. It speaks to the server itself, whatever stands before it. */
  readonly admin: Redis;
  signal(signal: NodeJS.Signals): void;
  kill(): Promise<void>;
  /** Starts it again where it was, with what it kept. */
  start(...more: string[]): Promise<void>;
  dispose(): Promise<void>;
}

/** What still runs when the test process ends goes with it. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

type Settings = readonly string[] | readonly [(directory: string) => readonly string[]];

/** Settings are as on the command line: `'--appendonly', 'yes'`. A file among them has to come first. */
export async function startRedis(...settings: Settings): Promise<RedisServer> {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'sess-e2e-redis-'));
  const given = settings.flatMap((setting) => (typeof setting === 'string' ? [setting] : setting(directory)));
  const base = [...given, '--port', String(port), '--bind', '127.0.0.1', '--dir', directory];
  // Nothing on disk unless it is asked for. Sentinels do not know the setting.
  if (!given.includes('--sentinel')) base.push('--save', '');
  const admin = new Redis({ port, lazyConnect: true, retryStrategy: () => 50, maxLoadingRetryTime: 50 });
  admin.on('error', () => {});
  let child = await spawnRedis(port, base);

  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return {
    port,
    directory,
    url: `redis://127.0.0.1:${port}`,
    admin,
    signal: (signal) => void child.kill(signal),
    kill,
    async start(...more) {
      child = await spawnRedis(port, [...base, ...more]);
    },
    async dispose() {
      admin.disconnect();
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Asks again and again until it is so. An error is a no. */
export async function until(isSo: () => Promise<boolean>, patienceMs = 15_000): Promise<void> {
  for (const giveUpAt = Date.now() + patienceMs; !(await isSo().catch(() => false)); await pause(20)) {
    if (Date.now() > giveUpAt) throw new Error(`It is not so after ${patienceMs} ms: ${isSo.toString()}`);
  }
}

async function spawnRedis(port: number, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', (error) => reject(new Error(`${error.message}. Debian: apt-get install redis-server`)));
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${args.join(' ')}`)));
  });
  // Not an unhandled rejection when it ends later.
  failed.catch(() => {});
  await Promise.race([until(() => isAnswering(port)), failed]);
  return child;
}

/** Whether it says anything: also that it is loading, or wants a password. */
async function isAnswering(port: number): Promise<boolean> {
  return /PONG|NOAUTH|LOADING|MASTERDOWN/.test(await answerOf(port));
}

/** What it says to a PING, at once: a client with a ready check would wait until it has loaded its data. */
export async function answerOf(port: number): Promise<string> {
  const probe = new Redis({ port, lazyConnect: true, enableReadyCheck: false, retryStrategy: () => null });
  probe.on('error', () => {});
  try {
    await probe.connect();
    return await probe.ping();
  } catch (error) {
    return String(error);
  } finally {
    probe.disconnect();
  }
}

/** A port that is free, and so is the one 10000 above, on which the nodes of a cluster talk. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
