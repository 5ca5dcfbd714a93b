import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Finding, createSessions, memoryStore } from '@sess/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AppFolder, handleOf, makeAppFolder, storeSession } from '../test/app-folder.ts';
import { freePort, startRedis } from '../test/redis-server.ts';
import { type WebServer, serve } from '../test/web-server.ts';

const secret = 'x7Kq-tests-of-the-doctor-only-Zr91-mN4p';

let app: AppFolder;
let servers: { dispose(): Promise<void> }[];

beforeEach(() => {
  app = makeAppFolder();
  servers = [];
});

afterEach(async () => {
  for (const server of servers) await server.dispose();
  await app.remove();
});

interface Diagnosis {
  code: number | null;
  findings: Finding[];
  codes: string[];
  report: Record<string, unknown>;
}

async function diagnose(env: Record<string, string>, ...args: string[]): Promise<Diagnosis> {
  const { code, out, err } = await app.sess(['doctor', '--json', ...args], { env });
  expect(err).toBe('');
  const report = JSON.parse(out) as Record<string, unknown> & { findings: Finding[] };
  for (const { text, fix } of report.findings) expect([text, fix]).not.toContain('');
  return {
    code,
    report,
    findings: report.findings,
    // As root or not, with however little room the machine has, and however busy it is.
    codes: report.findings
      .map((one) => one.code)
      .filter((one) => !/^(USER_ROOT|STORE_SLOW|FS_(TEMP|MEMORY|SPACE|INODES|CONTAINER))$/.test(one)),
  };
}

/** What is right. */
const good = (): Record<string, string> => ({ ...app.env, NODE_ENV: 'production', SECRET_KEY: secret });

/** A web server, at an address that is not of this machine's name for itself. */
async function web(listener: RequestListener, tls?: { key: string; cert: string }): Promise<WebServer> {
  const server = await serve(listener, tls);
  servers.push({ dispose: () => server.close() });
  return server;
}

describe('where nothing is wrong', () => {
  it('the doctor finds nothing, ends with 0, and says what would be chosen and why', async () => {
    await app.open();
    const { code, codes, report } = await diagnose(good());
    expect({ code, codes }).toEqual({ code: 0, codes: [] });
    expect(report).toMatchObject({
      isHealthy: true,
      backend: { name: 'fs', source: 'default' },
      storage: { name: 'fs', location: app.sessions },
      cookie: { name: '__Host-sid', secure: true },
      secrets: [{ fingerprint: expect.stringMatching(/^[\da-f]{8}$/) as string }],
    });
    const { out } = await app.sess(['doctor'], { env: good() });
    expect(out).toContain('No Redis is configured');
    expect(out).toContain(app.sessions);
  });

  it('no session is left behind by looking', async () => {
    const store = await app.open();
    await storeSession(store, handleOf(1));
    expect((await diagnose(good())).report).toMatchObject({ latencyMs: expect.any(Number) as number });
    expect((await app.sess(['list'])).out.split('\t')[0]).toBe(handleOf(1));
    expect(JSON.parse((await app.sess(['stats', '--json'])).out)).toMatchObject({ sessions: 1 });
  });

  it('Redis is looked at too', async () => {
    const redis = await startRedis('--appendonly', 'yes');
    servers.push(redis);
    const env = { NODE_ENV: 'production', SECRET_KEY: secret, SESSION_REDIS_URL: `redis://127.0.0.1:${redis.port}/2` };
    const { code, codes, report } = await diagnose(env);
    expect({ code, codes }).toEqual({ code: 0, codes: [] });
    expect(report).toMatchObject({
      backend: { name: 'redis', source: 'SESSION_REDIS_URL' },
      storage: { location: `127.0.0.1:${redis.port}/2, prefix "session:"` },
      latencyMs: expect.any(Number) as number,
    });
  });
});

