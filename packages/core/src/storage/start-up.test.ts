import { describe, expect, it } from 'vitest';

import { selectBackend } from './backend.ts';
import { cookieSessions } from '../cookie/cookie-sessions.ts';
import type { Environment } from '../environment.ts';
import { SessError } from '../errors.ts';
import { GuardedStore } from './guarded-store.ts';
import { type MemoryStore, memoryStore } from './memory-store.ts';
import { createSessions } from '../sessions.ts';
import { Gate, probeStore } from '../testing/probe-store.ts';
import { startUp } from './start-up.ts';
import type { SessionStore } from '../store.ts';
import type { Finding, StoreDescription } from '../store-abilities.ts';
import { plantedRecord } from '../testing/other-process.ts';

const secret = 'PV3x8kN0qzq0m1Tt9yJ2bq7rGdLwXoEhYcUaSfIi4Zk';
const app = { secrets: { fingerprints: ['0a1b2c3d'] }, absoluteTimeoutMs: 60_000 };
const worker: Environment = { NODE_APP_INSTANCE: '0' };

interface Log {
  info: string[];
  warn: string[];
  error: string[];
}

function log() {
  const lines: Log = { info: [], warn: [], error: [] };
  const logger = {
    info: (line: string) => void lines.info.push(line),
    warn: (line: string) => void lines.warn.push(line),
    error: (line: string) => void lines.error.push(line),
  };
  return { lines, logger };
}

/** A store that says of itself what a storage package would. */
function described(description: StoreDescription, findings: readonly Finding[] = []): MemoryStore {
  return { ...memoryStore(), describe: () => description, check: async () => findings };
}

const redis: StoreDescription = { name: 'redis', location: '127.0.0.1:6379/0, prefix "session:"', sharedBy: 'hosts' };
const files: StoreDescription = { name: 'fs', location: '/tmp/sess-0/app', sharedBy: 'host' };

/** The start with a store that the environment chose. */
async function start(store: SessionStore, env: Environment): Promise<Log> {
  const { lines, logger } = log();
  const guarded = new GuardedStore(store, 1000);
  await startUp({ choice: selectBackend({ env }), store: guarded, logger, env, clock: Date.now, ...app });
  return lines;
}

describe('the log lines at start', () => {
  it('name Redis, the variable that chose it, and where it is', async () => {
    const lines = await start(described(redis), { SESSION_REDIS_URL: 'redis://127.0.0.1:6379' });
    expect(lines).toEqual({
      info: ['Session storage initialized: redis (SESSION_REDIS_URL, 127.0.0.1:6379/0, prefix "session:")'],
      warn: [],
      error: [],
    });
  });

  it('name the filesystem and the directory', async () => {
    expect(await start(described(files), {})).toEqual({
      info: ['Session storage initialized: filesystem', 'Session directory: /tmp/sess-0/app'],
      warn: [],
      error: [],
    });
  });

  it.each<[string, Environment]>([
    ['PM2', { NODE_APP_INSTANCE: '3' }],
    ['PM2 in fork mode', { pm_id: '0' }],
  ])('hint at Redis when files serve several workers of %s', async (_, env) => {
    expect((await start(described(files), env)).info).toEqual([
      'Session storage initialized: filesystem',
      'Session directory: /tmp/sess-0/app',
      expect.stringMatching(/^Session hint: .*SESSION_REDIS_URL/),
    ]);
  });

  it('warn when memory serves several workers, and only then', async () => {
    const lines = (await start(memoryStore(), worker)).warn;
    expect(lines).toEqual([expect.stringMatching(/^Session storage warning MEMORY_PER_PROCESS: .*@sess\/redis/)]);
    expect(await start(memoryStore(), {})).toEqual({
      info: ['Session storage initialized: memory'],
      warn: [],
      error: [],
    });
  });

  it('warn in production when the sessions lie where the system may clear them', async () => {
    const finding = { code: 'FS_TEMP', severity: 'note', text: 'It may be cleared.', fix: 'Name another.' } as const;
    const store = described(files, [finding]);
    expect((await start(store, { NODE_ENV: 'production' })).warn).toEqual([
      'Session storage warning FS_TEMP: It may be cleared. Name another.',
    ]);
    expect((await start(store, {})).warn).toEqual([]);
  });

  it('say what the store found in its settings, by severity; notes are for the doctor', async () => {
    const finding = (severity: Finding['severity'], code: string): Finding => ({
      severity,
      code,
      text: 'It is so.',
      fix: 'Do this.',
    });
    const store = described(redis, [finding('error', 'A'), finding('warning', 'B'), finding('note', 'C')]);
    const lines = await start(store, { REDIS_URL: 'x' });
    expect(lines.error).toEqual(['Session storage error A: It is so. Do this.']);
    expect(lines.warn).toEqual(['Session storage warning B: It is so. Do this.']);
    expect(lines.info).toHaveLength(1);
  });

  it('come from sessions too: a store that was given, and cookies', async () => {
    for (const [store, line] of [
      [described(redis), 'Session storage initialized: redis (127.0.0.1:6379/0, prefix "session:")'],
      [memoryStore(), 'Session storage initialized: memory'],
      [cookieSessions(), 'Session storage initialized: signed cookies (The store option asks for cookie sessions.)'],
    ] as const) {
      const { lines, logger } = log();
      await createSessions({ store, secret, logger, env: {} }).ready();
      expect(lines).toEqual({ info: [line], warn: [], error: [] });
    }
    const { lines, logger } = log();
    await createSessions({ secret, logger, env: { NODE_ENV: 'test' } }).ready();
    expect(lines.info).toEqual([
      'Session storage initialized: signed cookies (NODE_ENV says that this is a test run, so nothing is stored.)',
    ]);
  });

  it('of a store that does not describe itself say just that', async () => {
    const { create, read, replace, destroy } = memoryStore();
    expect(await start({ create, read, replace, destroy }, {})).toEqual({
      info: ['Session storage initialized: custom store'],
      warn: [],
      error: [],
    });
  });

  it('come once, however often one asks', async () => {
    const { lines, logger } = log();
    const sessions = createSessions({ store: memoryStore(), secret, logger, env: {} });
    await Promise.all([sessions.ready(), sessions.ready(), sessions.open(undefined), sessions.open('sid=x')]);
    await sessions.ready();
    expect(lines.info).toHaveLength(1);
  });
});

