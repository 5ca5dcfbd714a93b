import { type DebugReport, type SessionsOptions, createSessions, memoryStore, secretFingerprint } from '@sess/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AppFolder, makeAppFolder } from '../test/app-folder.ts';
import { type WebServer, serve } from '../test/web-server.ts';

const secrets = {
  old: 'x7Kq-tests-of-the-workers-only-Zr91-old',
  new: 'p3Wv-tests-of-the-workers-only-Yt64-new',
  other: 'm8Jd-tests-of-the-workers-only-Hg25-other',
};

let app: AppFolder;
let server: WebServer | undefined;

beforeEach(async () => {
  app = makeAppFolder();
  await app.open();
});

afterEach(async () => {
  await server?.close();
  server = undefined;
  await app.remove();
});

/** What a worker with these options says of itself; what belongs to its process is made up. */
async function reportOf(
  pid: number,
  options: SessionsOptions = {},
  more: Partial<DebugReport> = {},
): Promise<DebugReport> {
  const sessions = createSessions({
    secret: secrets.old,
    logger: false,
    env: { ...app.env, NODE_ENV: 'production' },
    store: memoryStore(),
    ...options,
  });
  return {
    ...(await sessions.debugReport({ isAllowed: true })),
    pid,
    hostname: 'web-1',
    backend: { name: 'fs', reason: 'It is so.', source: 'default' },
    storage: { name: 'fs', location: app.sessions, sharedBy: 'host' },
    store: { latencyMs: 1 },
    ...more,
  };
}

interface Diagnosis {
  code: number | null;
  codes: string[];
  text: string;
}

/** Workers behind one address, who take turns connection by connection. */
async function diagnose(
  workers: readonly DebugReport[],
  { env = {}, args = [] }: { env?: Record<string, string>; args?: readonly string[] } = {},
): Promise<Diagnosis> {
  let turn = 0;
  server = await serve((_, response) => {
    const report = workers[(turn += 1) % workers.length];
    if (report === undefined) throw new Error('no worker');
    // Its clock is as far off as it says.
    response.end(JSON.stringify({ ...report, at: Date.now() + (report.at < 1e9 ? report.at : 0) }));
  });
  const { code, out } = await app.sess(
    ['doctor', '--json', '--report-url', `http://127.0.0.1:${server.port}/`, ...args],
    { env: { ...app.env, NODE_ENV: 'production', SECRET_KEY: secrets.old, ...env } },
  );
  const { findings } = JSON.parse(out) as { findings: { code: string }[] };
  const codes = findings
    .map((one) => one.code)
    .filter((one) => !/^(USER_ROOT|STORE_SLOW|FS_(TEMP|MEMORY|SPACE|INODES|CONTAINER))$/.test(one));
  return { code, codes, text: JSON.stringify(findings) };
}

describe('the workers', () => {
  it('are asked on a new connection each time, and nothing is found where all are alike', async () => {
    const workers = [await reportOf(1), await reportOf(2), await reportOf(3)];
    expect(await diagnose(workers, { args: ['--requests', '9'] })).toMatchObject({ code: 0, codes: [] });
    expect(server?.connections).toBe(9);
  });

  it('that were only one are told', async () => {
    expect(await diagnose([await reportOf(1)])).toMatchObject({ code: 0, codes: ['WORKERS_ONE'] });
  });

  it('of which one signs with what another does not accept are found', async () => {
    const { code, codes, text } = await diagnose([
      await reportOf(1),
      await reportOf(2, { secret: [secrets.other, secrets.old] }),
    ]);
    expect(code).toBe(1);
    expect(codes).toContain('WORKERS_SECRET');
    expect(text).toContain(secretFingerprint(secrets.other));
    for (const secret of Object.values(secrets)) expect(text).not.toContain(secret);
  });

  it.each<[string, SessionsOptions, Partial<DebugReport>, string, number]>([
    ['another place', {}, { storage: { name: 'fs', location: '/elsewhere', sharedBy: 'host' } }, 'WORKERS_BACKEND', 1],
    ['another backend', {}, { backend: { name: 'cookie', reason: '', source: 'VITEST' } }, 'WORKERS_BACKEND', 1],
    ['a storage that does not answer', {}, { store: { error: 'STORE_TIMEOUT' } }, 'WORKERS_STORE', 1],
    ['another cookie', { cookie: { sameSite: 'strict' } }, {}, 'WORKERS_COOKIE', 1],
    ['other timeouts', { idleTimeoutMs: 60_000 }, {}, 'WORKERS_TIMEOUTS', 0],
    ['another host', {}, { hostname: 'web-2' }, 'WORKERS_HOSTS', 0],
    ['another version', {}, { versions: { node: '20.20.2', core: '99.0.0' } }, 'WORKERS_VERSIONS', 0],
    ['a clock that is ahead', {}, { at: 90_000 }, 'WORKERS_CLOCK', 0],
    ['a clock that is behind', {}, { at: -90_000 }, 'WORKERS_CLOCK', 0],
  ])('of which one has %s are found', async (_, options, more, expected, exitCode) => {
    const { code, codes } = await diagnose([await reportOf(1), await reportOf(2, options, more), await reportOf(3)]);
    expect(codes).toContain(expected);
    expect(code).toBe(exitCode);
  });

  it('that have a memory store each are found', async () => {
    const memory = (pid: number): Promise<DebugReport> =>
      reportOf(pid, {}, { storage: { name: 'memory', location: `process ${pid}`, sharedBy: 'process' } });
    const { code, codes } = await diagnose([await memory(1), await memory(2)]);
    expect(code).toBe(1);
    expect(codes).toContain('WORKERS_MEMORY');
    expect(codes).not.toContain('WORKERS_BACKEND');
  });
});

