import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Visitor } from './http-client.ts';

const main = fileURLToPath(new URL('../node_modules/@sess/cli/dist/main.js', import.meta.url));
const admin = 'c4n4ry-of-the-admin';
const secrets = { old: 'x7Kq-tests-of-the-cli-only-Zr91-old', new: 'p3Wv-tests-of-the-cli-only-Yt64-new' };

/** Three workers, with a route for the debug report. `MIXED` gives each worker a secret of its own. */
const source = `
  import cluster from 'node:cluster';
  import { createSessions } from '@sess/core';
  import { session } from '@sess/express';
  import express from 'express';

  if (cluster.isPrimary) {
    cluster.on('listening', (worker, { port }) => console.log('port ' + port));
    for (let worker = 0; worker < 3; worker += 1) cluster.fork({ NUMBER: String(worker) });
  } else {
    const { MIXED, NUMBER, SECRET_KEY, ADMIN } = process.env;
    const sessions = createSessions({ secret: (MIXED ? NUMBER : '') + SECRET_KEY, logger: false });
    const app = express();
    app.get('/admin/sessions', async (req, res) => {
      res.json(await sessions.debugReport({ isAllowed: req.get('authorization') === 'Bearer ' + ADMIN }));
    });
    app.use(session(sessions));
    app.get('/', (req, res) => {
      req.session.views = (req.session.views ?? 0) + 1;
      res.send('views ' + req.session.views + ' owner ' + req.session.owner);
    });
    app.get('/login', async (req, res) => {
      await req.session.regenerate({ owner: 'ada' });
      req.session.cart = ['c4n4ry-book'];
      res.send('welcome');
    });
    app.listen(0, '127.0.0.1');
  }
`;

let folder: string;
let app: ChildProcess | undefined;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'sess-e2e-cli-')));
  symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'server.js'), source);
});

afterEach(async () => {
  if (app?.pid !== undefined && app.exitCode === null) {
    const ended = once(app, 'exit');
    // With its workers, which are in the group that it leads.
    process.kill(-app.pid, 'SIGTERM');
    await ended;
  }
  app = undefined;
  rmSync(folder, { recursive: true, force: true });
});

/** The app's environment: no SESSION_DIR, so the directory is the default one, below a temporary directory of our own. */
function environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME, TMPDIR: folder, NODE_ENV: 'production', SECRET_KEY: secrets.old, ADMIN: admin, ...more };
}

/** Starts the app, and waits until its three workers listen. */
async function start(env: Readonly<Record<string, string>> = {}): Promise<string> {
  const child = spawn(process.execPath, [join(folder, 'server.js')], { env: environment(env), detached: true });
  app = child;
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => void (output += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`The app has ended: ${output}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const ports = [...output.matchAll(/^port (\d+)$/gm)];
      if (ports.length === 3) resolve(`http://127.0.0.1:${ports[0]?.[1]}`);
    });
  });
}

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The built command, in the app's folder. */
async function sess(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const child = spawn(process.execPath, [main, ...args], { cwd: folder, env: environment(env) });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => void (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => void (err += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  expect(out + err).not.toContain('c4n4ry');
  expect(out + err).not.toContain(secrets.old);
  expect(out + err).not.toContain(secrets.new);
  return { code, out, err };
}

interface Diagnosis {
  readonly code: number | null;
  readonly errors: string[];
  readonly workers: { secrets: { fingerprint: string }[]; storage: { location: string } }[];
}

async function diagnose(url: string, env: Readonly<Record<string, string>> = {}, key = admin): Promise<Diagnosis> {
  const report = ['--report-url', `${url}/admin/sessions`, '--header', `Authorization: Bearer ${key}`];
  const { code, out } = await sess(['doctor', '--json', '--url', url, ...report, '--requests', '30'], env);
  const { findings, workers } = JSON.parse(out) as {
    findings: { code: string; severity: string }[];
    workers: Diagnosis['workers'];
  };
  const errors = findings.filter(({ severity }) => severity === 'error').map((finding) => finding.code);
  return { code, errors, workers };
}

describe('the doctor and a running app of three workers', { timeout: 120_000 }, () => {
  it('finds no error, and reaches all three', async () => {
    const url = await start();
    const { code, errors, workers } = await diagnose(url);
    expect({ code, errors }).toEqual({ code: 0, errors: [] });
    expect(workers).toHaveLength(3);
    expect(new Set(workers.map(({ storage }) => storage.location)).size).toBe(1);
  });

  it('is not let in with the wrong header, and says so', async () => {
    const url = await start();
    expect(await diagnose(url, {}, 'c4n4ry-wrong')).toMatchObject({ code: 1, errors: ['REPORT_UNREADABLE'] });
  });

  it('finds workers that sign with secrets of their own', async () => {
    const url = await start({ MIXED: '1' });
    const { code, errors, workers } = await diagnose(url);
    expect(code).toBe(1);
    expect(errors).toContain('WORKERS_SECRET');
    expect(new Set(workers.map((worker) => worker.secrets[0]?.fingerprint)).size).toBe(3);
  });

  it('finds a rotation in one step before it is deployed, and nothing in the right first step', async () => {
    const url = await start();
    expect(await diagnose(url, { SECRET_KEY: secrets.new })).toMatchObject({
      code: 1,
      errors: ['SECRET_NOT_DISTRIBUTED', 'SECRET_OLD_DROPPED'],
    });
    expect(await diagnose(url, { SECRET_KEY_FALLBACKS: secrets.new })).toMatchObject({ code: 0, errors: [] });
  });
});

describe('the sessions of a running app', { timeout: 120_000 }, () => {
  it('are found in its folder without a word about where, and a revoked one is over at once', async () => {
    const url = await start();
    const visitor = new Visitor(url);
    await visitor.get('/login');
    expect((await visitor.get('/')).text).toBe('views 1 owner ada');

    const listed = await sess(['list', '--owner', 'ada']);
    expect(listed.code).toBe(0);
    const [handle = '', owner, , , , , keys] = listed.out.trimEnd().split('\t');
    expect([owner, keys]).toEqual(['ada', 'cart,views']);
    expect(await sess(['show', handle, '--key', 'views'])).toMatchObject({ code: 0, out: '1\n' });

    expect(await sess(['revoke', handle, '--yes'])).toMatchObject({ code: 0, out: 'Revoked 1 session.\n' });
    expect((await visitor.get('/')).text).toBe('views 1 owner undefined');
    expect(await sess(['list', '--owner', 'ada'])).toMatchObject({ code: 0, out: '' });
  });
});