describe('two apps in one storage', () => {
  const other = 'p3Wd-secret-of-another-app-Tk28-vB5y';

  it('are found, in a directory and in Redis, and only where their secrets have none in common', async () => {
    const redis = await startRedis('--appendonly', 'yes');
    servers.push(redis);
    for (const place of [{}, { SESSION_REDIS_URL: `redis://127.0.0.1:${redis.port}` }]) {
      const start = async (secrets: string[]) => {
        const env = { SESSION_DIR: app.sessions, ...place };
        const sessions = createSessions({ secret: secrets, env, logger: false });
        await sessions.ready();
        await sessions.close();
      };
      await start([secret]);
      await start(['the-one-that-comes-next-Qz71-tR9m-xW', secret]);
      expect((await diagnose({ ...good(), ...place })).codes).toEqual([]);
      await start([other]);
      const { code, codes, findings } = await diagnose({ ...good(), ...place });
      expect({ code, codes }).toEqual({ code: 0, codes: ['STORAGE_SHARED'] });
      const shared = findings.find((one) => one.code === 'STORAGE_SHARED');
      expect(shared?.text).toMatch(/other secrets \([\da-f]{8}\)/);
      expect(JSON.stringify(findings)).not.toContain(other);
    }
  });
});

describe('a broken configuration', () => {
  it.each([
    ['no secret', { SECRET_KEY: '' }, 'SECRET_INVALID'],
    ['a short secret', { SECRET_KEY: 'Ab3$xY9' }, 'SECRET_INVALID'],
    ['a well-known secret', { SECRET_KEY: 'keyboard cat keyboard cat keyboard cat' }, 'SECRET_INVALID'],
    ['fallbacks without a secret', { SECRET_KEY: '', SECRET_KEY_FALLBACKS: secret }, 'SECRET_INVALID'],
    ['a fallback that is the secret', { SECRET_KEY_FALLBACKS: secret }, 'SECRET_INVALID'],
    ['a directory that is not absolute', { SESSION_DIR: 'sessions' }, 'CONFIG_INVALID'],
  ])('%s is found, and the exit code is 1', async (_, wrong, expected) => {
    await app.open();
    const { code, findings } = await diagnose({ ...good(), ...wrong });
    expect(code).toBe(1);
    expect(findings.filter(({ severity }) => severity === 'error').map((one) => one.code)).toEqual([expected]);
    expect(await app.sess(['doctor'], { env: { ...good(), ...wrong } })).toMatchObject({
      code: 1,
      out: expect.stringContaining(`✗ ${expected} error`) as string,
    });
  });

  it('of a development secret is a note, and of a weak one a warning: both before production refuses them', async () => {
    await app.open();
    expect(await diagnose(app.env)).toMatchObject({ code: 0, codes: ['SECRET_DEVELOPMENT'] });
    expect(readdirSync(app.sessions)).not.toContain('development-secret');
    expect((await app.sess(['doctor'], { env: app.env })).out).toContain('one that is made for development');
    const weak = await diagnose({ ...app.env, SECRET_KEY: 'hunter2' });
    expect(weak).toMatchObject({ code: 0, codes: ['SECRET_WEAK'] });
  });

  it('in the options is found as the app would find it', async () => {
    await app.open();
    app.write('sess.config.mjs', "export const options = { cookie: { sameSite: 'none', secure: false } };");
    expect(await diagnose(good())).toMatchObject({ code: 1, codes: ['CONFIG_INVALID'] });
  });

  it('under a test runner is told: nothing would be stored', async () => {
    expect(await diagnose({ NODE_ENV: 'test', SECRET_KEY: secret })).toMatchObject({
      code: 0,
      codes: ['COOKIE_SESSIONS'],
      report: { backend: { name: 'cookie', source: 'NODE_ENV' } },
    });
  });
});

