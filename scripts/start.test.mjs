// What somebody meets who clones the repository to see the demo, and nothing else.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { foldersOf } from './demo-build.mjs';
import { root } from './processes.mjs';

const clone = mkdtempSync(join(tmpdir(), 'sess-clone-'));
afterAll(() => rmSync(clone, { recursive: true, force: true }));

test(
  'a clone starts the demo with what the demo needs, and without the tools of the tests',
  {
    timeout: 180_000,
  },
  async () => {
    const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8' });
    for (const file of files.split('\0').filter((file) => file !== '' && existsSync(join(root, file))))
      cpSync(join(root, file), join(clone, file));

    const env = { ...process.env, SESSION_DIR: join(clone, 'sessions'), NODE_ENV: undefined, VITEST: undefined };
    const demo = spawn('npm', ['start', '--', '--port', '0'], { cwd: clone, env });
    const ended = new Promise((resolve) => demo.once('close', resolve));
    let output = '';
    const address = await new Promise((resolve, reject) => {
      const read = (chunk) => {
        output += chunk;
        const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(output) ?? [];
        if (url !== undefined) resolve(url);
      };
      demo.stdout.on('data', read);
      demo.stderr.on('data', read);
      void ended.then(() => reject(new Error(`The demo ended:\n${output}`)));
    });
    try {
      expect((await fetch(`${address}/`)).status).toBe(200);
      // Names only: `@scope+name@1.2.3` is name's folder.
      const installed = readdirSync(join(clone, 'node_modules/.pnpm')).map((folder) => /^.[^@]*/.exec(folder)?.[0]);
      expect(installed).toEqual(expect.arrayContaining(['express', 'ioredis', 'pg', 'typescript']));
      const ofTests = ['vitest', 'turbo', 'oxlint', 'playwright-core', 'verdaccio', 'next', 'koa', 'vitepress'];
      expect(ofTests.filter((name) => installed.includes(name))).toEqual([]);
      const built = ['packages', 'apps'].flatMap((parent) =>
        readdirSync(join(clone, parent))
          .map((name) => join(parent, name))
          .filter((member) => existsSync(join(clone, member, 'dist'))),
      );
      const needed = foldersOf('@sess/express-demo').map((folder) => folder.slice(root.length));
      expect(new Set(built)).toEqual(new Set(needed));
    } finally {
      demo.kill('SIGINT');
    }
    expect(await ended).toBe(0);
  },
);

test.each(['express', 'koa', 'hono', 'fastify', 'next'])('the %s demo is compiled with its adapter alone', (name) => {
  const folders = foldersOf(`@sess/${name}-demo`).map((folder) => folder.slice(root.length));
  const packages = ['core', 'fs', 'postgres', 'redis', name].map((one) => `packages/${one}`);
  expect(new Set(folders)).toEqual(new Set([...packages, 'apps/demo-kit', `apps/${name}-demo`]));
});
