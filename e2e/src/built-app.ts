import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Programs, type RunningRecipe } from './recipe.ts';
import { runProgram } from './publish-release.ts';
import { runtimes } from './runtimes.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const fixtures = join(root, 'e2e/fixtures/frameworks');
const checks = join(root, 'e2e/fixtures/checks');

/** Most of them want a newer Node.js than our oldest. There is one for Linux on x64; elsewhere it is the one at hand. */
const [node = process.execPath] = runtimes.get('Node.js 24') ?? [];
/** Whether there is a Node.js here that they can be built with. */
export const canBuild: boolean = node !== process.execPath || Number.parseInt(process.versions.node, 10) >= 24;

const environment: Readonly<Record<string, string>> = {
  PATH: [dirname(node), process.env['PATH'] ?? ''].join(delimiter),
  NODE_ENV: 'production',
  ASTRO_TELEMETRY_DISABLED: '1',
  NUXT_TELEMETRY_DISABLED: '1',
};

/** Installs the frameworks' packages: those of their lockfile. */
export async function installFrameworks(): Promise<void> {
  const args = ['scripts/pnpm.mjs', '--dir', fixtures, 'install', '--frozen-lockfile', '--prefer-offline'];
  const { ok, output } = await runProgram(process.execPath, args, { cwd: root });
  if (!ok) throw new Error(`The packages of the frameworks cannot be installed:\n${output}`);
}

/** Where an app's packages come from, and what makes of its files what is started. */
export interface Building {
  /** The folders of fixtures/frameworks with the rest of the app: what no page shows. */
  readonly apps: readonly string[];
  /** The folder there with the packages. */
  readonly modules?: string;
  /** Of ours. */
  readonly packages: readonly string[];
  /** The framework's generator, where it needs no network; what it makes comes before all other files. */
  readonly generator?: readonly string[];
  /** Programs of the packages, and their arguments. */
  readonly commands: readonly (readonly string[])[];
  readonly start: readonly string[];
  /** What is brought to a server without the packages, if it is enough. */
  readonly alone?: string;
  /** What the framework's own server has to be told. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** An app in an empty folder of its own, where our packages are installed beside those of its framework. */
export class BuiltApp {
  readonly path: string = mkdtempSync(join(tmpdir(), 'sess-built-'));
  readonly #elsewhere = mkdtempSync(join(tmpdir(), 'sess-built-elsewhere-'));
  readonly #programs = new Programs();
  readonly #building: Building;

  private constructor(building: Building) {
    this.#building = building;
    const { modules = '.', packages } = building;
    const from = join(fixtures, modules, 'node_modules');
    for (const name of readdirSync(from))
      if (!name.startsWith('.') && name !== '@sess') this.#link(join(from, name), name);
    for (const name of packages) this.#install(name);
  }

  /** @param files of the page */
  static async make(building: Building, files: ReadonlyMap<string, string>): Promise<BuiltApp> {
    const app = new BuiltApp(building);
    try {
      await app.#build(files);
    } catch (error) {
      await app.dispose();
      throw error;
    }
    return app;
  }

  #link(target: string, name: string): void {
    const link = join(this.path, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(target, link);
  }

  /** As a package manager does it: no link into our workspace, which bundlers take for a part of the app. */
  #install(name: string): void {
    const from = join(root, 'packages', name);
    const to = join(this.path, 'node_modules/@sess', name);
    for (const part of ['package.json', 'dist']) cpSync(join(from, part), join(to, part), { recursive: true });
    const { dependencies = {} } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'));
    for (const dependency of Object.keys(dependencies).filter((one) => !one.startsWith('@sess/')))
      this.#link(join(from, 'node_modules', dependency), join('@sess', name, 'node_modules', dependency));
  }

  async #build(files: ReadonlyMap<string, string>): Promise<void> {
    const { apps, generator, commands } = this.#building;
    if (generator !== undefined) await this.#run(generator);
    for (const app of apps)
      cpSync(join(fixtures, app), this.path, { recursive: true, filter: (file) => basename(file) !== 'node_modules' });
    for (const name of ['routes.mjs', 'routes.d.mts']) cpSync(join(checks, name), join(this.path, name));
    for (const [name, text] of files) {
      mkdirSync(dirname(join(this.path, name)), { recursive: true });
      writeFileSync(join(this.path, name), text);
    }
    this.#declare();
    for (const command of commands) await this.#run(command);
  }

  /** In the manifest, as an install does it: bundlers leave out what an app depends on. */
  #declare(): void {
    const file = join(this.path, 'package.json');
    const manifest: { dependencies?: object } = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
    const ours = Object.fromEntries(this.#building.packages.map((name) => [`@sess/${name}`, '*']));
    writeFileSync(file, JSON.stringify({ ...manifest, dependencies: { ...manifest.dependencies, ...ours } }));
  }

  async #run([program = '', ...args]: readonly string[]): Promise<void> {
    const given = [join(this.path, 'node_modules', program), ...args];
    const { ok, output } = await runProgram(node, given, { cwd: this.path, env: { ...environment, HOME: this.path } });
    if (!ok) throw new Error(`${program} ${args.join(' ')} failed:\n${output}`);
  }

  start(env: Readonly<Record<string, string>>): Promise<RunningRecipe> {
    return this.#programs.start(
      this.#building.start,
      { ...environment, ...this.#building.variables, ...env },
      this.path,
      node,
    );
  }

  /** Moves the folder that is all that its users bring to a server, and starts it there. */
  startAlone(folder: string, env: Readonly<Record<string, string>>): Promise<RunningRecipe> {
    renameSync(join(this.path, folder), join(this.#elsewhere, folder));
    return this.#programs.start(this.#building.start, { ...environment, ...env }, this.#elsewhere, node);
  }

  async dispose(): Promise<void> {
    await this.#programs.stop();
    for (const path of [this.path, this.#elsewhere]) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  }
}
