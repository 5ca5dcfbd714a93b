import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(
    process.execPath,
    [join(fixture, 'node_modules/next/dist/bin/next'), mode, '--hostname', '127.0.0.1', '--port', String(port)],
    {
      cwd: folder,
      env: { PATH, HOME, NEXT_TELEMETRY_DISABLED: '1', SESSION_DIR: join(home, 'sessions'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    },
  );
  running.add(child);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => void (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => void (text += chunk.toString()));
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
    if (answer?.status === 200) return { url, output: () => text, stop };
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`next ${mode} did not start. It said:\n${text}`);
    }
    await pause(100);
  }
}
