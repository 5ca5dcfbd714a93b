import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

const { packageManager } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

const quiet = { TURBO_TELEMETRY_DISABLED: '1', NEXT_TELEMETRY_DISABLED: '1' };

/**
 * Runs a program in the root of the repository with our terminal, and waits for its end.
 * @returns {Promise<{ code: number | null, signal: NodeJS.Signals | null }>}
 */
export function run(program, args, options = {}) {
  const child = spawn(program, args, {
    cwd: root,
    stdio: 'inherit',
    ...options,
    env: { ...process.env, ...quiet, ...options.env },
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** `--prefer-offline`: without it npx hangs for a minute on a machine without a network. */
export function spawnPnpm(args, options) {
  return run('npx', ['--prefer-offline', '--yes', packageManager, ...args], options);
}

export function exitLike({ code, signal }) {
  process.exitCode = signal === null ? (code ?? 1) : 1;
}
