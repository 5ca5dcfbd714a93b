import { execFile } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSessions } from '@sess/core';
import { postgresStore } from '@sess/postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '@sess/postgres-server';

const main = fileURLToPath(new URL('../node_modules/@sess/cli/dist/main.js', import.meta.url));
const secret = 'x7Kq-tests-of-the-cli-only-Zr91-postgres';

let postgres: PostgresServer;
let folder: string;
beforeAll(async () => {
  postgres = await startPostgres();
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'sess-e2e-cli-postgres-')));
  symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
}, 60_000);
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await postgres.dispose();
});

interface Outcome {
  code: number;
  out: string;
  err: string;
}

/** `sess` as a process of its own, in the app's folder and with its environment. */
function sess(...args: string[]): Promise<Outcome> {
  const { PATH = '', HOME = '' } = process.env;
  const env = { PATH, HOME, NODE_ENV: 'production', SECRET_KEY: secret, SESSION_DATABASE_URL: postgres.url };
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], { cwd: folder, env }, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    );
  });
}

it('the command line makes the tables, shows what is in them, ends sessions and finds what is wrong', async () => {
  const shown = await sess('migrate', '--dry-run');
  expect(shown).toMatchObject({ code: 0, err: '' });
  expect((await postgres.admin.query(`SELECT to_regclass('sess_sessions') AS it`)).rows).toEqual([{ it: null }]);
  // What is shown is SQL, for whoever has the rights.
  await postgres.admin.query(shown.out);
  expect((await sess('migrate')).out).toMatch(/^Nothing to do: postgres, 127\.0\.0\.1:\d+\/postgres/);
  await postgres.admin.query('DROP TABLE sess_sessions, sess_sessions_notes');
  expect((await sess('migrate')).out).toMatch(/^Made what was missing in postgres, /);

  const store = postgresStore({ url: postgres.url });
  const sessions = createSessions({ store, secret, logger: false, env: {} });
  for (const owner of ['ada', 'ada', 'bob']) {
    const session = await sessions.open(undefined);
    Object.assign(await session.regenerate({ owner }), { cart: ['book'] });
    await sessions.commit(session);
  }
  const list = await sess('list', '--json');
  expect(JSON.parse(list.out)).toMatchObject({ sessions: { length: 3 } });
  const [bob] = await sessions.list('bob');
  expect((await sess('show', String(bob?.handle))).out).toContain('cart');
  expect((await sess('revoke', '--owner', 'ada', '--yes')).code).toBe(0);
  expect(await sessions.list('ada')).toEqual([]);
  expect(await sessions.count()).toEqual({ count: 1, isComplete: true });
  expect((await sess('stats', '--json')).out).toContain('1');
  await postgres.admin.query(`UPDATE sess_sessions SET expires_at = expires_at - interval '3 days'`);
  expect((await sess('sweep')).out).toMatch(/^Removed \d+ expired sessions; 0 sessions stay/);

  const healthy = await sess('doctor', '--json');
  expect(healthy).toMatchObject({ code: 0 });
  expect(JSON.parse(healthy.out)).toMatchObject({ backend: { name: 'postgres', source: 'SESSION_DATABASE_URL' } });
  await postgres.admin.query('DROP INDEX sess_sessions_owner');
  const ill = await sess('doctor', '--json');
  expect(ill.code).toBe(1);
  expect(ill.out).toContain('POSTGRES_INDEX');
  await sessions.close();
  await store.close();
}, 90_000);
