import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTab, startBrowser } from './browser.ts';
import { type Step, addressIn, stepsOf } from './getting-started-page.ts';
import { send } from './http-client.ts';
import { AppFolder, type Installer } from './install-app.ts';
import { freePort, until } from './redis-server.ts';

const startsWithinMs = 60_000;
const knowsAda: unknown = expect.stringContaining('ada is logged in');
/** TypeScript after JavaScript. `npm test` has no time for all of them; `npm run test:matrix` has. */
const goesOn = (section: string): boolean => section === 'Express' || process.env['SESS_MATRIX'] === 'all';
const isStart = ({ command }: { command: string }): boolean => /^(?:node app\.mjs|npx next dev)$/.test(command);

/** Somebody new, with an empty folder and a shell, who types what the page says. */
class Newcomer {
  readonly #folder: AppFolder;
  readonly #browser: Browser;
  /** What each app said to who had logged in. */
  readonly seen: string[] = [];

  constructor(installer: Installer, browser: Browser) {
    this.#folder = new AppFolder(installer, '22');
    this.#browser = browser;
    for (const name of readdirSync(this.#folder.path)) if (name !== '.npmrc') rmSync(join(this.#folder.path, name));
    mkdirSync(join(this.#folder.path, 'tmp'));
  }

  /** Follows steps up to the one that starts the app; then logs in and ends it. @returns the steps that are left */
  async follow(steps: readonly Step[], address: string): Promise<readonly Step[]> {
    for (const [index, step] of steps.entries()) {
      if ('file' in step) this.#folder.write(step.file, step.text);
      else if (isStart(step)) {
        await this.#visit(step.command, address);
        return steps.slice(index + 1);
      } else {
        const { ok, output } = await this.#folder.run('sh', ['-c', step.command]);
        if (!ok) throw new Error(`${step.command} failed:\n${output}`);
      }
    }
    throw new Error('The page does not say how to start the app.');
  }

  rename(from: string, to: string): void {
    renameSync(join(this.#folder.path, from), join(this.#folder.path, to));
  }

  remove(name: string): void {
    rmSync(join(this.#folder.path, name), { recursive: true });
  }

  dispose(): void {
    this.#folder.dispose();
  }

  async #visit(command: string, address: string): Promise<void> {
    const port = await freePort();
    const env = this.#folder.environment({ PORT: String(port), TMPDIR: join(this.#folder.path, 'tmp') });
    const app = spawn('sh', ['-c', `exec ${command}`], { cwd: this.#folder.path, env, detached: true });
    let output = '';
    for (const stream of [app.stdout, app.stderr])
      stream.on('data', (chunk: Buffer) => void (output += chunk.toString()));
    try {
      const url = `http://127.0.0.1:${port}`;
      await until(async () => (await send(url, { withinMs: 30_000 })).status === 200, startsWithinMs);
      this.seen.push(await this.#logIn(url + address));
    } catch (error) {
      throw new Error(`${String(error)}\n${command} said:\n${output}`, { cause: error });
    } finally {
      await stopGroup(app);
    }
  }

  /** @returns what the page says after the login, also when it is loaded anew */
  async #logIn(address: string): Promise<string> {
    const { page, close } = await openTab(this.#browser);
    page.setDefaultTimeout(30_000);
    await page.goto(address);
    await page.getByRole('button', { name: /^Log in/ }).click();
    await page.getByText('ada is logged in').waitFor();
    await page.reload();
    const text = await page.locator('body').innerText();
    await close();
    return text;
  }
}

/** As the page says: files end in `.js`, types and their import are left out, and only the first line is installed. */
function inJavaScript(step: Step): Step[] {
  if ('command' in step) return step.command.includes('--save-dev') ? [] : [step];
  const text = step.text.replace(/^import type .*\n/m, '').replace(': { children: ReactNode }', '');
  return [{ file: step.file.replace(/\.tsx?$/, '.js'), text }];
}

/** What is left to do after the same app in JavaScript. */
function inTypeScript(newcomer: Newcomer, section: string, left: readonly Step[]): readonly Step[] {
  if (section === 'Next') {
    for (const folder of ['app', 'lib']) newcomer.remove(folder);
    return stepsOf(section);
  }
  newcomer.rename('app.mjs', 'app.mts');
  return [...stepsOf('TypeScript').filter((step) => 'file' in step), ...left];
}

/** Ends the program, and whatever it has started. */
async function stopGroup(app: ChildProcess): Promise<void> {
  if (app.pid === undefined || app.exitCode !== null || app.signalCode !== null) return;
  const ended = once(app, 'close');
  process.kill(-app.pid, 'SIGTERM');
  await ended;
}

/** docs/getting-started.md, word by word: from an empty folder to a page that knows who is logged in. */
export function describeGettingStarted(installer: () => Installer): void {
  describe('somebody new who follows docs/getting-started.md', { timeout: 300_000 }, () => {
    let browser: Browser;
    const times: string[] = [];
    beforeAll(async () => {
      browser = await startBrowser();
    }, 60_000);
    afterAll(async () => {
      await browser.close();
      console.log(`From an empty folder to a login: ${times.join(', ')}`);
    }, 60_000);

    async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
      const start = performance.now();
      const outcome = await work();
      times.push(`${what} ${((performance.now() - start) / 1000).toFixed(1)} s`);
      return outcome;
    }

    it.each(['Express', 'Koa', 'Hono', 'Fastify', 'Next'])('%s', async (section) => {
      const newcomer = new Newcomer(installer(), browser);
      try {
        const steps = section === 'Next' ? stepsOf(section).flatMap(inJavaScript) : stepsOf(section);
        const left = await timed(section, () => newcomer.follow(steps, addressIn(section)));
        if (goesOn(section))
          await timed('on to TypeScript', () =>
            newcomer.follow(inTypeScript(newcomer, section, left), addressIn(section)),
          );
        expect(newcomer.seen).toEqual(goesOn(section) ? [knowsAda, knowsAda] : [knowsAda]);
      } finally {
        newcomer.dispose();
      }
    });
  });
}
