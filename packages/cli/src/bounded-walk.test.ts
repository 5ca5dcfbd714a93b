import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type AppFolder, makeAppFolder } from '../test/app-folder.ts';

let app: AppFolder;

/** 100,000 sessions, and a count of those that were read. */
const manySessions = `
  import { writeFileSync } from 'node:fs';
  let reads = 0;
  process.on('exit', () => writeFileSync('reads', String(reads)));
  const now = Date.now();
  const record = { fields: { views: '1' }, createdAt: now, touchedAt: now, expiresAt: now + 3_600_000, writeIds: [] };
  export const options = {
    store: {
      async create() {},
      async read() { reads += 1; return { record, version: 1 }; },
      async replace() { return { verdict: 'gone' }; },
      async destroy() {},
      async *walk() { for (let at = 0; at < 100_000; at += 1) yield at.toString(16).padStart(64, '0'); },
    },
  };`;

beforeEach(() => {
  app = makeAppFolder();
  app.write('sess.config.mjs', manySessions);
});

afterEach(() => app.remove());

const reads = (): number => Number(readFileSync(join(app.path, 'reads'), 'utf8'));

it('of 100,000 sessions, stats reads as many as its limit and says that there are more', async () => {
  const { code, out } = await app.sess(['stats', '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ sessions: 10_000, isComplete: false });
  // They are read in portions.
  expect(reads()).toBeLessThanOrEqual(10_000 + 16);
});

it('all of them are read only when all are asked for', async () => {
  const { out } = await app.sess(['stats', '--json', '--limit', 'all']);
  expect(JSON.parse(out)).toMatchObject({ sessions: 100_000, isComplete: true, bytes: { total: 600_000 } });
  expect(reads()).toBe(100_000);
});

it('list ends at its limit too', async () => {
  const { out } = await app.sess(['list']);
  expect(out.trimEnd().split('\n')).toHaveLength(100);
  expect(reads()).toBeLessThanOrEqual(100 + 16);
});

it('without a limit the progress is a count', async () => {
  expect((await app.sess(['stats', '--limit', 'all'], { typing: '' })).out).toMatch(/Reading [\d,]+ sessions/);
});

it('a list that nobody reads on ends quietly', () => {
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  const { stdout, stderr } = spawnSync('sh', ['-c', `'${process.execPath}' '${main}' list --limit all | head -n 1`], {
    cwd: app.path,
    env: { PATH: process.env['PATH'] },
    encoding: 'utf8',
  });
  expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  expect(stderr).toBe('');
});

it('Ctrl-C ends the walk, and puts the terminal right', async () => {
  app.write(
    'sess.config.mjs',
    manySessions.replace('reads += 1;', 'await new Promise((done) => setTimeout(done, 20));'),
  );
  const { code, out } = await app.sess(['stats'], { typing: '\u0003', typedAt: /Reading/ });
  expect(code).toBe(130);
  // Lines wrap again.
  expect(out.lastIndexOf('\u001B[?7h')).toBeGreaterThan(out.lastIndexOf('\u001B[?7l'));
  expect(out).not.toContain('median');
});
