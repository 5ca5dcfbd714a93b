import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { send } from './http-client.ts';
import { freePort } from './redis-server.ts';

/** Nobody else has it, but all processes of a recipe do. */
export const recipeSecret = 'only-for-tests-5d1c7e9a3b8f2046-e41b';

const modulesOf = (folder: string): string => fileURLToPath(new URL(`../${folder}node_modules`, import.meta.url));

/** Starts programs, each on a port of its own, and ends them. */
export class Programs {
  readonly #running = new Set<RunningRecipe>();

  /** Waits until the program listens. Its environment is `env`, and no more. */
  async start(
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    cwd: string,
    program: string = process.execPath,
  ): Promise<RunningRecipe> {
    const port = await freePort();
    const { PATH = '', HOME = '' } = process.env;
    const given = { PATH, HOME, HOST: '127.0.0.1', PORT: String(port), SECRET_KEY: recipeSecret, ...env };
    const child = spawn(program, args, { cwd, env: given });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (piece: Buffer) => void (output += piece.toString()));
    const recipe: RunningRecipe = {
      url: `http://127.0.0.1:${port}`,
      pid: child.pid ?? 0,
      output: () => output,
      stop: async () => {
        this.#running.delete(recipe);
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      },
    };
    this.#running.add(recipe);
    for (const giveUpAt = Date.now() + 60_000; ; await new Promise((resolve) => setTimeout(resolve, 30))) {
      if (
        await send(recipe.url)
          .then(() => true)
          .catch(() => false)
      )
        return recipe;
      if (child.exitCode !== null || Date.now() > giveUpAt)
        throw new Error(`${args.join(' ')} does not listen.\n${output}`);
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running].map((recipe) => recipe.stop()));
  }
}

/** A folder as of an app of a user, where the packages of the tests are installed. */
export class RecipeFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'sess-recipe-'));
  readonly #programs = new Programs();

  /** @param folder below e2e, with a slash: whose packages the programs have */
  constructor(folder = '') {
    symlinkSync(modulesOf(folder), join(this.path, 'node_modules'));
    writeFileSync(join(this.path, 'package.json'), '{"type":"module"}');
  }

  /** For `SESSION_DIR`. */
  get sessions(): string {
    return join(this.path, 'sessions');
  }

  /** Starts a program that a page shows. */
  start(
    name: string,
    code: string,
    env: Readonly<Record<string, string>>,
    command?: readonly string[],
  ): Promise<RunningRecipe> {
    const file = join(this.path, `${name}.mjs`);
    writeFileSync(file, code);
    return this.startFile(file, env, command);
  }

  /** Starts a program on a port of its own, and waits until it listens. Its environment is `env`, and no more. */
  startFile(
    file: string,
    env: Readonly<Record<string, string>>,
    [program, ...args]: readonly string[] = [],
    cwd: string = this.path,
  ): Promise<RunningRecipe> {
    return this.#programs.start([...args, file], env, cwd, program);
  }

  async dispose(): Promise<void> {
    await this.#programs.stop();
    rmSync(this.path, { recursive: true, force: true });
  }
}

export interface RunningRecipe {
  readonly url: string;
  readonly pid: number;
  output(): string;
  stop(): Promise<void>;
}