describe('broken storage', () => {
  it('that is not installed is told with the line to run', async () => {
    rmSync(join(app.path, 'node_modules', '@sess'));
    const { code, findings } = await diagnose({ SECRET_KEY: secret, REDIS_URL: 'redis://127.0.0.1:1' });
    expect(code).toBe(1);
    expect(findings).toContainEqual(
      expect.objectContaining({
        code: 'STORE_PACKAGE_MISSING',
        text: expect.stringContaining('npm install @sess/redis') as string,
      }),
    );
  });

  it('that is a Redis which is not there, wants another password, or stands still', async () => {
    const env = (port: number, user = ''): Record<string, string> => ({
      SECRET_KEY: secret,
      REDIS_URL: `redis://${user}127.0.0.1:${port}`,
    });
    expect(await diagnose(env(await freePort()))).toMatchObject({ code: 1, codes: ['STORE_UNAVAILABLE'] });
    const redis = await startRedis('--requirepass', 'right');
    servers.push(redis);
    const refused = await diagnose(env(redis.port, ':wr0ng-canary@'));
    expect(refused).toMatchObject({ code: 1, codes: ['STORE_UNAVAILABLE'] });
    expect(JSON.stringify(refused)).not.toContain('canary');
    redis.signal('SIGSTOP');
    const frozen = await diagnose(env(redis.port, ':right@'));
    expect(frozen.code).toBe(1);
    expect(frozen.codes).toEqual([expect.stringMatching(/^STORE_(TIMEOUT|UNAVAILABLE)$/)]);
  });

  it('that is a Redis whose user may log nobody in, or change nothing, or only not be looked at', async () => {
    const rights =
      '~session:* +@connection +get +getex +getrange +set +setrange +del +pexpire +pttl +time +zadd +zrange +zscan +zrem +zremrangebyscore +zscore +eval +evalsha +scan';
    const user = (name: string, ...others: string[]) => [
      '--user',
      name,
      'on',
      '>word',
      ...rights.split(' '),
      ...others,
    ];
    const missing = ['zadd', 'zscan', 'setrange', 'pexpire'];
    const redis = await startRedis(
      ...user('all', '+info', '+config|get'),
      ...user('unseen'),
      ...missing.flatMap((right) => user(right, '+info', '+config|get', `-${right}`)),
    );
    servers.push(redis);
    const env = (name: string): Record<string, string> => ({
      SECRET_KEY: secret,
      REDIS_URL: `redis://${name}:word@127.0.0.1:${redis.port}`,
    });
    const as = (name: string): Promise<Diagnosis> => diagnose(env(name));
    expect((await as('all')).codes).not.toContain('STORE_UNAVAILABLE');
    for (const right of missing) {
      const { code, codes, findings } = await as(right);
      expect([right, code, codes.includes('STORE_UNAVAILABLE')]).toEqual([right, 1, true]);
      expect(findings.find((finding) => finding.code === 'STORE_UNAVAILABLE')?.fix).not.toContain('container');
    }
    // ioredis prints that it may not ask either.
    const unseen = await app.sess(['doctor', '--json'], { env: env('unseen') });
    const { findings } = JSON.parse(unseen.out) as { findings: Finding[] };
    expect(findings.map(({ code }) => code)).toEqual(expect.arrayContaining(['STORE_UNCHECKED']));
    expect(findings.map(({ code }) => code)).not.toContain('STORE_UNAVAILABLE');
  });

  it('that is a Redis which evicts and keeps nothing', async () => {
    const redis = await startRedis('--maxmemory-policy', 'allkeys-lru');
    servers.push(redis);
    const { code, codes } = await diagnose({ SECRET_KEY: secret, REDIS_URL: `redis://127.0.0.1:${redis.port}` });
    expect(code).toBe(0);
    expect(codes).toEqual(expect.arrayContaining(['REDIS_EVICTION', 'REDIS_PERSISTENCE']));
  });

  it('that is a directory: missing, impossible, of somebody else, open to others', async () => {
    expect(await diagnose(good())).toMatchObject({ code: 0, codes: ['FS_MISSING'] });
    app.write('a-file', '');
    expect(await diagnose({ ...good(), SESSION_DIR: join(app.path, 'a-file', 'sessions') })).toMatchObject({
      code: 1,
      codes: ['FS_PARENT'],
    });
    mkdirSync(app.sessions, { mode: 0o700 });
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) chownSync(app.sessions, 65534, 65534);
    const foreign = isRoot ? app.sessions : '/etc';
    expect(await diagnose({ ...good(), SESSION_DIR: foreign })).toMatchObject({ code: 1, codes: ['FS_OTHER_USER'] });
    if (isRoot) chownSync(app.sessions, 0, 0);
    chmodSync(app.sessions, 0o777);
    expect(await diagnose(good())).toMatchObject({ code: 1, codes: ['FS_DIRECTORY'] });
  });

  it('that is a directory which a production app would be warned of: below the temporary one', async () => {
    await app.open();
    const severityOf = ({ findings }: Diagnosis): unknown => findings.find(({ code }) => code === 'FS_TEMP')?.severity;
    const inProduction = await diagnose(good());
    expect([inProduction.code, severityOf(inProduction)]).toEqual([0, 'warning']);
    expect(severityOf(await diagnose({ ...app.env, SECRET_KEY: secret }))).toBe('note');
  });

  it('that is a directory which faults: what to do is said of files, not of a server', async () => {
    await app.open();
    app.write(
      'sess.config.mjs',
      `import { fsStore } from '@sess/fs';
       const store = fsStore({ directory: ${JSON.stringify(app.sessions)} });
       const fail = async () => {
         throw Object.assign(new Error('No.'), { name: 'SessError', code: process.env.FAULT });
       };
       export const options = { store: Object.assign(store, { create: fail, check: fail }) };`,
    );
    for (const code of ['STORE_UNAVAILABLE', 'STORE_TIMEOUT', 'STORE_FULL']) {
      const { findings } = await diagnose({ ...good(), FAULT: code });
      const found = findings.find((one) => one.code === code);
      expect(found?.fix).toMatch(/disk/);
      expect(found?.fix).not.toMatch(/server|password|maxmemory/);
    }
  });

  const isRoot = process.geteuid?.() === 0;
  describe.skipIf(!isRoot)(`seen as another user${isRoot ? '' : ' (skipped: needs root)'}`, () => {
    const uid = 65534;

    function foundAs(): Finding[] {
      chmodSync(app.path, 0o755);
      const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
      const { stdout, stderr } = spawnSync(process.execPath, [main, 'doctor', '--json'], {
        cwd: app.path,
        env: { PATH: process.env['PATH'], ...good(), SESSION_DIR: join(app.path, 'above', 'sessions') },
        uid,
        gid: uid,
        encoding: 'utf8',
      });
      expect(stderr).toBe('');
      return (JSON.parse(stdout) as { findings: Finding[] }).findings;
    }

    it('is there behind a directory that may not be entered', () => {
      const above = join(app.path, 'above');
      mkdirSync(join(above, 'sessions'), { recursive: true, mode: 0o700 });
      expect(foundAs()).toContainEqual({
        code: 'FS_PARENT',
        severity: 'error',
        text: `The session directory ${join(above, 'sessions')} cannot be reached: this user (uid ${uid}) may not enter ${above}, which belongs to uid 0.`,
        // In a container there is seldom a root to ask.
        fix: expect.stringMatching(/^As root: chmod o\+x \/|SESSION_DIR=<directory>$/) as string,
      });
    });

    it('is not there, and may not be made', () => {
      expect(foundAs()).toContainEqual(
        expect.objectContaining({ code: 'FS_PARENT', text: expect.stringContaining('may not make it in') as string }),
      );
    });

    it('holds what root has made', async () => {
      const sessions = join(app.path, 'above', 'sessions');
      const store = await app.open({ SESSION_DIR: sessions });
      for (let number = 0; number < 3; number += 1) await storeSession(store, `${number}`.repeat(64));
      for (const path of [sessions, join(sessions, 'locks'), join(sessions, 'owners')]) chownSync(path, uid, uid);
      expect(foundAs()).toContainEqual(
        expect.objectContaining({
          code: 'FS_DIRECTORY',
          text: expect.stringContaining(`chown -R ${uid} ${sessions}`) as string,
          fix: expect.stringMatching(/^Do what it says, or /) as string,
        }),
      );
    });
  });

  it('that is in memory, is slow, or fails in its own way', async () => {
    app.write(
      'sess.config.mjs',
      "import { memoryStore } from '@sess/core';\nexport const options = { store: memoryStore() };",
    );
    expect(await diagnose(good())).toMatchObject({ code: 0, codes: ['MEMORY_PER_PROCESS'] });
    const slow = `
      import { memoryStore } from '@sess/core';
      import { setTimeout as pause } from 'node:timers/promises';
      const { create, read, replace, destroy } = memoryStore();
      export const options = { store: { create, replace, destroy, read: async (key, by) => (await pause(150), read(key, by)) } };`;
    app.write('sess.config.mjs', slow);
    const { code, findings } = await diagnose(good());
    expect(code).toBe(0);
    expect(findings).toContainEqual(expect.objectContaining({ code: 'STORE_SLOW', severity: 'warning' }));
    app.write('sess.config.mjs', slow.replace('(await pause(150), read(key, by))', 'undefined'));
    expect(await diagnose(good())).toMatchObject({ code: 1, codes: ['STORE_CORRUPT'] });
    app.write('sess.config.mjs', slow.replace('(await pause(150), read(key, by))', 'key.nope.nope'));
    expect(await diagnose(good())).toMatchObject({ code: 1, codes: ['DOCTOR_FAULT'] });
  });
});

