import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  type CookieOptions,
  type Limits,
  type MemoryStore,
  type Session,
  type SessionSettings,
  type SessionStore,
  type Sessions,
  type SessionsOptions,
  createSessions,
  memoryStore,
} from '@sess/core';
import { cookieSession } from '@sess/core/formerly';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres } from '@sess/postgres-server';
import { type RedisServer, startRedis } from './redis-server.ts';

// Each option and each variable of docs/configuration.md is changed here, and its effect is seen.

const secret = 'of-the-configuration-test-1f7c3e5a20d846';
const another = 'another-one-of-this-test-93c5a1e7f20b68';
const hourMs = 3_600_000;
type Effect = () => Promise<void> | void;

let redis: RedisServer;
let folder: string;
const made: Sessions[] = [];

beforeAll(async () => {
  redis = await startRedis();
  folder = mkdtempSync(join(tmpdir(), 'sess-configuration-'));
});
afterEach(async () => {
  for (const sessions of made.splice(0)) await sessions.close();
});
afterAll(async () => {
  await redis.dispose();
  rmSync(folder, { recursive: true, force: true });
});

let now = Date.now();
const clock = (): number => now;

/** Sessions in memory, unless told otherwise, and nothing from this process's environment. */
function make(options: SessionsOptions = {}): Sessions {
  const sessions = createSessions({ store: memoryStore({ clock }), clock, secret, logger: false, env: {}, ...options });
  made.push(sessions);
  return sessions;
}

/** The store that the environment names. */
const chosen = (options: SessionsOptions): Sessions => {
  const sessions = createSessions({ secret, logger: false, env: {}, ...options });
  made.push(sessions);
  return sessions;
};

const put = (session: Session, key: string, value: unknown): void => void Reflect.set(session, key, value);
const valueIn = (session: Session): unknown => Reflect.get(session, 'user');

/** A browser's first visit: the session, the cookie that it keeps, and the line that set it. */
async function begin(sessions: Sessions): Promise<{ handle: string; cookie: string; line: string }> {
  const session = await sessions.open(undefined);
  put(session, 'user', 'ada');
  const { setCookie: line = '' } = await sessions.commit(session);
  const [cookie = ''] = line.split(';');
  return { handle: session.handle, cookie, line };
}

async function knows(sessions: Sessions, cookie: string): Promise<boolean> {
  const session = await sessions.open(cookie);
  const isKnown = valueIn(session) === 'ada';
  await sessions.commit(session);
  return isKnown;
}

/** Whether the session is still there after so long without use. */
async function lasts(ms: number, options: SessionsOptions): Promise<boolean> {
  const sessions = make(options);
  const { cookie } = await begin(sessions);
  now += ms;
  return knows(sessions, cookie);
}

/** A store whose verbs are counted, and that can be told to answer no more. */
function watched(): SessionStore & { calls: string[]; hangs: boolean } {
  const inside: MemoryStore = memoryStore({ clock });
  const verb =
    <Name extends 'create' | 'read' | 'replace' | 'destroy'>(name: Name) =>
    (...args: Parameters<SessionStore[Name]>): ReturnType<SessionStore[Name]> => {
      store.calls.push(name);
      if (store.hangs) return new Promise(() => {}) as ReturnType<SessionStore[Name]>;
      return Reflect.apply(inside[name], inside, args) as ReturnType<SessionStore[Name]>;
    };
  const store = {
    calls: [] as string[],
    hangs: false,
    create: verb('create'),
    read: verb('read'),
    replace: verb('replace'),
    destroy: verb('destroy'),
  };
  return store;
}

const lineWith = async (cookie: CookieOptions, env: Record<string, string> = {}): Promise<string> =>
  (await begin(make({ cookie, env }))).line;

const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');

