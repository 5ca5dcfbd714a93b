import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Language, Manager, NodeVersion } from './install-matrix.ts';
import { InstalledApp } from './install-running.ts';
import { type Outcome, runProgram } from './publish-release.ts';

const fixtures = fileURLToPath(new URL('../fixtures/install/', import.meta.url));

/** Node.js as a package, which there is for Linux on x64; elsewhere all cells run under our own. */
export function nodeProgram(version: NodeVersion): string {
  const program = fileURLToPath(new URL(`../fixtures/checks/node_modules/node${version}/bin/node`, import.meta.url));
  if (process.platform === 'linux' && process.arch === 'x64') return realpathSync(program);
  return process.execPath;
}

/** What all cells share: where they install from, and the caches of what they have fetched. */
export interface Installer {
  readonly npmrc: string;
  readonly pnpm: string;
  readonly caches: string;
}

/** An empty folder outside the workspace, in which somebody begins an app. */
export class AppFolder {
  readonly path: string = realpathSync(mkdtempSync(join(tmpdir(), 'sess-app-')));
  readonly #installer: Installer;
  readonly #node: string;
  readonly #running: ChildProcess[] = [];

  constructor(installer: Installer, node: NodeVersion, type: 'module' | 'commonjs' = 'module') {
    this.#installer = installer;
    this.#node = nodeProgram(node);
    // Whatever the engines of a package refuse, and whatever peers do not fit, is an error.
    const strict = 'engine-strict=true\nstrict-peer-deps=true\n';
    writeFileSync(join(this.path, '.npmrc'), readFileSync(installer.npmrc, 'utf8') + strict);
    this.write('package.json', JSON.stringify({ name: 'app', private: true, type }));
    // pnpm waits with versions that are younger than a day: ours are seconds old.
    this.write('pnpm-workspace.yaml', JSON.stringify({ packages: ['.'], minimumReleaseAge: 0 }));
  }

  /** Only this, so that a test runner's or the workspace's variables are not inherited. */
  environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    const { caches, npmrc } = this.#installer;
    const PATH = [dirname(this.#node), dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter);
    return {
      PATH,
      HOME: this.path,
      LANG: 'C.UTF-8',
      npm_config_userconfig: npmrc,
      npm_config_cache: join(caches, 'npm'),
      NEXT_TELEMETRY_DISABLED: '1',
      ...more,
    };
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(join(this.path, name)), { recursive: true });
    writeFileSync(join(this.path, name), text);
  }

  addFixture(name: string): void {
    cpSync(join(fixtures, name), this.path, { recursive: true });
  }

  /** The text of a file of the folder: for example of a package that was installed. */
  read(name: string): string {
    return readFileSync(join(this.path, name), 'utf8');
  }

  run(program: string, args: readonly string[]): Promise<Outcome> {
    return runProgram(program, args, { cwd: this.path, env: this.environment() });
  }

  async install(manager: Manager, packages: readonly string[]): Promise<void> {
    const { pnpm, caches } = this.#installer;
    const { ok, output } =
      manager === 'npm'
        ? await this.run('npm', ['install', ...packages])
        : await this.run(pnpm, ['add', '--store-dir', join(caches, 'pnpm'), ...packages]);
    if (!ok) throw new Error(`${manager} could not install ${packages.join(' ')}:\n${output}`);
  }

  /** Compiles `app.ts` as the language says, with nothing skipped. @returns what is to be run */
  async compile(language: Language): Promise<string> {
    const [resolution = '', extension = '.ts'] = language.split(' ');
    const outDir = join('compiled', language.replace(' ', ''));
    const source = `app${extension}`;
    if (extension !== '.ts') this.write(source, this.read('app.ts'));
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      target: 'es2022',
      module: resolution === 'bundler' ? 'esnext' : resolution,
      moduleResolution: resolution === 'commonjs' ? 'node10' : resolution,
      esModuleInterop: true,
      skipLibCheck: false,
      types: ['node'],
      outDir,
    };
    const project = `tsconfig.${language.replace(' ', '')}.json`;
    this.write(project, JSON.stringify({ compilerOptions, files: [source] }));
    const { ok, output } = await this.run(join(this.path, 'node_modules/.bin/tsc'), ['-p', project]);
    if (!ok) throw new Error(`${language} does not compile:\n${output}`);
    if (resolution === 'commonjs') this.write(join(outDir, 'package.json'), JSON.stringify({ type: 'commonjs' }));
    return join(outDir, source.replace('ts', 'js'));
  }

  /** Starts a program under the folder's Node.js, and waits until it says on which port it answers. */
  start(args: readonly string[], env: Readonly<Record<string, string>>): Promise<InstalledApp> {
    const child = spawn(this.#node, args, {
      cwd: this.path,
      env: this.environment(env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#running.push(child);
    return InstalledApp.of(child);
  }

  dispose(): void {
    for (const child of this.#running) if (child.exitCode === null) child.kill('SIGKILL');
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
  }
}