describe('in a container', () => {
  const inContainer = (): Record<string, string> => ({ ...good(), KUBERNETES_SERVICE_HOST: '10.0.0.1' });

  it('files that no volume holds are told of, and advice is what can be done there', async () => {
    await app.open();
    const { findings } = await diagnose(inContainer());
    // The temporary directory may be a file system of its own, which is as good as a volume.
    const isInContainer = statSync(app.sessions).dev === statSync('/').dev;
    expect(findings.some(({ code }) => code === 'FS_CONTAINER')).toBe(isInContainer);
    expect(JSON.stringify(findings)).not.toContain('sudo');
    const fixes = findings.flatMap(({ code, fix }) => (code === 'USER_ROOT' ? [fix] : []));
    expect(fixes.every((fix) => fix.includes('kubectl exec <pod>'))).toBe(true);
  });

  it('a Redis that is looked for in the container itself is told of', async () => {
    const { findings } = await diagnose({
      ...inContainer(),
      SESSION_REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
    });
    expect(findings.find(({ code }) => code === 'STORE_UNAVAILABLE')?.fix).toMatch(/container .* name of the server/);
  });
});

it('sentences are not broken in a pipe, and are in a terminal', async () => {
  await app.open();
  const sentence = /SECRET_KEY is not set: .* production refuses to start without one\./;
  expect((await app.sess(['doctor'])).out).toMatch(sentence);
  expect((await app.sess(['doctor'], { typing: '' })).out).not.toMatch(sentence);
});

