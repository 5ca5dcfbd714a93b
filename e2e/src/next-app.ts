import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { send } from './http-client.ts';
import { freePort } from './redis-server.ts';

/** The app with every corner of @sess/next. It is built with webpack; `next dev` and the demo use Turbopack. */
export const fixture: string = fileURLToPath(new URL('../../apps/next-fixture/', import.meta.url));

const startsWithinMs = 90_000;

export interface NextApp {
  readonly url: string;
  output(): string;
  stop(): Promise<void>;
}

/** What still runs when the test process ends goes with it. */
const running = new Set<ChildProcess>();
process.on('exit', () => running.forEach((child) => kill(child, 'SIGKILL')));

/** With its children: `next dev` answers from a process of its own. */
function kill({ pid, exitCode, signalCode }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, signal);
}

/** Next.js, in a process of its own. */
function runNext(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string,
): { child: ChildProcess; output(): string } {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [join(fixture, 'node_modules/next/dist/bin/next'), ...args], {
    cwd,
    env: { PATH, HOME, NEXT_TELEMETRY_DISABLED: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  running.add(child);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => void (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => void (text += chunk.toString()));
  return { child, output: () => text };
}

/** What each small app has, and what Next.js would else look for further up. */
const smallApp: Readonly<Record<string, string>> = {
  'package.json': '{ "private": true, "type": "module" }',
  'next.config.js': 'export default {};',
  'app/layout.jsx':
    'export default function Layout({ children }) { return <html lang="en"><body>{children}</body></html>; }',
  'app/static/page.jsx': 'export default function Page() { return <p>Here.</p>; }',
};

/**
 * Writes an app of a few files, with a layout and a page `/static`.
 * @returns its folder, which Git leaves alone and from which the fixture's packages are found
 */
export async function writeNextApp(files: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(join(fixture, 'dist'), { recursive: true });
  const folder = await mkdtemp(join(fixture, 'dist', 'app-'));
  for (const [name, text] of Object.entries({ ...smallApp, ...files })) {
    await mkdir(join(folder, dirname(name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

/** @returns how `next build` ended, and what it said */
export async function buildNextApp(
  folder: string,
  bundler: 'turbopack' | 'webpack',
): Promise<{ code: number | null; output: string }> {
  const { child, output } = runNext(['build', `--${bundler}`], {}, folder);
  const code = await new Promise<number | null>((resolve) => void child.once('close', resolve));
  running.delete(child);
  return { code, output: output() };
}

/**
 * Starts the app as its users would, in a process of its own, on files of its own if no Redis is named.
 * @param folder of another app. It has a page `/static`, and finds Next.js where the fixture does.
 */
export async function startNextApp(
  mode: 'start' | 'dev',
  env: Readonly<Record<string, string>>,
  folder: string = fixture,
): Promise<NextApp> {
  const home = await mkdtemp(join(tmpdir(), 'sess-next-'));
  const port = await freePort();
  const { child, output } = runNext(
    [mode, '--hostname', '127.0.0.1', '--port', String(port)],
    { SESSION_DIR: join(home, 'sessions'), ...env },
    folder,
  );
  const ended = new Promise<void>((resolve) => void child.once('close', () => resolve()));
  const stop = async (): Promise<void> => {
    kill(child, 'SIGTERM');
    const late = setTimeout(() => kill(child, 'SIGKILL'), 10_000);
    await ended;
    clearTimeout(late);
    running.delete(child);
    await rm(home, { recursive: true, force: true });
  };

  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + startsWithinMs;
  for (;;) {
    const answer = await send(`${url}/static`, { withinMs: 60_000 }).catch(() => undefined);
    if (answer?.status === 200) return { url, output, stop };
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`next ${mode} did not start. It said:\n${output()}`);
    }
    await pause(100);
  }
}