describe('ready', () => {
  it('tries the store with a real session and leaves nothing behind', async () => {
    const store = memoryStore();
    await start(store, {});
    expect(await store.sweep()).toEqual({ removed: 0, kept: 0 });
  });

  const failing = (verb: 'create' | 'read' | 'replace' | 'destroy'): SessionStore => ({
    ...described(redis),
    async [verb]() {
      throw new SessError('STORE_UNAVAILABLE', 'Connection refused.');
    },
  });

  it.each(['create', 'read', 'replace', 'destroy'] as const)(
    'fails when %s fails, in one line that says where and why',
    async (verb) => {
      const { lines, logger } = log();
      const env = { SESSION_REDIS_URL: 'redis://user:password@127.0.0.1' };
      const store = new GuardedStore(failing(verb), 1000);
      const failure = startUp({ choice: selectBackend({ env }), store, logger, env, clock: Date.now, ...app });
      await expect(failure).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message:
          'Session storage redis at 127.0.0.1:6379/0, prefix "session:" is not ready. SESSION_REDIS_URL is set. ' +
          'Connection refused.',
      });
      expect(lines).toEqual({ info: [], warn: [], error: [] });
    },
  );

  it('leaves it to a store that probes itself: nothing is stored in it', async () => {
    const store = probeStore();
    let probes = 0;
    await start({ ...store, probe: async () => void (probes += 1) } as SessionStore, {});
    expect([probes, store.calls]).toEqual([1, []]);
    const failing = {
      ...store,
      probe: () => Promise.reject(new SessError('STORE_UNAVAILABLE', 'connect ECONNREFUSED')),
    };
    await expect(start(failing as SessionStore, {})).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('fails when the store forgets, or answers something else than was stored', async () => {
    for (const read of [async () => undefined, async () => ({ ended: true }) as const, forged]) {
      const store = { ...memoryStore(), read };
      await expect(start(store, {})).rejects.toMatchObject({
        code: 'STORE_CORRUPT',
        message: expect.stringContaining('could not be read back'),
      });
    }
  });

  it('fails in time when the store hangs', async () => {
    const store = { ...memoryStore(), create: () => new Promise<never>(() => {}) };
    const sessions = createSessions({ store, secret, logger: false, env: {}, timeouts: { operationMs: 20 } });
    await expect(sessions.ready()).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
  });

  it('bears a storage that answers late at first, and leaves nothing behind of the tries that were carried out', async () => {
    const store = probeStore();
    let late = 4;
    store.after = async () => {
      late -= 1;
      if (late >= 0) await new Promise(() => {});
    };
    const sessions = createSessions({ store, secret, logger: false, env: {}, timeouts: { operationMs: 20 } });
    await sessions.ready();
    expect(store.took()).toEqual(['create', 'create', 'create', 'create', 'create', 'read', 'replace', 'destroy']);
    expect(await store.sweep()).toEqual({ removed: 0, kept: 0 });
  });

  it('succeeds after somebody mended the store: no restart is needed', async () => {
    let isDown = true;
    const inner = memoryStore();
    const store: SessionStore = {
      ...inner,
      async create(key, record, by) {
        if (isDown) throw new SessError('STORE_UNAVAILABLE', 'It is down.');
        return inner.create(key, record, by);
      },
    };
    const sessions = createSessions({ store, secret, logger: false, env: {} });
    await expect(sessions.ready()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    isDown = false;
    await expect(sessions.ready()).resolves.toBe(undefined);
  });

  it('is not needed: the first request asks, its fault is one log line, and the request goes on', async () => {
    const { lines, logger } = log();
    const sessions = createSessions({ store: failing('create'), secret, logger, env: {} });
    const session = await sessions.open(undefined);
    await sessions.open(undefined);
    await sessions.ready().catch(() => {});
    expect(session.isNew).toBe(true);
    expect(lines.error).toEqual([expect.stringContaining('is not ready')]);
    expect(lines.error[0]).not.toContain('\n');
  });

  it('fails when a part of the directory belongs to another user, also where the probe met it first', async () => {
    const code = 'FS_DIRECTORY';
    const check = async (): Promise<never> => {
      throw new SessError(code, 'It holds /sessions/3f, of another user.');
    };
    for (const store of [memoryStore(), failing('create')]) {
      const told = expect.stringMatching(/^Session storage fs at .* is not ready\. .* It holds \/sessions\/3f/);
      await expect(start(Object.assign(store, { describe: () => files, check }), {})).rejects.toMatchObject({
        code,
        message: told,
      });
    }
  });

  it('does not fail for findings, nor for a check that fails', async () => {
    const store = {
      ...described(redis),
      check: async () => {
        throw new SessError('STORE_UNAVAILABLE', 'NOPERM');
      },
    };
    expect((await start(store, { REDIS_URL: 'x' })).info).toHaveLength(1);
  });
});

describe('close', () => {
  it('soon after the first request lets the start end: no outage is logged, and no session of it is left', async () => {
    const { lines, logger } = log();
    const store = probeStore();
    const gate = new Gate();
    store.after = () => gate.pass();
    const sessions = createSessions({ store, secret, logger, env: {} });
    await sessions.open(undefined);
    await gate.reached;
    let isClosed = false;
    const closing = sessions.close().then(() => (isClosed = true));
    await sessions.open(undefined);
    expect(isClosed).toBe(false);
    gate.open();
    await closing;
    expect(store.took()).toEqual(['create', 'read', 'replace', 'destroy']);
    expect(lines).toEqual({ info: ['Session storage initialized: memory'], warn: [], error: [] });
  });

  it('tries a storage that hangs no more', async () => {
    const store = probeStore();
    store.before = () => new Promise(() => {});
    const sessions = createSessions({ store, secret, logger: false, env: {}, timeouts: { operationMs: 20 } });
    const ready = sessions.ready();
    await Promise.all([expect(ready).rejects.toMatchObject({ code: 'STORE_TIMEOUT' }), sessions.close()]);
    expect(store.took()).toEqual(['create']);
  });

  it('ends under load that does not', async () => {
    const timeouts = { openMs: 50, commitMs: 50, operationMs: 50 };
    const slow: MemoryStore = {
      ...memoryStore(),
      // oxlint-disable-next-line require-yield -- it is empty, and takes its time
      async *walk() {
        await new Promise((resolve) => setImmediate(resolve));
      },
    };
    const sessions = createSessions({ store: slow, secret, logger: false, env: {}, timeouts });
    await sessions.ready();
    let isOver = false;
    const load = async () => {
      // The next one begins before the one before it is over.
      for (let last = sessions.count(); !isOver;) {
        const next = sessions.count();
        await last;
        last = next;
      }
    };
    const loading = load();
    await expect(sessions.close()).resolves.toBe(undefined);
    isOver = true;
    await loading;
  });

  it('waits for all steps of a list, a revocation and a count', async () => {
    const store = probeStore();
    const sessions = createSessions({ store, secret, logger: false, env: {} });
    await sessions.ready();
    for (const work of [
      () => sessions.list('ada'),
      () => sessions.revokeAll('ada'),
      () => sessions.count(),
      () => sessions.debugReport({ isAllowed: true }),
    ]) {
      const session = await (await sessions.open(undefined)).regenerate({ owner: 'ada' });
      await sessions.commit(session);
      const order: string[] = [];
      const worked = work().then(() => order.push('worked'));
      await Promise.all([worked, sessions.close().then(() => order.push('closed'))]);
      expect(order).toEqual(['worked', 'closed']);
    }
  });
});

async function forged() {
  return { record: plantedRecord({ probe: '3' }), version: 1 };
}
