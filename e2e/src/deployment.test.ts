import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTab, startBrowser } from './browser.ts';
import { send } from './http-client.ts';
import { type NginxServer, startNginx } from './nginx-server.ts';
import { codeOf } from './page-code.ts';
import { freePort, until } from './redis-server.ts';

const workers = 4;

let folder: string;
let appPort: number;
let nginx: NginxServer;
let agent: Agent;
let app: ChildProcess | undefined;
let output = '';

/** The program and the site of the page, in a folder of their own, as a service would run them. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sess-deployment-'));
  symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'server.mjs'), codeOf('docs/deployment.md', 'js', 'runPrimary'));
  appPort = await freePort();
  nginx = await startNginx(codeOf('docs/deployment.md', 'nginx', 'upstream'), appPort);
  agent = new Agent({ keepAlive: true, maxSockets: 16, ca: nginx.certificate });
});

afterAll(async () => {
  agent.destroy();
  await stopApp();
  await nginx.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** Nothing happens when it runs already. */
async function startApp(): Promise<void> {
  if (app !== undefined && app.exitCode === null && app.signalCode === null) return;
  output = '';
  const { PATH = '', HOME = '' } = process.env;
  app = spawn(process.execPath, ['server.mjs'], {
    cwd: folder,
    env: {
      PATH,
      HOME,
      NODE_ENV: 'production',
      SECRET_KEY: 'test-of-the-deployment-page-9b1f7c3e5a20d846',
      SESSION_DIR: join(folder, 'sessions'),
      PORT: String(appPort),
      WORKERS: String(workers),
    },
  });
  for (const stream of [app.stdout, app.stderr])
    stream?.on('data', (chunk: Buffer) => void (output += chunk.toString()));
  const isAnswering = async (): Promise<boolean> =>
    (await send(`http://127.0.0.1:${appPort}/healthz`, { withinMs: 1_000 })).status === 200;
  await until(isAnswering, 30_000).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${output}`);
  });
  // All of them: a worker that is still starting would be missing from what is counted.
  const pids = new Set<string>();
  await until(async () => {
    pids.add(pidIn((await send(`http://127.0.0.1:${appPort}/`)).text));
    return pids.size === workers;
  }, 30_000);
}

/** With a signal to the primary alone, as systemd does with KillMode=mixed. */
async function stopApp(): Promise<number | null> {
  if (app === undefined || app.exitCode !== null || app.signalCode !== null) return app?.exitCode ?? null;
  const ended = once(app, 'exit');
  app.kill('SIGTERM');
  await ended;
  return app.exitCode;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly setCookie: string | undefined;
}

/** Over TLS and kept connections, as browsers do. */
function ask(cookie: string | undefined, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: nginx.port,
        servername: 'localhost',
        method: 'POST',
        path: '/',
        agent,
        timeout: 20_000,
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => void (text += chunk.toString()));
        response.once('error', reject);
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, text, setCookie: response.headers['set-cookie']?.[0] }),
        );
      },
    );
    for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
    if (cookie !== undefined) outgoing.setHeader('Cookie', cookie);
    outgoing.once('timeout', () => outgoing.destroy(new Error('no answer within 20 s')));
    outgoing.once('error', reject);
    outgoing.end();
  });
}

const pidIn = (text: string): string => /process (\d+)/.exec(text)?.[1] ?? '';
const viewsIn = (text: string): number => Number(/^View (\d+)/.exec(text)?.[1]);

async function newSession(): Promise<string> {
  const { setCookie = '' } = await ask(undefined);
  return setCookie.split(';')[0] ?? '';
}

/** People who count in sessions of their own, one request after the other, until they are told to stop. */
class Load {
  readonly #lanes: Promise<void>[] = [];
  readonly people: { readonly cookie: string; answered: number[]; failures: string[] }[] = [];
  readonly pids: Set<string> = new Set();
  #isOver = false;

  async start(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      const person = { cookie: await newSession(), answered: [1], failures: [] };
      this.people.push(person);
      this.#lanes.push(this.#lane(person));
    }
  }

  async #lane({ cookie, answered, failures }: (typeof this.people)[number]): Promise<void> {
    while (!this.#isOver) {
      const answer = await ask(cookie).catch((error: unknown) => String(error));
      if (typeof answer === 'string') failures.push(answer);
      else if (answer.status === 200) {
        answered.push(viewsIn(answer.text));
        this.pids.add(pidIn(answer.text));
      } else failures.push(String(answer.status));
      // Load for the workers, not for the machine; and no busy loop while there is no server.
      await pause(failures.length > 0 ? 50 : 5);
    }
  }

  /** Until everybody has had so many more answers. */
  async more(count: number): Promise<void> {
    const wanted = this.people.map(({ answered }) => answered.length + count);
    await until(
      async () => this.people.every(({ answered }, index) => answered.length >= (wanted[index] ?? 0)),
      60_000,
    );
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#lanes);
  }

  get answers(): number {
    return this.people.reduce((sum, { answered }) => sum + answered.length, 0);
  }

  get failures(): string[] {
    return this.people.flatMap(({ failures }) => failures);
  }
}

/** What nginx says about connections to the app that ended under a request. A refused one has lost nothing. */
const broken = (lines: readonly string[]): string[] =>
  lines.filter((line) => /prematurely closed|reset by peer|timed out|no live upstreams/.test(line));

