import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FsStoreOptions } from '../fs-store.ts';
import type { AppVerbs } from './app-store.mjs';

type Verb = keyof AppVerbs | 'sweep' | 'check' | 'close';
type Call =
  | Verb
  | 'open'
  | 'become'
  | 'umask'
  | 'stall'
  | 'hash'
  | 'lookUp'
  | 'untilInThread'
  | 'appSideCalls'
  | 'hangOnFifos'
  | 'flood'
  | 'overwrite'
  | 'contend'
  | 'contendNaively'
  | 'stop';

export interface StoreProcess {
  child: ChildProcess;
  pid: number;
  /** What has been acknowledged so far, by the name under which it was counted. */
  acknowledged: Map<string, number>;
  /** Rejects with what the call threw (`code`, `message`), or with `died` when the process ended first. */
  call(call: Call, ...args: unknown[]): Promise<unknown>;
  kill(signal: NodeJS.Signals): void;
  ended(): Promise<void>;
}

export class ProcessDied extends Error {}

type Message =
  | { id: number; value?: unknown; error?: { code: string; message: string } }
  | { acknowledged: number; by: string };

const script = fileURLToPath(new URL('store-process.mjs', import.meta.url));
const built = fileURLToPath(new URL('../../dist/index.js', import.meta.url));

/** Starts a process of its own with the package as it was built. */
export function startProcess(env: Record<string, string> = {}): StoreProcess {
  if (!existsSync(built)) throw new Error('Build the package first: the processes of the tests run what was built.');
  const child = fork(script, { serialization: 'advanced', execArgv: [], env: { ...process.env, ...env } });
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  const acknowledged = new Map<string, number>();
  let calls = 0;
  let hasEnded = false;

  child.on('message', (message) => {
    const told = message as Message;
    if ('acknowledged' in told) {
      acknowledged.set(told.by, told.acknowledged);
      return;
    }
    const { id, value, error } = told;
    if (error) waiting.get(id)?.reject(Object.assign(new Error(error.message), error));
    else waiting.get(id)?.resolve(value);
    waiting.delete(id);
  });
  const end = once(child, 'exit').then(() => {
    hasEnded = true;
    for (const { reject } of waiting.values()) reject(new ProcessDied('died'));
  });

  return {
    child,
    pid: child.pid ?? 0,
    acknowledged,
    call(call, ...args) {
      if (hasEnded) return Promise.reject(new ProcessDied('died'));
      const id = calls++;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        child.send({ id, call, args }, () => undefined);
      });
    },
    kill: (signal) => void child.kill(signal),
    ended: () => end,
  };
}

/** Starts a process and opens a store in it. */
export async function startStore(options: FsStoreOptions, env: Record<string, string> = {}): Promise<StoreProcess> {
  const started = startProcess(env);
  await started.call('open', options);
  return started;
}

/** The same, and waits until the store's thread does its work. */
export async function startThreaded(options: FsStoreOptions, env: Record<string, string> = {}): Promise<StoreProcess> {
  const started = await startStore(options, env);
  await started.call('untilInThread');
  return started;
}

export interface Tracer {
  /** Leaves the process, which goes on undisturbed. */
  detach(): Promise<void>;
  /** What was traced so far. */
  lines(): string[];
}

/** Attaches strace to a process and all its threads. */
export async function trace(pid: number, ...options: string[]): Promise<Tracer> {
  const tracer = spawn('strace', ['-f', ...options, '-p', String(pid)], { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  await new Promise<void>((resolve, reject) => {
    tracer.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('attached')) resolve();
    });
    tracer.once('exit', () => reject(new Error(`strace: ${output}`)));
  });
  return {
    async detach() {
      if (tracer.exitCode !== null || tracer.signalCode !== null) return;
      tracer.kill('SIGTERM');
      await once(tracer, 'exit');
    },
    lines: () => output.split('\n'),
  };
}

export const isRoot: boolean = process.getuid?.() === 0;

/** Why there is no tracing here; `undefined` when there is. Root is never let off. */
export function untraceable(): string | undefined {
  if (isRoot) return undefined;
  const { status } = spawnSync('strace', ['-e', 'trace=none', process.execPath, '-e', '0']);
  return status === 0 ? undefined : 'strace cannot trace here';
}
