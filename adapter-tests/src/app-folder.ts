import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tsc = join(root, 'node_modules', '.bin', 'tsc');

/** The package whose tests these are. */
export interface Adapter {
  name: string;
  /** Its apps find what it has installed. */
  folder: string;
  /** Puts it into an app's `node_modules`, which has room for it at this path. */
  installAt(place: string): Promise<void>;
}

/** A running app, and what it has printed. */
export interface RunningApp {
  url: string;
  output(): string;
}

/** An app outside of the workspace, which sees the packages as whoever installed them does. */
export class AppFolder {
  readonly path: string;
  readonly #children: ChildProcess[] = [];

  private constructor(path: string) {
    this.path = path;
  }

  /** @param packages name in the app's `node_modules`, and the name of what it is here */
  static async make(adapter: Adapter, packages: Record<string, string>): Promise<AppFolder> {
    const path = await realpath(await mkdtemp(join(tmpdir(), `sess-${basename(adapter.folder)}-app-`)));
    const folder = new AppFolder(path);
    for (const [name, source] of Object.entries(packages)) {
      const place = join(path, 'node_modules', name);
      await mkdir(dirname(place), { recursive: true });
      if (source === adapter.name) await adapter.installAt(place);
      else await symlink(await installed(source, adapter.folder), place);
    }
    await folder.write('package.json', JSON.stringify({ name: 'app', type: 'module' }));
    return folder;
  }

  async write(file: string, text: string): Promise<void> {
    await writeFile(join(this.path, file), text);
  }

  /** What the compiler has to say. */
  async compile(files: readonly string[], flags: readonly string[] = []): Promise<string> {
    const options = ['--module', 'nodenext', '--target', 'es2023', '--strict', '--types', 'node', ...flags];
    try {
      await promisify(execFile)(tsc, [...options, ...files], { cwd: this.path });
      return '';
    } catch (error) {
      return String(Reflect.get(Object(error), 'stdout'));
    }
  }

  /** Starts a script, with these environment variables and no others. `listen(3000)` listens where there is room. */
  async start(file: string, env: Record<string, string> = {}): Promise<RunningApp> {
    await this.write(
      'any-port.mjs',
      `import { Server } from 'node:net';
       const { listen } = Server.prototype;
       Server.prototype.listen = function (port, ...rest) {
         this.once('listening', () => process.send(this.address().port));
         return Reflect.apply(listen, this, [0, ...rest]);
       };`,
    );
    const child = fork(join(this.path, file), {
      cwd: this.path,
      execArgv: ['--import', join(this.path, 'any-port.mjs')],
      env: { PATH: process.env['PATH'], TMPDIR: this.path, ...env },
      silent: true,
    });
    this.#children.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    const [port] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then((): never => {
        throw new Error(`${file} has ended: ${output}`);
      }),
    ]);
    return { url: `http://127.0.0.1:${port}`, output: () => output };
  }

  async remove(): Promise<void> {
    for (const child of this.#children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await rm(this.path, { recursive: true, force: true });
  }
}

/** Where a package lies that the adapter has, or the workspace. */
function installed(name: string, adapter: string): Promise<string> {
  const places = [adapter, root].map((folder) => join(folder, 'node_modules', name));
  const place = places.find((candidate) => existsSync(candidate));
  if (place === undefined) throw new Error(`${name} is not installed`);
  return realpath(place);
}