describe('the surroundings', () => {
  it('an .env file with our variables that was not read is told by name; values are not', async () => {
    await app.open();
    chmodSync(app.write('.env', `SECRET_KEY=canary-${secret}\nOTHER=1\n`), 0o600);
    const unread = await diagnose({ ...app.env });
    expect(unread.codes).toEqual(['ENV_FILE_UNREAD', 'SECRET_DEVELOPMENT']);
    expect(JSON.stringify(unread)).not.toContain('canary');
    expect(JSON.stringify(unread)).not.toContain('OTHER');
    expect(await diagnose({ ...app.env }, '--env', '.env')).toMatchObject({ codes: [] });
    chmodSync(join(app.path, '.env'), 0o644);
    expect(await diagnose({ ...app.env }, '--env', '.env')).toMatchObject({ codes: ['ENV_FILE_OPEN'] });
    const directory = `SESSION_DIR=${app.env['SESSION_DIR'] ?? ''}\n`;
    chmodSync(app.write('.env', directory), 0o644);
    expect((await diagnose({ ...app.env }, '--env', '.env')).codes).not.toContain('ENV_FILE_OPEN');
  });
});

/** The cookie as a production app sends it, to visitors of its own. */
let visitors = 0;
const goodCookie = (): string =>
  `__Host-sid=token${(visitors += 1)}; Max-Age=2592000; Path=/; HttpOnly; Secure; SameSite=Lax`;

