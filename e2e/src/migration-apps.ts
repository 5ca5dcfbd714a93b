import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { send } from './http-client.ts';
import { codeOf } from './page-code.ts';
import { freePort, until } from './redis-server.ts';

const page = 'docs/migration.md';
const installed = fileURLToPath(new URL('../node_modules', import.meta.url));

/** Both programs of a diff: the lines that stay with those that go, and with those that come. */
export function programsOf(contains: string): { before: string; after: string } {
  const lines = codeOf(page, 'diff', contains).split('\n');
  const keep = (dropped: string): string =>
    lines.flatMap((line) => (line.startsWith(dropped) ? [] : [line.slice(1)])).join('\n');
  return { before: keep('+'), after: keep('-') };
}

/** Programs of a page as processes, each in a folder of its own. */
export class MigrationApps {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'sess-migration-'));
  readonly #running = new Set<ChildProcess>();

  constructor() {
    symlinkSync(installed, join(this.folder, 'node_modules'));
  }

  /**
   * @param instead packages that the program, and these packages themselves, find under another package's name, as
   * `{ 'connect-redis': 'connect-redis-8' }`
   */
  async start(
    program: string,
    env: Readonly<Record<string, string>>,
    instead: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const port = await freePort();
    const directory = mkdtempSync(join(this.folder, 'app-'));
    for (const [name, other] of Object.entries(instead)) {
      const place = join(directory, 'node_modules', name);
      mkdirSync(dirname(place), { recursive: true });
      // A package of another library is copied, as an install does: so it finds what the program finds.
      if (other.startsWith('@sess/')) symlinkSync(join(installed, other), place);
      else cpSync(realpathSync(join(installed, other)), place, { recursive: true });
    }
    writeFileSync(join(directory, 'app.mjs'), program);
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(process.execPath, ['app.mjs'], {
      cwd: directory,
      env: { PATH, HOME, NODE_ENV: 'development', PORT: String(port), ...env },
    });
    this.#running.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => void (output += chunk.toString()));
    const url = `http://127.0.0.1:${port}`;
    await until(async () => (await send(`${url}/me`, { withinMs: 5_000 })).status === 200, 30_000).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}\n${output}`);
      },
    );
    return url;
  }

  async stop(): Promise<void> {
    for (const child of this.#running) {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }
      this.#running.delete(child);
    }
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
