import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** A redis-server of our own: a free port of the loopback, a directory of its own, ended by its pid. */
export interface TestServer {
  readonly port: number;
  readonly directory: string;
  readonly url: string;
  readonly pid: number;
  /** Ends it, by default without letting it know. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again where it was, with its data if it kept any. */
  start(...more: string[]): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** A plain client, for looking and for breaking things. Closed with the server. */
  readonly admin: Redis;
  dispose(): Promise<void>;
}

/** `REDIS_SERVER=valkey-server` runs all tests on Valkey. */
const program = process.env['REDIS_SERVER'] ?? 'redis-server';

/** What still runs when the test process ends goes with it. */
const running = new Set<ChildProcess>();
function endAll(): void {
  for (const child of running) child.kill('SIGKILL');
}
process.on('exit', endAll);
// A runner that gives up ends its workers like this.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.once(signal, () => {
    endAll();
    process.exit(1);
  });
}

export async function startServer(...settings: string[]): Promise<TestServer> {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'sess-redis-'));
  // One argument a line, as in redis.conf: '--save', ''.
  const base = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', '', '--daemonize', 'no'];
  let child: ChildProcess | undefined;
  const password = settings[settings.indexOf('--requirepass') + 1];
  const admin = new Redis({
    port,
    lazyConnect: true,
    retryStrategy: () => 50,
    ...(settings.includes('--requirepass') && password !== undefined && { password }),
  });
  admin.on('error', () => {});

  async function start(...more: string[]): Promise<void> {
    child = run(program, [...base, ...settings, ...more]);
    await answering(port);
  }

  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (child) await end(child, signal);
    child = undefined;
  }

  await start();
  return {
    port,
    directory,
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return child?.pid ?? 0;
    },
    kill,
    start,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    admin,
    async dispose() {
      admin.disconnect();
      child?.kill('SIGCONT');
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export interface TestSentinel {
  readonly url: string;
  /** The first is the master to begin with. */
  readonly servers: readonly TestServer[];
  dispose(): Promise<void>;
}

/** A master, its replica and three sentinels, which fail over after one and a half seconds. */
export async function startSentinel(): Promise<TestSentinel> {
  const master = await startServer();
  const replica = await startServer('--replicaof', '127.0.0.1', String(master.port));
  const sentinels: { port: number; child: ChildProcess; directory: string }[] = [];
  for (let count = 0; count < 3; count++) {
    const port = await freePort();
    const directory = mkdtempSync(join(tmpdir(), 'sess-sentinel-'));
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${directory}`,
      `sentinel monitor mymaster 127.0.0.1 ${master.port} 2`,
      'sentinel down-after-milliseconds mymaster 1500',
      'sentinel failover-timeout mymaster 3000',
    ];
    const file = join(directory, 'sentinel.conf');
    writeFileSync(file, `${lines.join('\n')}\n`);
    const child = run(program, [file, '--sentinel']);
    sentinels.push({ port, child, directory });
    await answering(port);
  }
  // A failover needs sentinels that know the replica and each other.
  for (const { port } of sentinels) {
    const sentinel = new Redis({ port });
    await until(async () => {
      const [info] = parseMasters(await sentinel.call('SENTINEL', 'MASTERS'));
      return info?.get('num-slaves') === '1' && info.get('num-other-sentinels') === '2';
    });
    sentinel.disconnect();
  }
  await until(async () => (await master.admin.info('replication')).includes('state=online'));
  return {
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/mymaster/0`,
    servers: [master, replica],
    async dispose() {
      for (const { child, directory } of sentinels) {
        await end(child, 'SIGKILL');
        rmSync(directory, { recursive: true, force: true });
      }
      await replica.dispose();
      await master.dispose();
    },
  };
}

export interface TestCluster {
  readonly url: string;
  readonly masters: readonly TestServer[];
  readonly replicas: readonly TestServer[];
  dispose(): Promise<void>;
}

/** Three masters, each with as many replicas as asked for. */
export async function startCluster(replicasEach = 0): Promise<TestCluster> {
  const settings = [
    '--cluster-enabled',
    'yes',
    '--cluster-node-timeout',
    '1000',
    '--cluster-config-file',
    'nodes.conf',
  ];
  const masters = await Promise.all(Array.from({ length: 3 }, () => startServer(...settings)));
  const replicas = await Promise.all(Array.from({ length: 3 * replicasEach }, () => startServer(...settings)));
  const [first] = masters;
  if (first === undefined) throw new Error('no masters');
  for (const [at, master] of masters.entries()) {
    await master.admin.call('CLUSTER', 'SET-CONFIG-EPOCH', at + 1);
    await master.admin.call(
      'CLUSTER',
      'ADDSLOTSRANGE',
      Math.ceil((16384 * at) / 3),
      Math.ceil((16384 * (at + 1)) / 3) - 1,
    );
  }
  const all = [...masters, ...replicas];
  for (const server of all) await server.admin.call('CLUSTER', 'MEET', '127.0.0.1', first.port);
  const knowsAll = async (server: TestServer) =>
    String(await server.admin.call('CLUSTER', 'INFO')).includes(`cluster_known_nodes:${all.length}`);
  for (const server of all) await until(() => knowsAll(server));
  for (const [at, replica] of replicas.entries()) {
    const id = String(await masters[at % 3]?.admin.call('CLUSTER', 'MYID'));
    await until(() =>
      replica.admin.call('CLUSTER', 'REPLICATE', id).then(
        () => true,
        () => false,
      ),
    );
  }
  for (const server of all) {
    await until(async () => String(await server.admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  }
  for (const replica of replicas) {
    await until(async () => (await replica.admin.info('replication')).includes('master_link_status:up'));
  }
  return {
    url: `redis+cluster://${masters.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    masters,
    replicas,
    dispose: async () => void (await Promise.all(all.map((server) => server.dispose()))),
  };
}

/** Asks again and again until it is so, and gives up after a while. */
export async function until(isSo: () => Promise<boolean> | boolean, patienceMs = 15_000): Promise<void> {
  for (const giveUpAt = Date.now() + patienceMs; !(await isSo());) {
    if (Date.now() > giveUpAt) throw new Error(`It is not so after ${patienceMs} ms: ${isSo.toString()}`);
    await wait(20);
  }
}

function run(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: 'ignore' });
  running.add(child);
  child.on('error', (error) => {
    throw new Error(`${command} cannot be started: ${error.message}. Debian: apt-get install redis-server`);
  });
  child.on('exit', () => running.delete(child));
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

/** A port that is free, and so is the one 10000 above, which a cluster's nodes talk on. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Answers anything at all: also that it is loading, or wants a password. */
async function answering(port: number): Promise<void> {
  await until(async () => {
    const probe = new Redis({
      port,
      lazyConnect: true,
      enableReadyCheck: false,
      retryStrategy: () => null,
      protocol: 2,
    });
    probe.on('error', () => {});
    try {
      await probe.connect();
      await probe.ping();
      return true;
    } catch (error) {
      return error instanceof Error && /NOAUTH|LOADING|MASTERDOWN/.test(error.message);
    } finally {
      probe.disconnect();
    }
  });
}

function parseMasters(answer: unknown): Map<string, string>[] {
  if (!Array.isArray(answer)) return [];
  return answer.map((flat: unknown) => {
    const list = Array.isArray(flat) ? flat.map(String) : [];
    return new Map(list.flatMap((name, at) => (at % 2 === 0 ? [[name, list[at + 1] ?? '']] : [])));
  });
}
