import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

// Not e2e's own: a package `node` there would be the Node.js that runs its tests.
const ofTheChecks = createRequire(new URL('../fixtures/checks/', import.meta.url));

/** The program of a package that has one for Linux on x64; elsewhere there is none. */
function program(name: string, file: string): string | undefined {
  try {
    const path = join(dirname(ofTheChecks.resolve(`${name}/package.json`)), file);
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

const node = (version: string): string | undefined => program(`node${version}`, 'bin/node');
const bun = program('@oven/bun-linux-x64', 'bin/bun');
const deno = program('@deno/linux-x64-glibc', 'deno');
const denoRights = ['--allow-net', '--allow-env', '--allow-read', '--allow-write', '--allow-sys'];

/** What a program is started with, by the name of the runtime. What this machine has no program for is not there. */
export const runtimes: ReadonlyMap<string, readonly string[]> = new Map(
  [
    ...['20', '22', '24', '26'].map((version) => [`Node.js ${version}`, node(version)] as const),
    ['Bun', bun] as const,
    ['Deno', deno, 'run', ...denoRights] as const,
  ].flatMap(([name, found, ...args]) => (found === undefined ? [] : [[name, [found, ...args]] as const])),
);
