import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { send } from './http-client.ts';
import { codeOf } from './page-code.ts';
import { freePort, until } from './redis-server.ts';

const installed = fileURLToPath(new URL('../node_modules', import.meta.url));
const ofTheRoot = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** What still runs when the test process ends goes with it. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** An empty folder of somebody who has installed what the pages say. */
export interface RecipeFolder {
  readonly path: string;
  write(name: string, text: string): string;
  /** What a shell has there: none of a test runner's variables. */
  environment(more?: Readonly<Record<string, string>>): Record<string, string>;
  remove(): void;
}

export function makeRecipeFolder(): RecipeFolder {
  const path = mkdtempSync(join(tmpdir(), 'sess-recipes-'));
  const modules = join(path, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(installed))
    if (!name.startsWith('.')) symlinkSync(join(installed, name), join(modules, name));
  symlinkSync(join(ofTheRoot, 'vitest'), join(modules, 'vitest'));
  writeFileSync(join(path, 'package.json'), '{"type":"module"}');
  return {
    path,
    write(name, text) {
      const file = join(path, name);
      writeFileSync(file, text);
      return file;
    },
    environment(more = {}) {
      const { PATH = '', HOME = '' } = process.env;
      return { PATH, HOME, SESSION_DIR: join(path, 'sessions'), ...more };
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

export interface RecipeApp {
  readonly url: string;
  stop(): Promise<number | null>;
}

/** The app of a page, started as the page says; it is there when it answers, whatever it answers. */
export async function startRecipe(
  folder: RecipeFolder,
  page: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<RecipeApp> {
  const port = await freePort();
  const file = folder.write(`${page}.mjs`, codeOf(`docs/recipes/${page}.md`, 'js', 'process.env.PORT'));
  const child = spawn(process.execPath, [file], {
    cwd: folder.path,
    env: folder.environment({ PORT: String(port), ...variables }),
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => void (output += chunk.toString()));
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await send(url, { withinMs: 2_000 })).status > 0, 30_000).catch((error: unknown) => {
    throw new Error(`The app of ${page} does not answer: ${String(error)}\n${output}`);
  });
  return {
    url,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      return child.exitCode;
    },
  };
}
