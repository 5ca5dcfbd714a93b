import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Visitor, send } from './http-client.ts';
import { codeOf } from './page-code.ts';
import { type RedisServer, freePort, startRedis, until } from './redis-server.ts';

const page = 'docs/migration.md';
const secrets = {
  SECRET_KEY: 'of-the-migration-test-1f7c3e5a20d8469b',
  OLD_SECRET: 'of-the-migration-test-1f7c3e5a20d8469b',
};

let folder: string;
let redis: RedisServer;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sess-migration-'));
  symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'));
  redis = await startRedis();
});

async function stopAll(): Promise<void> {
  for (const child of running) {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    running.delete(child);
  }
}

afterEach(stopAll);

afterAll(async () => {
  await redis.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** Both programs of a diff: the lines that stay with those that go, and with those that come. */
function programsOf(contains: string): { before: string; after: string } {
  const lines = codeOf(page, 'diff', contains).split('\n');
  const keep = (dropped: string): string =>
    lines.flatMap((line) => (line.startsWith(dropped) ? [] : [line.slice(1)])).join('\n');
  return { before: keep('+'), after: keep('-') };
}

async function start(program: string, env: Record<string, string>): Promise<string> {
  const port = await freePort();
  const directory = join(folder, String(port));
  mkdirSync(directory);
  writeFileSync(join(directory, 'app.mjs'), program);
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, ['app.mjs'], {
    cwd: directory,
    env: { PATH, HOME, NODE_ENV: 'development', PORT: String(port), ...secrets, ...env },
  });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => void (output += chunk.toString()));
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await send(`${url}/`, { withinMs: 5_000 })).status === 200, 20_000).catch(
    (error: unknown) => {
      throw new Error(`${String(error)}\n${output}`);
    },
  );
  return url;
}

const onFiles = (): Record<string, string> => ({ SESSION_DIR: join(folder, 'sessions') });
const onRedis = (): Record<string, string> => ({ ...onFiles(), SESSION_REDIS_URL: redis.url });

const migrations = [
  { name: 'MemoryStore', contains: 'resave: false, saveUninitialized: false }', env: onFiles },
  { name: 'express-session with connect-redis', contains: 'new RedisStore', env: onRedis },
  { name: 'koa-session', contains: 'koa.sess', env: onFiles },
];

/** What an app of either kind does for a visitor. */
async function visit(url: string): Promise<Visitor> {
  const visitor = new Visitor(url);
  expect((await visitor.get('/')).text).toBe('nobody, 1 views');
  expect((await visitor.get('/')).text).toBe('nobody, 2 views');
  expect((await visitor.post('/login/ada')).status).toBe(302);
  expect((await visitor.get('/')).text).toMatch(/^ada, /);
  return visitor;
}

describe('the migrations of docs/migration.md', { timeout: 60_000 }, () => {
  it('are all run here, each diff on the page', () => {
    const diffs = [...readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8').matchAll(/^```diff tested-by/gm)];
    // The one that takes users over has tests of its own.
    expect(diffs).toHaveLength(migrations.length + 1);
  });

  it.each(migrations)('$name: the app before and the app after serve the same visitor', async ({ contains, env }) => {
    const { before, after } = programsOf(contains);
    const old = await visit(await start(before, env()));
    await stopAll();

    const url = await start(after, env());
    // What the page says first: existing sessions end, and nobody is taken for somebody else.
    expect((await send(`${url}/`, { cookie: old.jar.header() })).text).toBe('nobody, 1 views');

    const visitor = await visit(url);
    const copy = visitor.jar.header();
    expect((await visitor.post('/logout')).status).toBe(302);
    expect((await visitor.get('/')).text).toBe('nobody, 1 views');
    expect((await send(`${url}/`, { cookie: copy })).text).toBe('nobody, 1 views');
  });

  it('koa-session itself lets a copied cookie in after the logout', async () => {
    const url = await start(programsOf('koa.sess').before, onFiles());
    const visitor = await visit(url);
    const copy = visitor.jar.header();
    await visitor.post('/logout');
    expect((await send(`${url}/`, { cookie: copy })).text).toMatch(/^ada, /);
  });
});

describe('taking users over', { timeout: 60_000 }, () => {
  /** Somebody who has logged in to the old app, with the cookie that browsers still have. */
  async function oldUser(): Promise<string> {
    const old = programsOf('new RedisStore').before.replace("name: 'sid',", '');
    const visitor = await visit(await start(old, onRedis()));
    await stopAll();
    return visitor.jar.header() ?? '';
  }

  it('keeps a user logged in, once, and a logout is final', async () => {
    const cookie = await oldUser();
    expect(cookie).toMatch(/^connect\.sid=s%3A/);
    const url = await start(programsOf('getDel').after, onRedis());

    const [, value = ''] = cookie.split('=');
    const forged = `connect.sid=${value.slice(0, -3)}AAA`;
    expect((await send(`${url}/`, { cookie: forged })).text).toBe('nobody, 1 views');

    const visitor = new Visitor(url);
    visitor.jar.apply([`${cookie}; Path=/`]);
    expect((await visitor.get('/')).text).toBe('ada, 1 views');
    expect(visitor.jar.header()).toMatch(/^sid=/);
    expect((await visitor.get('/')).text).toBe('ada, 2 views');
    // The old cookie is worth nothing any more.
    expect((await send(`${url}/`, { cookie })).text).toBe('nobody, 1 views');
    await visitor.post('/logout');
    expect((await send(`${url}/`, { cookie })).text).toBe('nobody, 1 views');
    expect((await visitor.get('/')).text).toBe('nobody, 1 views');
  });

  it('makes one session of an old one, however many requests bring it at once', async () => {
    const cookie = await oldUser();
    const url = await start(programsOf('getDel').after, onRedis());
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(`${url}/`, { cookie })));
    expect(answers.filter(({ text }) => text === 'ada, 1 views')).toHaveLength(1);
    expect(answers.filter(({ text }) => text === 'nobody, 1 views')).toHaveLength(19);
  });

  it('without it nobody is', async () => {
    const cookie = await oldUser();
    const url = await start(programsOf('getDel').before, onRedis());
    expect((await send(`${url}/`, { cookie })).text).toBe('nobody, 1 views');
  });
});
