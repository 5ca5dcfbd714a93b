import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SessionStore } from '@sess/core';
import { soon } from '../src/patience.ts';
import { appStorage } from '@sess/core/internal';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const packages = fileURLToPath(new URL('../node_modules/@sess', import.meta.url));

export interface Outcome {
  code: number | null;
  out: string;
  err: string;
}

export interface HowToRun {
  env?: Readonly<Record<string, string>>;
  /** In a terminal of 80 columns, where `out` is both streams; this is typed there, as soon as `typedAt` is to be seen. */
  typing?: string;
  typedAt?: RegExp;
}

/** The folder of an app, with the storage packages installed, and the built command run in it. */
export interface AppFolder {
  readonly path: string;
  readonly sessions: string;
  /** The app's own environment: files in a directory of its own. */
  readonly env: Readonly<Record<string, string>>;
  write(name: string, text: string): string;
  /** Runs `sess` as a real process, in a pipe unless something is typed. */
  sess(args: readonly string[], how?: HowToRun): Promise<Outcome>;
  /** The app's storage, as the app has it. */
  open(env?: Readonly<Record<string, string>>): Promise<SessionStore>;
  remove(): Promise<void>;
}

export function makeAppFolder(): AppFolder {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'sess-cli-app-')));
  mkdirSync(join(path, 'node_modules'));
  symlinkSync(packages, join(path, 'node_modules', '@sess'));
  writeFileSync(join(path, 'package.json'), '{"type":"module"}');
  const sessions = join(path, 'sessions');
  const env = { SESSION_DIR: sessions };
  const opened: { close(): Promise<void> }[] = [];
  return {
    path,
    sessions,
    env,
    write(name, text) {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      return file;
    },
    sess: (args, how = {}) => run(path, args, { env, ...how }),
    async open(other = env) {
      const storage = appStorage({ env: other }, path);
      opened.push(storage);
      return storage.open();
    },
    async remove() {
      for (const storage of opened) await storage.close();
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** With none of a test runner's variables, which would select cookie sessions. */
function run(cwd: string, args: readonly string[], { env = {}, typing, typedAt }: HowToRun): Promise<Outcome> {
  const { PATH = '', HOME = '' } = process.env;
  const whole = { PATH, HOME, TERM: 'xterm-256color', ...env };
  const [program, programArgs]: [string, readonly string[]] =
    typing === undefined ? [process.execPath, [main, ...args]] : inTerminal([process.execPath, main, ...args]);
  return new Promise((resolve, reject) => {
    const child = spawn(program, programArgs, { cwd, env: whole });
    let out = '';
    let err = '';
    let isTyped = false;
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      out += chunk;
      if (isTyped || typing === undefined || typedAt?.test(out) !== true) return;
      isTyped = true;
      child.stdin.write(typing);
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err }));
    // A terminal that is closed sends ^D: it stays open until the command has ended.
    if (typing === undefined) child.stdin.end();
  });
}

/** script(1) makes the terminal, and ends with the exit code of what ran in it. */
function inTerminal(command: readonly string[]): [string, readonly string[]] {
  const line = `stty cols 80; exec ${command.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ')}`;
  return process.platform === 'darwin'
    ? ['script', ['-q', '/dev/null', 'sh', '-c', line]]
    : ['script', ['-qec', line, '/dev/null']];
}

const hourMs = 3_600_000;

/** A session that is stored: made two hours ago, seen one hour ago. */
export async function storeSession(
  store: SessionStore,
  handle: string,
  {
    fields = {},
    owner,
    label,
    expiresInMs = 12 * hourMs,
  }: { fields?: Record<string, string>; owner?: string; label?: string; expiresInMs?: number } = {},
): Promise<string> {
  const now = Date.now();
  const record = {
    fields,
    createdAt: now - 2 * hourMs,
    touchedAt: now - hourMs,
    expiresAt: now + expiresInMs,
    writeIds: [],
    ...(owner === undefined ? {} : { owner }),
    ...(label === undefined ? {} : { settings: { label } }),
  };
  const isCreated = await store.create(handle, record, soon());
  if (!isCreated) throw new Error(`${handle} is taken`);
  return handle;
}

/** Handles that tell themselves apart by their first digits. */
export function handleOf(number: number): string {
  return number.toString(16).padStart(8, '0').repeat(8);
}