/** What the rows of the tables under a heading are about, up to the next heading. */
function rowsUnder(heading: string): string[] {
  const [, rest = ''] = page.split(`\n${heading}\n`);
  const [text = ''] = rest.split(/\n#+ /);
  return [...text.matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name ?? '');
}

/** The compiler asks for every key of a type, the page for every row: each has its effect here. */
function everyRow(heading: string, effects: Readonly<Record<string, Effect>>): void {
  describe(`${heading}`, { timeout: 30_000 }, () => {
    it('has an effect here for each row', () => {
      expect(rowsUnder(heading).toSorted()).toEqual(Object.keys(effects).toSorted());
    });
    it.each(Object.entries(effects))('%s', async (_name, effect) => {
      expect(await effect()).toBeUndefined();
    });
  });
}

const options: Record<keyof SessionsOptions, Effect> = {
  async store() {
    const store = watched();
    const sessions = make({ store });
    await begin(sessions);
    expect(store.calls).toContain('create');
    expect(sessions.backend).toMatchObject({ name: 'custom', source: 'option' });
    expect(chosen({ directory: join(folder, 'option') }).backend.name).toBe('fs');
  },
  async secret() {
    const store = memoryStore({ clock });
    const { cookie } = await begin(make({ store }));
    expect(await knows(make({ store, secret: another }), cookie)).toBe(false);
    expect(await knows(make({ store, secret: [another, secret] }), cookie)).toBe(true);
  },
  async cookie() {
    expect(await lineWith({})).toMatch(/^sid=/);
    expect(await lineWith({ name: 'shop' })).toMatch(/^shop=/);
  },
  async formerly() {
    const cookie = `session=${Buffer.from('{"user":"ada"}').toString('base64')}`;
    const signature = createHmac('sha1', 'old').update(cookie).digest('base64url');
    const header = `${cookie}; session.sig=${signature}`;
    for (const [key, data] of [
      ['old', { user: 'ada' }],
      ['another', {}],
    ] as const)
      expect((await make({ formerly: cookieSession({ keys: [key] }) }).open(header)).toJSON()).toEqual(data);
  },
  async idleTimeoutMs() {
    expect(await lasts(2 * hourMs, {})).toBe(true);
    expect(await lasts(2 * hourMs, { idleTimeoutMs: hourMs })).toBe(false);
  },
  async absoluteTimeoutMs() {
    for (const absoluteTimeoutMs of [hourMs, 3 * hourMs]) {
      const sessions = make({ idleTimeoutMs: hourMs, touchAfterMs: 1, absoluteTimeoutMs });
      const { cookie } = await begin(sessions);
      now += 0.7 * hourMs;
      expect(await knows(sessions, cookie)).toBe(true);
      now += 0.7 * hourMs;
      expect(await knows(sessions, cookie)).toBe(absoluteTimeoutMs > 1.4 * hourMs);
    }
  },
  async touchAfterMs() {
    for (const [touchAfterMs, touches] of [
      [undefined, 0],
      [0.1 * hourMs, 1],
    ] as const) {
      const store = watched();
      const sessions = make({ store, ...(touchAfterMs !== undefined && { touchAfterMs }) });
      const { cookie } = await begin(sessions);
      store.calls.length = 0;
      now += 0.5 * hourMs;
      await knows(sessions, cookie);
      expect(store.calls.filter((verb) => verb === 'replace')).toHaveLength(touches);
    }
  },
  async endMarkerMs() {
    for (const [endMarkerMs, found] of [
      [undefined, { ended: true }],
      [0, undefined],
    ] as const) {
      const store = memoryStore({ clock });
      const sessions = make({ store, ...(endMarkerMs !== undefined && { endMarkerMs }) });
      const { cookie, handle } = await begin(sessions);
      const session = await sessions.open(cookie);
      await session.destroy();
      expect(await store.read(handle, performance.now() + 1000)).toEqual(found);
    }
  },
  async watchEveryMs() {
    const store = watched();
    const sessions = make({ store, watchEveryMs: 50 });
    const { cookie } = await begin(sessions);
    const stop = sessions.watch(await sessions.open(cookie), () => {});
    const reads = (): number => store.calls.filter((verb) => verb === 'read').length;
    const before = reads();
    await expect.poll(reads).toBeGreaterThan(before + 2);
    stop();
  },
  async limits() {
    await expect(begin(make({ limits: { sessionBytes: 5 } }))).rejects.toMatchObject({ code: 'SESSION_TOO_LARGE' });
    expect((await begin(make())).line).not.toBe('');
  },
  async timeouts() {
    expect(() => make({ timeouts: { openMs: 0 } })).toThrow(/timeouts\.openMs/);
    await timeouts.operationMs();
  },
  async prefix() {
    await redis.admin.flushall();
    const sessions = chosen({ env: { SESSION_REDIS_URL: redis.url }, prefix: 'shop:' });
    await begin(sessions);
    const keys = await redis.admin.keys('*');
    expect(keys.length).toBeGreaterThan(0);
    expect(keys.filter((key) => !key.startsWith('shop:'))).toEqual([]);
  },
  async directory() {
    const directory = join(folder, 'directory');
    await begin(chosen({ directory }));
    expect(readdirSync(directory, { recursive: true }).length).toBeGreaterThan(0);
  },
  async logger() {
    const lines: string[] = [];
    const note = (line: string): void => void lines.push(line);
    await make({ logger: { info: note, warn: note, error: note } }).ready();
    expect(lines).toContain('Session storage initialized: memory');
  },
  async clock() {
    const sessions = make({ clock: () => 1_700_000_000_000, store: memoryStore({ clock: () => 1_700_000_000_000 }) });
    expect((await sessions.open(undefined)).createdAt).toEqual(new Date(1_700_000_000_000));
  },
  async env() {
    expect(await lineWith({}, { NODE_ENV: 'production' })).toMatch(/^__Host-sid=/);
    expect(await lineWith({}, {})).toMatch(/^sid=/);
  },
};

const cookie: Record<keyof CookieOptions, Effect> = {
  async name() {
    expect(await lineWith({ name: 'basket' })).toMatch(/^basket=/);
  },
  async path() {
    expect(await lineWith({ path: '/shop' })).toContain('; Path=/shop');
  },
  async domain() {
    expect(await lineWith({ domain: 'example.com' })).toContain('; Domain=example.com');
    expect(await lineWith({})).not.toContain('Domain');
  },
  async secure() {
    expect(await lineWith({ secure: true })).toContain('; Secure');
    expect(await lineWith({ secure: false }, { NODE_ENV: 'production' })).not.toContain('Secure');
  },
  async sameSite() {
    expect(await lineWith({})).toContain('SameSite=Lax');
    expect(await lineWith({ sameSite: 'strict' })).toContain('SameSite=Strict');
  },
  async partitioned() {
    expect(await lineWith({ secure: true, partitioned: true })).toContain('; Partitioned');
    expect(await lineWith({ secure: true })).not.toContain('Partitioned');
  },
  async priority() {
    expect(await lineWith({ priority: 'high' })).toContain('; Priority=High');
    expect(await lineWith({})).not.toContain('Priority');
  },
  async persistent() {
    expect(await lineWith({})).toContain('Max-Age=2592000');
    expect(await lineWith({ persistent: false })).not.toContain('Max-Age');
  },
};

const limits: Record<keyof Limits, Effect> = {
  async sessionBytes() {
    await expect(begin(make({ limits: { sessionBytes: 8 } }))).rejects.toMatchObject({ code: 'SESSION_TOO_LARGE' });
    await begin(make({ limits: { sessionBytes: 100 } }));
  },
  async sessionKeys() {
    for (const sessionKeys of [1, 2]) {
      const sessions = make({ limits: { sessionKeys } });
      const session = await sessions.open(undefined);
      put(session, 'one', 1);
      put(session, 'two', 2);
      const outcome = await sessions.commit(session).then(
        () => 'stored',
        (error: unknown) => Reflect.get(Object(error), 'code'),
      );
      expect(outcome).toBe(sessionKeys === 2 ? 'stored' : 'SESSION_TOO_LARGE');
    }
  },
};

/** Nothing but the one bound can end the wait in the time that a test has. */
const patient = { operationMs: 600_000, openMs: 600_000, commitMs: 600_000 };

async function opensInVain(bound: NonNullable<SessionsOptions['timeouts']>): Promise<void> {
  const store = watched();
  const sessions = make({ store, timeouts: { ...patient, ...bound } });
  const { cookie: sent } = await begin(sessions);
  store.hangs = true;
  const session = await sessions.open(sent);
  expect(() => valueIn(session)).toThrow(expect.objectContaining({ code: 'STORE_TIMEOUT' }));
  // Closing them would wait for the store.
  made.length = 0;
}

const timeouts: Record<keyof NonNullable<SessionsOptions['timeouts']>, () => Promise<void>> = {
  operationMs: () => opensInVain({ operationMs: 50 }),
  openMs: () => opensInVain({ openMs: 50 }),
  async commitMs() {
    const store = watched();
    const sessions = make({ store, timeouts: { ...patient, commitMs: 50 } });
    const { cookie: sent } = await begin(sessions);
    const session = await sessions.open(sent);
    put(session, 'user', 'bob');
    store.hangs = true;
    await expect(sessions.commit(session)).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
    // Closing them would wait for the store.
    made.length = 0;
  },
};

/** Which store an environment chooses. */
const backend = (env: Record<string, string>): string =>
  chosen({ env, directory: join(folder, 'chosen') }).backend.name;

function choosesCookies(name: string, value: string): Effect {
  return () => {
    expect(backend({ [name]: value })).toBe('cookie');
    expect(backend({ [name]: '' })).toBe('fs');
    expect(backend({ [name]: value, REDIS_URL: redis.url })).toBe('redis');
  };
}

function hints(name: string): Effect {
  return async () => {
    for (const env of [{ [name]: '0' }, {}]) {
      const lines: string[] = [];
      const note = (line: string): void => void lines.push(line);
      const logger = { info: note, warn: note, error: note };
      await chosen({ env, logger, directory: join(folder, 'hints') }).ready();
      expect(lines.some((line) => line.startsWith('Session hint'))).toBe(name in env);
    }
  };
}

function usesRedis(name: string): Effect {
  return async () => {
    await redis.admin.flushall();
    const sessions = chosen({ env: { [name]: redis.url } });
    await begin(sessions);
    expect(sessions.backend).toMatchObject({ name: 'redis', source: name });
    expect((await redis.admin.keys('session:*')).length).toBeGreaterThan(0);
  };
}

const variables: Record<string, Effect> = {
  async SECRET_KEY() {
    const store = memoryStore({ clock });
    const withKey = (key: string): Sessions => {
      const sessions = createSessions({ store, clock, logger: false, env: { SECRET_KEY: key } });
      made.push(sessions);
      return sessions;
    };
    const { cookie: sent } = await begin(withKey(secret));
    expect(await knows(withKey(secret), sent)).toBe(true);
    expect(await knows(withKey(another), sent)).toBe(false);
  },
  async SECRET_KEY_FALLBACKS() {
    const store = memoryStore({ clock });
    const { cookie: sent } = await begin(make({ store }));
    for (const fallbacks of ['', `unused-and-long-enough-5b8d1046c2a7,${secret}`]) {
      const env = { SECRET_KEY: another, SECRET_KEY_FALLBACKS: fallbacks };
      const sessions = createSessions({ store, clock, logger: false, env });
      made.push(sessions);
      expect(await knows(sessions, sent)).toBe(fallbacks !== '');
    }
  },
  SESSION_REDIS_URL: async () => {
    await usesRedis('SESSION_REDIS_URL')();
    const env = { SESSION_REDIS_URL: redis.url, REDIS_URL: 'redis://127.0.0.1:1' };
    expect(chosen({ env }).backend.source).toBe('SESSION_REDIS_URL');
  },
  REDIS_URL: usesRedis('REDIS_URL'),
  async SESSION_DATABASE_URL() {
    const { url, admin, dispose } = await startPostgres();
    try {
      const sessions = chosen({ env: { SESSION_DATABASE_URL: url, DATABASE_URL: 'postgres://127.0.0.1:1/other' } });
      await begin(sessions);
      expect(sessions.backend).toMatchObject({ name: 'postgres', source: 'SESSION_DATABASE_URL' });
      const { rows } = await admin.query('SELECT key FROM sess_sessions WHERE expires_at > now()');
      expect(rows.length).toBeGreaterThan(0);
      expect(backend({ DATABASE_URL: url })).toBe('fs');
      expect(backend({ SESSION_DATABASE_URL: url, REDIS_URL: redis.url })).toBe('redis');
      await sessions.close();
      made.splice(made.indexOf(sessions), 1);
    } finally {
      await dispose();
    }
  },
  async SESSION_DIR() {
    const directory = join(folder, 'variable');
    await begin(chosen({ env: { SESSION_DIR: directory } }));
    expect(readdirSync(directory, { recursive: true }).length).toBeGreaterThan(0);
  },
  async NODE_ENV() {
    expect(await lineWith({}, { NODE_ENV: 'production' })).toMatch(/^__Host-sid=.*; Secure/);
    expect(() => createSessions({ store: memoryStore(), env: { NODE_ENV: 'production' }, logger: false })).toThrow(
      expect.objectContaining({ code: 'SECRET_INVALID' }),
    );
    expect(backend({ NODE_ENV: 'test' })).toBe('cookie');
    expect(backend({ NODE_ENV: 'development' })).toBe('fs');
  },
  VITEST: choosesCookies('VITEST', 'true'),
  JEST_WORKER_ID: choosesCookies('JEST_WORKER_ID', '1'),
  NODE_TEST_CONTEXT: choosesCookies('NODE_TEST_CONTEXT', 'child-v8'),
  NODE_APP_INSTANCE: hints('NODE_APP_INSTANCE'),
  pm_id: hints('pm_id'),
  async UV_THREADPOOL_SIZE() {
    expect(await fileCallsAtOnce('2')).toBe(1);
    expect(await fileCallsAtOnce('8')).toBeGreaterThan(1);
  },
};

/** How many file operations a process has in the pool when 50 sessions are asked for at once. */
async function fileCallsAtOnce(threads: string): Promise<number> {
  const program = `
    import fs from 'node:fs';
    let underWay = 0, most = 0;
    for (const name of ['open', 'close', 'read', 'readdir', 'stat', 'lstat', 'fstat', 'mkdir', 'rename']) {
      const real = fs[name];
      fs[name] = (...args) => {
        const done = args.pop();
        most = Math.max(most, (underWay += 1));
        real(...args, (...results) => { underWay -= 1; done(...results); });
      };
    }
    const { fsStore } = await import('@sess/fs');
    const store = fsStore({ directory: ${JSON.stringify(join(folder, `threads-${threads}`))}, durability: 'fsync', sweepEveryMs: 0 });
    await store.read('a'.repeat(64), performance.now() + 5000);
    most = 0;
    await Promise.all(Array.from({ length: 50 }, (_, index) => store.read(index.toString(16).padStart(64, '0'), performance.now() + 5000)));
    console.log(most);
    await store.close();`;
  const { PATH = '', HOME = '' } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { PATH, HOME, UV_THREADPOOL_SIZE: threads },
  });
  return Number(stdout);
}

