import { hostname } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';

import { cookieSessions } from '../cookie/cookie-sessions.ts';
import { secretFingerprint } from '../cookie/secret-fingerprint.ts';
import { createSessions } from '../sessions.ts';
import { probeStore } from '../testing/probe-store.ts';
import { anySession, closeApps, startApp, testSecret } from '../testing/test-app.ts';

afterEach(closeApps);

const quiet = { secret: testSecret, logger: false, env: {} } as const;
const allowed = { isAllowed: true };

describe('the debug report', () => {
  it('is refused with 403 by anything but true itself, and then nothing was looked at', async () => {
    const store = probeStore();
    const sessions = createSessions({ ...quiet, store });
    await sessions.ready();
    const session = await sessions.open(undefined);
    store.took();
    const refused: unknown[] = [
      undefined,
      null,
      {},
      true,
      { isAllowed: false },
      { isAllowed: undefined, session },
      { isAllowed: 'admin', session },
      { isAllowed: 1, session },
      { isAllowed: Promise.resolve(true), session }, // nobody awaited the answer of a database
      { isAllowed: () => true, session },
      { allowed: true, session },
      Object.create({ isALLOWED: true }),
    ];
    for (const options of refused) {
      const asked: unknown = Reflect.apply(sessions.debugReport, sessions, [options]);
      await expect(asked).rejects.toMatchObject({ code: 'REPORT_FORBIDDEN', status: 403 });
    }
    await expect(Reflect.apply(sessions.debugReport, sessions, [])).rejects.toMatchObject({ status: 403 });
    expect(store.took()).toEqual([]);
    // The control: the same call, allowed.
    expect(await sessions.debugReport({ isAllowed: true, session })).toHaveProperty('pid');
    expect(store.took()).toEqual(['read']);
  });

  it('refuses misspelt options and what is no session', async () => {
    const sessions = createSessions({ ...quiet, store: probeStore() });
    for (const options of [{ sesion: 1 }, { session: {} }, { session: null }]) {
      const asked: unknown = Reflect.apply(sessions.debugReport, sessions, [{ ...allowed, ...options }]);
      await expect(asked).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    }
  });

  it('says who the worker is, where the sessions are and why, and what its cookie and secrets are', async () => {
    const now = 1_800_000_000_000;
    const older = 'an older secret that is only good for tests';
    const sessions = createSessions({
      store: probeStore(),
      secret: [testSecret, older],
      cookie: { name: 'app', sameSite: 'strict', domain: 'example.com' },
      idleTimeoutMs: 60_000,
      logger: false,
      env: { pm_id: '3' },
      clock: () => now,
    });
    expect(await sessions.debugReport(allowed)).toEqual({
      at: now,
      pid: process.pid,
      hostname: hostname(),
      worker: '3',
      versions: { node: process.versions.node, core: expect.stringMatching(/^\d+\.\d+\.\d+/) },
      backend: { name: 'custom', reason: 'The store option names it.', source: 'option' },
      storage: { name: 'memory', location: `process ${process.pid}`, sharedBy: 'process' },
      store: { latencyMs: expect.any(Number) },
      cookie: {
        name: 'app',
        path: '/',
        domain: 'example.com',
        secure: false,
        httpOnly: true,
        sameSite: 'strict',
        partitioned: false,
        persistent: true,
      },
      timeouts: { idleTimeoutMs: 60_000, absoluteTimeoutMs: 30 * 24 * 3_600_000, touchAfterMs: 2_500 },
      secrets: [{ fingerprint: secretFingerprint(testSecret) }, { fingerprint: secretFingerprint(older) }],
    });
  });

  it('takes the time of one read, and waits for a slow store', async () => {
    const store = probeStore();
    store.before = () => new Promise((resolve) => setTimeout(resolve, 50));
    const sessions = createSessions({ ...quiet, store });
    await sessions.ready();
    store.took();
    const report = await sessions.debugReport(allowed);
    expect(store.took()).toEqual(['read']);
    expect(report.store).toEqual({ latencyMs: expect.any(Number) });
    expect(Reflect.get(report.store ?? {}, 'latencyMs')).toBeGreaterThanOrEqual(45);
  });

  it('comes also from a worker whose store hangs or fails, with the code of the fault', async () => {
    const store = probeStore();
    const sessions = createSessions({ ...quiet, store, timeouts: { operationMs: 30 } });
    store.before = () => new Promise(() => {});
    expect(await sessions.debugReport(allowed)).toMatchObject({ store: { error: 'STORE_TIMEOUT' }, pid: process.pid });
    store.before = () => {
      throw new Error('no route to host');
    };
    expect(await sessions.debugReport(allowed)).toMatchObject({
      store: { error: 'STORE_UNAVAILABLE' },
      storage: { name: 'memory' },
    });
  });

  it("names the session's stored keys and their bytes, never a value", async () => {
    const app = await startApp({
      '/write': ({ session }) => {
        session['name'] = 'Zoë';
        session['cart'] = ['tea', 'milk'];
      },
      '/report': async ({ session }) => {
        session['pending'] = 1;
        return app.sessions.debugReport({ isAllowed: true, session });
      },
      '/gone': async ({ session }) => {
        await app.sessions.revoke(session.handle);
        session['name'] = 'again';
        await session.save().catch(() => {});
        return app.sessions.debugReport({ isAllowed: true, session });
      },
      '/after-logout': async ({ session }) => {
        await session.destroy();
        return app.sessions.debugReport({ isAllowed: true, session });
      },
    });
    const browser = app.browser();
    await browser.get('/write');
    const report = await browser.get('/report');
    const { session } = JSON.parse(report.text);
    expect(session).toEqual({
      handle: expect.stringMatching(/^[0-9a-f]{64}$/),
      isNew: false,
      createdAt: expect.any(Number),
      touchedAt: expect.any(Number),
      expiresAt: session.touchedAt + 24 * 3_600_000,
      persistent: true,
      keys: [
        { name: 'cart', bytes: 14 },
        { name: 'name', bytes: 6 },
      ],
    });
    expect(report.headers.vary).toBe('Cookie');
    const gone = JSON.parse((await browser.get('/gone')).text).session;
    expect(gone).toMatchObject({ handle: session.handle, isNew: true, keys: [] });
    await browser.get('/write');
    expect(JSON.parse((await browser.get('/after-logout')).text).session).toMatchObject({ isNew: true, keys: [] });
  });

  it('of a session that is not stored makes no token, and of one that could not be opened says why', async () => {
    const store = probeStore();
    const sessions = createSessions({ ...quiet, store });
    const fresh = await sessions.open(undefined);
    const { session } = await sessions.debugReport({ isAllowed: true, session: fresh });
    expect(session).toMatchObject({ isNew: true, keys: [] });
    expect(session).not.toHaveProperty('handle');
    expect(await sessions.commit(fresh)).toEqual({ vary: true, fault: false });

    const written = anySession(await sessions.open(undefined));
    written['a'] = 1;
    const { setCookie } = await sessions.commit(written);
    store.before = () => {
      throw new Error('down');
    };
    const faulted = await sessions.open(setCookie?.split(';', 1)[0]);
    expect(await sessions.debugReport({ isAllowed: true, session: faulted })).toMatchObject({
      session: { error: 'STORE_UNAVAILABLE' },
    });
  });

  it('of cookie sessions has no store', async () => {
    const sessions = createSessions({ ...quiet, store: cookieSessions() });
    const session = anySession(await sessions.open(undefined));
    session['note'] = 'kept in the cookie';
    const { setCookie } = await sessions.commit(session);
    const again = await sessions.open(setCookie?.split(';', 1)[0]);
    const report = await sessions.debugReport({ isAllowed: true, session: again });
    expect(report).toMatchObject({ backend: { name: 'cookie' }, session: { keys: [{ name: 'note', bytes: 20 }] } });
    expect(report).not.toHaveProperty('store');
    expect(report).not.toHaveProperty('storage');
  });
});