describe('a rotation', () => {
  const running = (secret: string[]): Promise<DebugReport[]> =>
    Promise.all([reportOf(1, { secret }), reportOf(2, { secret })]);

  it('in two deploys is found to be right, step by step', async () => {
    const first = { SECRET_KEY: secrets.old, SECRET_KEY_FALLBACKS: secrets.new };
    const second = { SECRET_KEY: secrets.new, SECRET_KEY_FALLBACKS: secrets.old };
    const third = { SECRET_KEY: secrets.new };
    expect(await diagnose(await running([secrets.old]), { env: first })).toMatchObject({ code: 0, codes: [] });
    await server?.close();
    expect(await diagnose(await running([secrets.old, secrets.new]), { env: second })).toMatchObject({ codes: [] });
    await server?.close();
    expect(await diagnose(await running([secrets.new, secrets.old]), { env: third })).toMatchObject({
      code: 0,
      codes: ['SECRET_FALLBACK_DROPPED'],
    });
  });

  it('in one step is found: the old one is dropped, and nobody knows the new one', async () => {
    const { code, codes, text } = await diagnose(await running([secrets.old]), { env: { SECRET_KEY: secrets.new } });
    expect({ code, codes }).toEqual({ code: 1, codes: ['SECRET_NOT_DISTRIBUTED', 'SECRET_OLD_DROPPED'] });
    for (const secret of Object.values(secrets)) expect(text).not.toContain(secret);
  });

  it('in one step with a fallback is found too: running workers do not know the new one', async () => {
    const env = { SECRET_KEY: secrets.new, SECRET_KEY_FALLBACKS: secrets.old };
    expect(await diagnose(await running([secrets.old]), { env })).toMatchObject({
      code: 1,
      codes: ['SECRET_NOT_DISTRIBUTED'],
    });
  });

  it('that was prepared, and then forgets the old one, is found', async () => {
    const env = { SECRET_KEY: secrets.new };
    expect(await diagnose(await running([secrets.old, secrets.new]), { env })).toMatchObject({
      code: 1,
      codes: ['SECRET_OLD_DROPPED'],
    });
  });
});

describe('a deploy', () => {
  it('to another storage or another cookie is told', async () => {
    const elsewhere = { storage: { name: 'redis', location: '10.0.0.1:6379/0', sharedBy: 'hosts' } } as const;
    const workers = [await reportOf(1, {}, elsewhere), await reportOf(2, {}, elsewhere)];
    expect(await diagnose(workers)).toMatchObject({ code: 0, codes: ['DEPLOY_BACKEND'] });
    await server?.close();
    const renamed = [await reportOf(1, { cookie: { name: 'shop' } }), await reportOf(2, { cookie: { name: 'shop' } })];
    expect(await diagnose(renamed)).toMatchObject({ code: 0, codes: ['DEPLOY_COOKIE'] });
  });
});

describe('a report that cannot be read', () => {
  it.each([
    ['a refusal', 403, '{"error":"canary"}'],
    ['a page', 200, '<h1>canary</h1>'],
    ['other JSON', 200, '{"pid":1}'],
    ['a redirect to the login', 302, ''],
  ])('%s is found, without its text', async (_, status, body) => {
    const asked: (string | undefined)[] = [];
    server = await serve((request, response) => {
      asked.push(request.headers.authorization);
      response.writeHead(status, status === 302 ? { location: '/login' } : {}).end(body);
    });
    const url = `http://127.0.0.1:${server.port}/admin?key=canary`;
    const { code, out } = await app.sess(
      ['doctor', '--json', '--report-url', url, '--header', 'Authorization: Bearer canary'],
      { env: { ...app.env, SECRET_KEY: secrets.old } },
    );
    expect(code).toBe(1);
    expect(out).toContain('REPORT_UNREADABLE');
    expect(out).not.toContain('canary');
    expect(asked).toEqual(['Bearer canary']);
  });

  it.each([{ store: null }, { storage: { name: 'fs' } }, { timeouts: { idleTimeoutMs: 1 } }])(
    'a report with an odd part is found, and all else is looked at (%j)',
    async (odd) => {
      const odds = await Promise.all([reportOf(1), reportOf(2)]);
      const { codes } = await diagnose(odds.map((report): DebugReport => Object.assign(report, odd)));
      expect(codes).toContain('REPORT_UNREADABLE');
    },
  );
});
