import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

export const { packageManager } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

const quiet = { TURBO_TELEMETRY_DISABLED: '1', NEXT_TELEMETRY_DISABLED: '1' };

/** Ctrl-C comes twice: from the terminal, and passed on by npm. The program below us is to be told once. */
const signalEchoMs = 250;

/**
 * Runs a program in the root of the repository, on our terminal, and waits for its end.
 * SIGINT, SIGTERM and SIGHUP go on to it, and we end when it has ended.
 * @returns {Promise<number>} its exit code; 128 plus the signal's number when a signal ended it
 */
export function run(program, args, options = {}) {
  const child = spawn(program, args, {
    cwd: root,
    stdio: 'inherit',
    ...options,
    env: { ...process.env, ...quiet, ...options.env },
  });
  let forwardedAt = -Infinity;
  const forward = (signal) => {
    const isEcho = performance.now() - forwardedAt < signalEchoMs;
    forwardedAt = performance.now();
    if (!isEcho) child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  }).finally(() => {
    for (const signal of signals) process.off(signal, forward);
  });
}

/** `--prefer-offline`: without it npx hangs for a minute on a machine without a network. */
export function pnpm(args) {
  return run('npx', ['--prefer-offline', '--yes', packageManager, ...args]);
}

export function npmRun(script) {
  return run('npm', ['run', '--silent', script]);
}

/** Prints the name of a step and the time it took; a step that fails ends the program with its exit code. */
export async function step(name, work) {
  console.log(`\n--- ${name}`);
  const start = performance.now();
  const code = await work();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  if (code !== 0) {
    console.error(`\nStopped: "${name}" failed after ${seconds} s (exit code ${code}). The lines above say why.`);
    process.exit(code);
  }
  console.log(`--- ${name}: done in ${seconds} s`);
}