everyRow('## Environment variables', variables);
everyRow('## Options of createSessions', options);
everyRow('### Cookie', cookie);
everyRow('### Limits', limits);
everyRow('### Timeouts', timeouts);

const settings: Record<keyof SessionSettings, Effect> = {
  async idleTimeoutMs() {
    const sessions = make();
    const session = await sessions.open(undefined);
    put(session, 'user', 'ada');
    session.idleTimeoutMs = hourMs;
    const [sent = ''] = (await sessions.commit(session)).setCookie?.split(';') ?? [];
    now += 2 * hourMs;
    expect(await knows(sessions, sent)).toBe(false);
  },
  async persistent() {
    const sessions = make();
    const session = await sessions.open(undefined);
    put(session, 'user', 'ada');
    session.persistent = false;
    expect((await sessions.commit(session)).setCookie).not.toContain('Max-Age');
  },
  async label() {
    const sessions = make();
    const session = await sessions.open(undefined);
    await session.regenerate({ owner: 'u1', label: `Firefox\n${'x'.repeat(300)}` });
    await sessions.commit(session);
    expect((await sessions.list('u1')).map(({ label }) => label)).toEqual([`Firefox ${'x'.repeat(192)}`]);
  },
};

describe('## Settings of one session', () => {
  it.each(Object.entries(settings))('%s', async (name, effect) => {
    expect(page.split('\n## Settings of one session\n')[1]).toMatch(
      new RegExp(`session\\.(${name} = |regenerate\\(.*${name} \\}\\))`),
    );
    await effect();
  });
});
