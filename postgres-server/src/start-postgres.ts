import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from './free-port.ts';
import { postgresProgram, postgresUser } from './postgres-program.ts';
import { endWithThisProcess, hasEnded, signalAll } from './process-family.ts';
import { until } from './until.ts';

/** A PostgreSQL of our own: a free port of the loopback, data of its own, ended by its pid. */
export interface PostgresServer {
  readonly port: number;
  readonly url: string;
  readonly directory: string;
  /** Of its first process. */
  readonly pid: number;
  /** For looking and for breaking things, as the superuser. Closed with the server. */
  readonly admin: pg.Pool;
  /** For the server and all processes that it has made. */
  signal(name: NodeJS.Signals): void;
  /** Ends it at once, with all of its processes: nothing is written down any more. */
  kill(): Promise<void>;
  /** Starts it again where it was. */
  start(): Promise<void>;
  dispose(): Promise<void>;
}

export interface PostgresServerOptions {
  /** As in postgresql.conf, `max_connections=8`. They come after those that suit tests. */
  settings?: readonly string[];
  /** A program with arguments that starts the server, such as `taskset -c 1`. */
  startedBy?: readonly string[];
}

const forTests = [
  // The server is killed, but the machine is not: what was written is there.
  'fsync=off',
  'shared_buffers=16MB',
  'max_connections=60',
];

const user = postgresUser();

export async function startPostgres({
  settings = [],
  startedBy = [],
}: PostgresServerOptions = {}): Promise<PostgresServer> {
  const port = await freePort();
  const directory = ownFolder('sess-postgres-');
  const data = join(directory, 'data');
  execFileSync('cp', ['-a', initialised(), data]);
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const admin = new pg.Pool({ connectionString: url, max: 4, idleTimeoutMillis: 1000, allowExitOnIdle: true });
  admin.on('error', () => {});
  const all = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', ...forTests, ...settings];
  const command = [...startedBy, postgresProgram('postgres'), '-D', data, ...all.flatMap((setting) => ['-c', setting])];
  let child = run(command);

  async function kill(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    const family = signalAll(child, 'SIGKILL');
    await exited;
    await until(() => family.every(hasEnded));
  }

  await until(() => answers(url), 30_000);
  return {
    port,
    url,
    directory,
    get pid() {
      return child.pid ?? 0;
    },
    admin,
    signal: (name) => void signalAll(child, name),
    kill,
    async start() {
      child = run(command);
      await until(() => answers(url), 30_000);
    },
    async dispose() {
      await kill();
      await admin.end().catch(() => {});
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function run([program = '', ...args]: readonly string[]): ChildProcess {
  const child = spawn(program, args, { stdio: 'ignore', ...user });
  endWithThisProcess(child);
  return child;
}

let template: string | undefined;

/** A folder of data that no server has run on: made once for all servers of this process, since it takes a second. */
function initialised(): string {
  if (template !== undefined) return template;
  const folder = ownFolder('sess-postgres-template-');
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const data = join(folder, 'data');
  const args = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  execFileSync(postgresProgram('initdb'), args, { stdio: 'pipe', cwd: folder, ...user });
  template = data;
  return data;
}

function ownFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  return folder;
}

/** Whether it takes connections, also one that it refuses for want of a password. */
async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && String(error.code).startsWith('28');
  } finally {
    await client.end().catch(() => {});
  }
}
