import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Outcome {
  readonly ok: boolean;
  readonly output: string;
}

/** Runs a program to its end. `env` is all that it finds. */
export function runProgram(
  program: string,
  args: readonly string[],
  { cwd, env = process.env, withinMs = 280_000 }: { cwd: string; env?: NodeJS.ProcessEnv; withinMs?: number },
): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd, env, timeout: withinMs, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
      resolve({ ok: error === null, output: stdout + stderr }),
    );
  });
}

/** The one that package.json pins, as a file: to be started under an environment where npx would not find it. */
export async function pnpmProgram(): Promise<string> {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { packageManager: string };
  const npx = ['--prefer-offline', '--yes', '--package', packageManager, '--call', 'command -v pnpm'];
  const { ok, output } = await runProgram('npx', npx, { cwd: root });
  const path = output.split('\n').find((line) => line.startsWith('/'));
  if (!ok || path === undefined) throw new Error(`There is no ${packageManager}:\n${output}`);
  return path;
}

export interface PublishedPackage {
  readonly name: string;
  readonly version: string;
  readonly folder: string;
}

/** A copy of the packages, in which changesets makes versions and publishes them. The tree stays as it is. */
export interface Release {
  readonly folder: string;
  /** The public packages, as they are in the copy now. */
  packages(): PublishedPackage[];
  /** Whether there are changesets that are in no version yet. */
  hasChanges(): boolean;
  describeChange(text: string, bumps: Readonly<Record<string, 'patch' | 'minor'>>): void;
  version(): Promise<Outcome>;
  publish(npmrc: string, env?: Readonly<Record<string, string>>): Promise<Outcome>;
  dispose(): void;
}

/** Only this of our own environment: a registry, a token or CI named there is not meant for a rehearsal. */
export function quietEnvironment(home: string): Record<string, string> {
  const { PATH = '' } = process.env;
  return { PATH, HOME: home, TMPDIR: home, LANG: 'C.UTF-8', npm_config_cache: join(home, 'npm-cache') };
}

export async function makeRelease(pnpm: string): Promise<Release> {
  const directory = mkdtempSync(join(tmpdir(), 'sess-publish-'));
  const folder = join(directory, 'copy');
  const dispose = (): void => rmSync(directory, { recursive: true, force: true });
  const copied = await runProgram(process.execPath, [join(root, 'scripts/release-copy.mjs'), folder], { cwd: root });
  if (!copied.ok) {
    dispose();
    throw new Error(`The packages could not be copied:\n${copied.output}`);
  }
  const changeset = join(root, 'node_modules/.bin/changeset');
  const quiet = quietEnvironment(directory);
  const PATH = [dirname(pnpm), quiet['PATH']].join(delimiter);
  return {
    folder,
    packages: () =>
      readdirSync(join(folder, 'packages'))
        .map((name) => join(folder, 'packages', name))
        .map((path) => ({ path, manifest: manifestIn(path) }))
        .filter(({ manifest }) => manifest.private !== true)
        .map(({ path, manifest: { name, version } }) => ({ name, version, folder: path })),
    hasChanges: () => readdirSync(join(folder, '.changeset')).some((name) => name.endsWith('.md')),
    describeChange(text, bumps) {
      const lines = Object.entries(bumps).map(([name, bump]) => `'${name}': ${bump}`);
      writeFileSync(join(folder, '.changeset/rehearsal.md'), `---\n${lines.join('\n')}\n---\n\n${text}\n`);
    },
    version: () => runProgram(changeset, ['version'], { cwd: folder, env: { ...quiet, PATH } }),
    publish: (npmrc, env = {}) =>
      runProgram(changeset, ['publish'], {
        cwd: folder,
        // changesets takes the registry from the variable alone, and would otherwise name npm's own to pnpm.
        env: { ...quiet, PATH, npm_config_userconfig: npmrc, npm_config_registry: registryIn(npmrc), ...env },
      }),
    dispose,
  };
}

function manifestIn(folder: string): { name: string; version: string; private?: boolean } {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name: string; version: string };
}

function registryIn(npmrc: string): string {
  const registry = /^registry=(.+)$/m.exec(readFileSync(npmrc, 'utf8'))?.[1];
  if (registry?.startsWith('http://127.0.0.1:') !== true)
    throw new Error('A rehearsal publishes to the loopback only.');
  return registry;
}