describe('--url', () => {
  beforeEach(async () => void (await app.open()));

  /** The findings of a visit to a server that answers with these headers. */
  async function visited(
    headers: () => Record<string, string>,
    { env = good(), status = 200 } = {},
  ): Promise<Diagnosis> {
    const server = await web((_, response) => response.writeHead(status, headers()).end('hello'));
    const diagnosis = await diagnose(env, '--url', `http://127.0.0.1:${server.port}/?token=canary`);
    // As two visitors who have never been there.
    expect(server.connections).toBe(2);
    expect(JSON.stringify(diagnosis)).not.toContain('canary');
    // The address is this machine's own, by plain http.
    const isTrial = ({ code, severity }: Finding): boolean => code === 'COOKIE_OVER_HTTP' && severity === 'note';
    expect(diagnosis.findings.filter(isTrial)).toHaveLength(1);
    return { ...diagnosis, codes: diagnosis.codes.filter((code) => code !== 'COOKIE_OVER_HTTP') };
  }
  const privately = { 'cache-control': 'private, no-store' };

  it('finds nothing where the cookie arrives as it was sent', async () => {
    expect(await visited(() => ({ ...privately, 'set-cookie': goodCookie() }))).toMatchObject({ code: 0, codes: [] });
  });

  it.each([
    ['Secure', '; Secure', ''],
    ['HttpOnly', '; HttpOnly', ''],
    ['SameSite', '; SameSite=Lax', ''],
    ['the path', 'Path=/', 'Path=/app'],
    ['a domain', 'Path=/', 'Path=/; Domain=app.example'],
  ])('finds that a proxy has changed %s', async (_, from, to) => {
    const { code, codes } = await visited(() => ({ ...privately, 'set-cookie': goodCookie().replace(from, to) }));
    expect({ code, codes }).toEqual({ code: 1, codes: ['COOKIE_CHANGED'] });
  });

  it('finds a cache that gives one session to all, and one that would be allowed to', async () => {
    const one = goodCookie();
    expect(await visited(() => ({ ...privately, 'set-cookie': one }))).toMatchObject({
      code: 1,
      codes: ['COOKIE_SHARED'],
    });
    expect(await visited(() => ({ 'set-cookie': goodCookie() }))).toMatchObject({
      code: 1,
      codes: ['COOKIE_CACHEABLE'],
    });
  });

  it('says that there was no cookie, an answer of 5xx, and no answer', async () => {
    expect(await visited(() => ({}))).toMatchObject({ code: 0, codes: ['COOKIE_UNSEEN'] });
    const { findings } = await visited(() => ({ 'set-cookie': 'sid=1; Path=/' }));
    expect(findings.find(({ code }) => code === 'COOKIE_UNSEEN')?.text).toContain('__Host-sid (but sid)');
    expect((await visited(() => ({}), { status: 503 })).codes).toContain('URL_FAILS');
    expect(await diagnose(good(), '--url', `http://user:canary@127.0.0.1:${await freePort()}/`)).toMatchObject({
      code: 1,
      codes: ['URL_UNREACHABLE'],
    });
  });

  it('finds a clock that is off, on either side', async () => {
    for (const offMs of [-120_000, 120_000]) {
      const { codes } = await visited(() => ({ date: new Date(Date.now() + offMs).toUTCString() }));
      expect(codes).toEqual(['CLOCK_SKEW', 'COOKIE_UNSEEN']);
    }
  });

  it('finds Secure cookies over http, where it is not this machine itself', async () => {
    const server = await web((_, response) => response.writeHead(200, privately).end());
    const { code, codes } = await diagnose(good(), '--url', `http://0.0.0.0:${server.port}/`);
    expect({ code, codes }).toEqual({ code: 1, codes: ['COOKIE_OVER_HTTP', 'COOKIE_UNSEEN'] });
    const inDevelopment = await diagnose({ ...app.env, SECRET_KEY: secret }, '--url', `http://0.0.0.0:${server.port}/`);
    expect(inDevelopment).toMatchObject({ code: 0, codes: ['COOKIE_UNSEEN'] });
  });

  it('says of this machine itself that a Secure cookie over http proves nothing there', async () => {
    const server = await web((_, response) => response.writeHead(200, privately).end());
    const { code, findings } = await diagnose(good(), '--url', `http://127.0.0.1:${server.port}/`);
    expect(code).toBe(0);
    expect(findings).toContainEqual({
      code: 'COOKIE_OVER_HTTP',
      severity: 'note',
      text: `The cookie __Host-sid is Secure and http://127.0.0.1:${server.port}/ is plain http of this machine itself, where curl keeps such a cookie, and Chromium at localhost; at any other address browsers drop it. That it works here proves nothing.`,
      fix: 'Try it at the address that users have, over TLS.',
    });
    const inDevelopment = await diagnose(
      { ...app.env, SECRET_KEY: secret },
      '--url',
      `http://127.0.0.1:${server.port}/`,
    );
    expect(inDevelopment.codes).not.toContain('COOKIE_OVER_HTTP');
  });

  it('follows to TLS, and finds a cookie there that is not Secure', async () => {
    const [key, cert] = [join(app.path, 'key.pem'), join(app.path, 'cert.pem')];
    const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...name], {
      stdio: 'ignore',
    });
    const tls = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
    const secured = await web((_, response) => response.writeHead(200).end(), tls);
    const plain = await web((_, response) =>
      response.writeHead(301, { location: `https://127.0.0.1:${secured.port}/` }).end(),
    );
    const address = `http://127.0.0.1:${plain.port}/`;
    const trusting = { NODE_EXTRA_CA_CERTS: cert };
    expect(await diagnose({ ...good(), ...trusting }, '--url', address)).toMatchObject({ codes: ['COOKIE_UNSEEN'] });
    const inDevelopment = await diagnose({ ...app.env, SECRET_KEY: secret, ...trusting }, '--url', address);
    expect(inDevelopment.codes).toEqual(['COOKIE_NOT_SECURE', 'COOKIE_UNSEEN']);
    // Whose certificate nobody vouches for is not reached.
    expect(await diagnose(good(), '--url', address)).toMatchObject({ code: 1, codes: ['URL_UNREACHABLE'] });
  });
});

