import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A demo app: all of them serve the same page and the same routes, so one suite tests them all. */
export interface DemoDescription {
  readonly framework: string;
  /** What people type to start it. */
  readonly command: string;
  /** The file that `node` runs. */
  readonly main: string;
  /**
   * The framework draws the page: with scripts of its own, not to be kept by any cache, and with status 500 where the
   * store is away, since the answer has begun when a part of the page finds out.
   */
  readonly drawsPage?: boolean;
  /** What its answers vary by, besides our cookie. */
  readonly variesBy?: readonly string[];
  /** What every start of it finds in its environment: for example where Redis is. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface StartOptions {
  readonly store?: 'fs' | 'memory' | 'redis' | 'postgres' | 'cookie';
  readonly workers?: number;
  /** More of the command line. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** How long a start may take; longer than by default where others keep the machine busy. */
  readonly startsWithinMs?: number;
  /** Runs as this user, which only root can ask for. */
  readonly uid?: number;
}

export interface RunningDemo {
  readonly url: string;
  readonly sessionDirectory: string;
  readonly process: ChildProcess;
  /** Everything it printed so far, both streams. */
  output(): string;
  /** The files that hold sessions: without the secret that development keeps beside them. */
  files(): Promise<string[]>;
  stop(): Promise<void>;
}

const usualStartMs = 20_000;
const stopsWithinMs = 8_000;

/** Only this of our own environment: a test runner's variables would select cookie sessions. */
function scrubbedEnvironment(): Record<string, string> {
  const { PATH, HOME, TMPDIR, LANG } = process.env;
  return Object.fromEntries(
    Object.entries({ PATH, HOME, TMPDIR, LANG }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  );
}

export interface DemoProcess {
  readonly child: ChildProcess;
  output(): string;
  /** Resolves with the exit code; a signal's name if that ended it. */
  readonly ended: Promise<number | string | null>;
}

export function runDemo(
  main: string,
  flags: readonly string[],
  env: Readonly<Record<string, string>>,
  uid?: number,
): DemoProcess {
  const child = spawn(process.execPath, [main, ...flags], {
    env: { ...scrubbedEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid !== undefined && { uid, gid: uid }),
  });
  let text = '';
  const listen = (chunk: Buffer): void => void (text += chunk.toString());
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  const ended = new Promise<number | string | null>((resolve) => {
    child.once('close', (code, signal) => resolve(signal ?? code));
  });
  return { child, output: () => text, ended };
}

async function addressOf({ output, ended }: DemoProcess, startsWithinMs: number): Promise<string> {
  let over = false;
  void ended.then(() => (over = true));
  const deadline = Date.now() + startsWithinMs;
  while (!over && Date.now() < deadline) {
    const address = / demo: (http:\/\/\S+)/.exec(output())?.[1];
    if (address !== undefined) return address;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`The demo did not start${over ? '' : ' in time'}. It said:\n${output()}`);
}

async function stopProcess({ child, ended, output }: DemoProcess): Promise<void> {
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), stopsWithinMs);
  const end = await ended;
  clearTimeout(kill);
  if (end === 'SIGKILL') throw new Error(`The demo had to be killed. It said:\n${output()}`);
}

/** A start whose probe of the store took longer than its bound: that is the machine's doing, and is not tested here. */
const isTooBusy = (error: unknown): boolean => /did not answer within \d+ ms/.test(String(error));

/** Starts a demo on a free port, with a session directory of its own. */
export async function startDemo(demo: DemoDescription, options: StartOptions = {}): Promise<RunningDemo> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(demo, options);
    } catch (error) {
      if (attempt === 3 || !isTooBusy(error)) throw error;
    }
  }
}

async function startOnce(demo: DemoDescription, options: StartOptions): Promise<RunningDemo> {
  const home = await mkdtemp(join(tmpdir(), 'sess-demo-'));
  const sessionDirectory = join(home, 'sessions');
  const flags = ['--port', '0', '--workers', String(options.workers ?? 4)];
  if (options.store !== undefined) flags.push('--store', options.store);
  flags.push(...(options.flags ?? []));

  const env = { SESSION_DIR: sessionDirectory, ...demo.env, ...options.env };
  const running = runDemo(demo.main, flags, env, options.uid);
  const stop = async (): Promise<void> => {
    await stopProcess(running);
    await rm(home, { recursive: true, force: true });
  };
  try {
    return {
      url: await addressOf(running, options.startsWithinMs ?? usualStartMs),
      sessionDirectory,
      process: running.child,
      output: running.output,
      files: async () => {
        const entries = await readdir(sessionDirectory, { recursive: true, withFileTypes: true });
        return entries
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name))
          .toSorted();
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