describe('the server of docs/deployment.md, behind its nginx with TLS', { timeout: 120_000 }, () => {
  it('knows a visitor in every worker, by a __Host- cookie, with no word about the proxy', async () => {
    await startApp();
    const first = await ask(undefined);
    expect(first.setCookie).toMatch(/^__Host-sid=[^;]+; Max-Age=2592000; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
    const cookie = first.setCookie?.split(';')[0] ?? '';
    const pids = new Set([pidIn(first.text)]);
    const views = [1];
    // Several at a time: nginx asks on connections that it keeps, and one connection is one worker.
    await until(async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => ask(cookie)));
      for (const { text } of answers) {
        views.push(viewsIn(text));
        pids.add(pidIn(text));
      }
      expect(answers.flatMap(({ setCookie }) => setCookie ?? [])).toEqual([]);
      return pids.size === workers;
    }, 60_000);
    expect(views.toSorted((one, other) => one - other)).toEqual(views.map((_, index) => index + 1));
  });

  it('is not talked out of Secure, and sends plain http to TLS without a cookie', async () => {
    await startApp();
    const spoofed = await ask(undefined, { 'X-Forwarded-Proto': 'http', Forwarded: 'proto=http' });
    expect(spoofed.setCookie).toContain('; Secure;');
    const plain = await send(`http://127.0.0.1:${nginx.plainPort}/`);
    expect(plain.status).toBe(301);
    expect(plain.headers.location).toBe(`https://127.0.0.1:${nginx.port}/`);
    expect(plain.setCookies).toEqual([]);
  });

  it('is believed by a browser, which holds __Host- to its rules', async () => {
    await startApp();
    const browser = await startBrowser();
    try {
      const { page } = await openTab(browser, { ignoreHTTPSErrors: true });
      for (let view = 1; view <= 5; view += 1) {
        await page.goto(`https://localhost:${nginx.port}/`);
        expect(viewsIn(await page.innerText('body'))).toBe(view);
      }
      const cookies = await page.context().cookies();
      expect(cookies).toMatchObject([{ name: '__Host-sid', secure: true, httpOnly: true, sameSite: 'Lax' }]);
    } finally {
      await browser.close();
    }
  });

  it('takes in a new version under load and loses no request', async () => {
    await startApp();
    const load = new Load();
    await load.start(8);
    await load.more(3);
    const before = new Set(load.pids);
    const errorsBefore = nginx.errors().length;
    load.pids.clear();
    app?.kill('SIGHUP');
    await until(async () => {
      const isReplaced = [...load.pids].filter((pid) => !before.has(pid)).length === workers;
      // Until only new ones answer.
      const recent = isReplaced ? await Promise.all(Array.from({ length: 8 }, () => ask(load.people[0]?.cookie))) : [];
      for (const { text } of recent) load.people[0]?.answered.push(viewsIn(text));
      return isReplaced && recent.every(({ text }) => !before.has(pidIn(text)));
    }, 90_000);
    // The last old worker lingers, and then closes: requests go on meanwhile.
    await until(async () => [...before].every((pid) => !isAlive(Number(pid))), 60_000);
    await load.stop();

    console.log(`Reload of ${workers} workers under load: ${load.answers} answers, ${load.failures.length} failures`);
    expect({ failures: load.failures, errors: nginx.errors().slice(errorsBefore) }).toEqual({
      failures: [],
      errors: [],
    });
    expect(nginx.errors().slice(errorsBefore)).toEqual([]);
    for (const { answered } of load.people)
      expect(answered.toSorted((one, other) => one - other)).toEqual(answered.map((_, index) => index + 1));
  });

  it('stops under load: what it began it answered, and what it answered is stored', async () => {
    await startApp();
    const load = new Load();
    await load.start(8);
    await load.more(3);
    expect(await stopApp()).toBe(0);
    await load.stop();
    console.log(`SIGTERM under load: ${load.answers} answers, then ${load.failures.length} requests found no server`);
    expect(output).not.toMatch(/error|died/i);
    // Who came when nobody listened any more was told so by nginx.
    expect(load.failures.filter((failure) => failure !== '502')).toEqual([]);

    // One more than the last answer: nothing that was answered is missing, and nothing was stored without an answer.
    await startApp();
    for (const { cookie, answered } of load.people)
      expect(viewsIn((await ask(cookie)).text)).toBe(Math.max(...answered) + 1);
  });

  it('killed instead, it breaks off requests, and this test sees it; what was answered is stored all the same', async () => {
    await startApp();
    const load = new Load();
    await load.start(8);
    await load.more(3);
    const errorsBefore = nginx.errors().length;
    for (let kills = 0; kills < 40 && broken(nginx.errors().slice(errorsBefore)).length === 0; kills += 1) {
      const victim = [...load.pids].map(Number).find(isAlive);
      if (victim !== undefined) process.kill(victim, 'SIGKILL');
      load.pids.clear();
      await load.more(2);
    }
    await load.stop();
    expect(broken(nginx.errors().slice(errorsBefore)).length).toBeGreaterThan(0);
    for (const { cookie, answered } of load.people)
      expect(viewsIn((await ask(cookie)).text)).toBeGreaterThan(Math.max(...answered));
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