describe('--report-url', () => {
  it('tells of workers with different secrets alone, and not of a rotation that nobody made', async () => {
    await app.open();
    const other = 'p3Wv-tests-of-the-doctor-only-Yt64-other';
    const reports = await Promise.all(
      [secret, secret, secret, other].map(async (each, index) => {
        const env = { NODE_ENV: 'production' };
        const sessions = createSessions({ secret: each, logger: false, env, store: memoryStore() });
        const storage = { name: 'fs', location: app.sessions, sharedBy: 'host' };
        const backend = { name: 'fs', reason: '', source: 'default' };
        return { ...(await sessions.debugReport({ isAllowed: true })), pid: index + 1, backend, storage };
      }),
    );
    let turn = 0;
    const server = await web((_, response) =>
      response.end(JSON.stringify({ ...reports[(turn += 1) % 4], at: Date.now() })),
    );
    const { code, codes } = await diagnose(good(), '--report-url', `http://127.0.0.1:${server.port}/`);
    expect({ code, codes }).toEqual({ code: 1, codes: ['WORKERS_SECRET'] });
  });

  it('compares with the environment here where the workers are of one mind', async () => {
    await app.open();
    const sessions = createSessions({
      secret: 'p3Wv-tests-of-the-doctor-only-Yt64-other',
      logger: false,
      env: { NODE_ENV: 'production' },
      store: memoryStore(),
    });
    const report = await sessions.debugReport({ isAllowed: true });
    const server = await web((_, response) => response.end(JSON.stringify({ ...report, at: Date.now() })));
    const { codes } = await diagnose(good(), '--report-url', `http://127.0.0.1:${server.port}/`);
    expect(codes).toEqual(expect.arrayContaining(['SECRET_NOT_DISTRIBUTED', 'SECRET_OLD_DROPPED']));
  });
});

describe('what is shown', () => {
  it('fits a terminal of 80 columns, with colours; a pipe gets none, nor does NO_COLOR', async () => {
    writeFileSync(join(app.path, '.env'), 'REDIS_URL=redis://127.0.0.1\n');
    const env = { ...app.env, NODE_ENV: 'production' };
    // oxlint-disable-next-line no-control-regex -- looking for the escape character is the point
    const escapes = /\u001B\[\d+m/g;
    const inTerminal = await app.sess(['doctor'], { env, typing: '' });
    expect(inTerminal.code).toBe(1);
    expect(inTerminal.out).toMatch(escapes);
    const lines = inTerminal.out.replaceAll(escapes, '').split(/\r?\n/);
    // A path alone may be longer than a line.
    expect(lines.filter((line) => line.length > 80 && line.trim().includes(' ') && !line.includes(app.path))).toEqual(
      [],
    );
    for (const plain of [
      await app.sess(['doctor'], { env }),
      await app.sess(['doctor'], { env: { ...env, NO_COLOR: '1' }, typing: '' }),
    ]) {
      expect(plain.code).toBe(1);
      expect(plain.out).not.toMatch(escapes);
    }
  });
});
