import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Visitor, send } from './http-client.ts';
import { codeOf } from './page-code.ts';
import { type RedisServer, startRedis, until } from './redis-server.ts';

/** The route of the page, in an app with a login. Its types are for the reader: what is left is run. */
const route = codeOf('docs/monitoring.md', 'ts', 'debugReport').replace(/^declare module[\s\S]*?^\}\n/m, '');
const program = `
import { createSessions } from '@sess/core';
import { session } from '@sess/express';
import express from 'express';

const sessions = createSessions({ cookie: { secure: false } });
const app = express();
app.use(session(sessions));
app.get('/login', async (req, res) => {
  await req.session.regenerate({ owner: 'ada' });
  Object.assign(req.session, { role: req.query.role, note: req.query.note });
  res.send('in');
});
${route}
app.use((error, req, res, next) => res.status(error.status ?? 500).json({ code: error.code, message: error.message }));
const server = app.listen(0, '127.0.0.1', () => process.send(server.address().port));
`;

const random = (): string => randomBytes(24).toString('base64url');
const [password, secret, older, note] = [random(), random() + random(), random() + random(), random()];

let folder: string;
let redis: RedisServer;
const running = new Set<ChildProcess>();
/** All that the workers printed. */
let printed = '';

async function startWorker(environment: Record<string, string>): Promise<string> {
  const { PATH = '', HOME = '' } = process.env;
  const worker = fork(join(folder, 'app.mjs'), {
    cwd: folder,
    env: { PATH, HOME, NODE_ENV: 'production', ...environment },
    silent: true,
  });
  running.add(worker);
  for (const stream of [worker.stdout, worker.stderr])
    stream?.on('data', (chunk: Buffer) => void (printed += chunk.toString()));
  const ended = once(worker, 'exit').then(() => {
    throw new Error('The worker ended.');
  });
  const [port]: unknown[] = await Promise.race([once(worker, 'message'), ended]);
  ended.catch(() => {});
  return `http://127.0.0.1:${String(port)}`;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sess-report-'));
  symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{}');
  writeFileSync(join(folder, 'app.mjs'), program);
  redis = await startRedis();
  await redis.admin.config('SET', 'requirepass', password);
}, 60_000);

afterAll(async () => {
  for (const worker of running) {
    if (worker.exitCode !== null || worker.signalCode !== null) continue;
    const ended = once(worker, 'exit');
    worker.kill('SIGKILL');
    await ended;
  }
  await redis?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const environment = (): Record<string, string> => ({
  SESSION_REDIS_URL: `redis://:${password}@127.0.0.1:${redis.port}/0`,
  SECRET_KEY: secret,
  SECRET_KEY_FALLBACKS: older,
});

function leaksIn(text: string): string[] {
  const secrets = { password, secret, older, note };
  return Object.entries(secrets).flatMap(([name, value]) => (text.includes(value) ? [name] : []));
}

describe("an admin's route", { timeout: 60_000 }, () => {
  it('compares workers, and tells neither password nor secret nor value', async () => {
    const workers = [await startWorker(environment()), await startWorker(environment())];
    const visitor = new Visitor(workers[0] ?? '');
    await visitor.get(`/login?role=admin&note=${note}`);
    const texts = [];
    for (const worker of workers) {
      const { status, text, headers } = await send(`${worker}/admin/session-report`, { cookie: visitor.jar.header() });
      expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
      texts.push(text);
    }
    const [one, two] = texts.map((text) => JSON.parse(text) as Record<string, unknown>);
    expect(leaksIn(texts.join())).toEqual([]);
    expect(one?.['pid']).not.toBe(two?.['pid']);
    const { at: _at, pid: _pid, store: _store, ...shared } = one ?? {};
    expect(two).toMatchObject(shared);
    expect(one).toMatchObject({
      backend: { name: 'redis', source: 'SESSION_REDIS_URL' },
      storage: { location: expect.stringContaining(`127.0.0.1:${redis.port}/0`), sharedBy: 'hosts' },
      store: { latencyMs: expect.any(Number) },
      secrets: [{ fingerprint: expect.any(String) }, { fingerprint: expect.any(String) }],
      session: { isNew: false, keys: expect.arrayContaining([{ name: 'note', bytes: note.length + 2 }]) },
    });
  });

  it('is closed to everybody else', async () => {
    const worker = await startWorker(environment());
    const visitor = new Visitor(worker);
    const closed = { code: 'REPORT_FORBIDDEN' };
    const stranger = await visitor.get('/admin/session-report');
    expect([stranger.status, JSON.parse(stranger.text)]).toMatchObject([403, closed]);
    await visitor.get(`/login?role=editor&note=${note}`);
    const editor = await visitor.get('/admin/session-report');
    expect([editor.status, JSON.parse(editor.text)]).toMatchObject([403, closed]);
    expect(leaksIn(editor.text)).toEqual([]);
  });

  it('shows which worker signs with another secret', async () => {
    const odd = await startWorker({ ...environment(), SECRET_KEY: random() + random(), SECRET_KEY_FALLBACKS: '' });
    const even = await startWorker(environment());
    const fingerprints = [];
    for (const worker of [odd, even]) {
      const visitor = new Visitor(worker);
      await visitor.get(`/login?role=admin&note=${note}`);
      const report: unknown = JSON.parse((await visitor.get('/admin/session-report')).text);
      fingerprints.push(JSON.stringify(Reflect.get(Object(report), 'secrets')));
    }
    expect(fingerprints[0]).not.toBe(fingerprints[1]);
  });

  it('of a worker with a wrong password is a 503 that does not tell it', async () => {
    const wrong = random();
    const worker = await startWorker({
      ...environment(),
      SESSION_REDIS_URL: `redis://:${wrong}@127.0.0.1:${redis.port}/0`,
    });
    const { status, text } = await send(`${worker}/login?role=admin`);
    expect([status, JSON.parse(text)]).toMatchObject([503, { code: 'STORE_UNAVAILABLE' }]);
    // The operator is told why.
    await until(async () => printed.includes('WRONGPASS'));
    expect(text + printed).not.toContain(wrong);
    expect(leaksIn(text + printed)).toEqual([]);
  });
});
