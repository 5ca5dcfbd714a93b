import { afterEach, describe, expect, it } from 'vitest';

import { memoryStore } from '../storage/memory-store.ts';
import { createSessions } from '../sessions.ts';
import type { SessionKey } from '../store.ts';
import { Gate, type ProbeStore, type StoreCall, probeStore } from '../testing/probe-store.ts';
import { turn } from '../testing/step-by-step.ts';
import { type Answer, type Route, anySession, closeApps, startApp, testSecret } from '../testing/test-app.ts';

afterEach(closeApps);

const routes: Record<string, Route> = {
  '/data': ({ session }) => ({ ...session }),
  '/handle': ({ session }) => session.handle,
  '/login': async ({ session, url }) => {
    const user = url.searchParams.get('user') ?? 'u1';
    Object.assign(await session.regenerate({ owner: user }), { user });
    return user;
  },
  '/rotate': async ({ session }) => void (await session.regenerate({ keep: true })),
  '/logout': async ({ session }) => session.destroy(),
};

describe('the sessions of an owner', () => {
  it('are listed, the latest first, through login, rotation and logout', async () => {
    let now = Date.now();
    const store = probeStore(memoryStore({ clock: () => now }));
    const app = await startApp(routes, { store, clock: () => now });
    const [first, second, other] = [app.browser(), app.browser(), app.browser()];
    await first.get('/login');
    now += 1000;
    await second.get('/login');
    await other.get('/login?user=u2');
    const handles = [(await second.get('/handle')).text, (await first.get('/handle')).text];
    const listed = await app.sessions.list('u1');
    expect(listed.map(({ handle }) => `"${handle}"`)).toEqual(handles);
    expect(listed[0]).toMatchObject({ createdAt: new Date(now), touchedAt: new Date(now) });
    await first.get('/rotate');
    expect(await app.sessions.list('u1')).toHaveLength(2);
    await second.get('/logout');
    expect(await app.sessions.list('u1')).toHaveLength(1);
    expect(await app.sessions.list('u2')).toHaveLength(1);
    expect(await app.sessions.list('nobody')).toEqual([]);
  });

  it('can be revoked one by one, or all but the one that asks', async () => {
    const app = await startApp(routes);
    const browsers = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const browser = app.browser();
        await browser.get('/login');
        return browser;
      }),
    );
    const handleOf = async (n: number): Promise<string> => JSON.parse((await browsers[n]!.get('/handle')).text);
    const [handle, except] = [await handleOf(0), await handleOf(1)];
    expect(await app.sessions.revoke(handle)).toBe(true);
    expect(await app.sessions.revoke(handle)).toBe(false);
    expect(await app.sessions.revoke('../../etc/passwd')).toBe(false);
    expect(await app.sessions.revokeAll('u1', { except })).toBe(3);
    const seen = await Promise.all(browsers.map(async (browser) => JSON.parse((await browser.get('/data')).text)));
    expect(seen).toEqual([{}, { user: 'u1' }, {}, {}, {}]);
    expect(await app.sessions.revokeAll('u1')).toBe(1);
  });

  it('are all gone after revokeAll, also those whose login ran beside it', async () => {
    const app = await startApp(routes);
    for (let round = 0; round < 20; round += 1) {
      for (let n = 0; n < 3; n += 1) await app.get('/login');
      let logins = 0;
      // While the list is read, others log in.
      app.store.before = async ({ verb }) => {
        if (verb !== 'read' || logins >= 3) return;
        logins += 1;
        await app.get('/login');
      };
      expect(await app.sessions.revokeAll('u1')).toBe(6);
      app.store.before = undefined;
      expect(await app.sessions.list('u1')).toEqual([]);
    }
  });

  it('that were rotated while all were revoked are gone too', async () => {
    const app = await startApp(routes);
    const browser = app.browser();
    await browser.get('/login');
    const gate = new Gate();
    app.store.before = ({ verb }) => (verb === 'create' ? gate.pass() : undefined);
    const rotation = browser.get('/rotate');
    await gate.reached;
    expect(await app.sessions.revokeAll('u1')).toBe(1);
    gate.open();
    expect((await rotation).setCookie).toEqual([]);
    expect(await app.sessions.list('u1')).toEqual([]);
  });

  /** What an app may do when a password changes: the user stays, everybody else is out. */
  const passwordChanges: Record<string, Route> = {
    '/session': async ({ session, sessions }) => {
      await session.regenerate({ keep: true });
      return sessions.revokeAll('u1', { except: session });
    },
    '/new-session': async ({ session, sessions }) =>
      sessions.revokeAll('u1', { except: await session.regenerate({ keep: true }) }),
    '/handle': async ({ session, sessions }) => {
      const { handle } = await session.regenerate({ keep: true });
      return sessions.revokeAll('u1', { except: handle });
    },
    '/saved': async ({ session, sessions }) => {
      const next = await session.regenerate({ keep: true });
      await next.save();
      return sessions.revokeAll('u1', { except: next.handle });
    },
    '/twice': async ({ session, sessions }) => {
      const next = await session.regenerate({ keep: true });
      const { handle } = await next.regenerate({ keep: true });
      return sessions.revokeAll('u1', { except: handle });
    },
    '/revoked-first': async ({ session, sessions }) => {
      const revoked = await sessions.revokeAll('u1', { except: session.handle });
      await session.regenerate({ keep: true });
      return revoked;
    },
    '/login': async ({ session, sessions }) => {
      const next = await session.regenerate({ owner: 'u1', keep: true });
      return sessions.revokeAll('u1', { except: next });
    },
  };
  for (const [path, change] of Object.entries(passwordChanges)) {
    it(`but the one that a password change by ${path} is for are out`, async () => {
      const app = await startApp({ ...routes, '/change': change });
      const [mine, other] = [app.browser(), app.browser()];
      for (const browser of [mine, other]) await browser.get('/login');
      const changed = await mine.get('/change');
      expect(changed.text).toBe('1');
      expect(changed.setCookie).toHaveLength(1);
      expect((await mine.get('/data')).text).toBe('{"user":"u1"}');
      expect((await other.get('/data')).text).toBe('{}');
      expect(await app.sessions.list('u1')).toHaveLength(1);
    });
  }

  it('end with the others, where the request rotates its session and spares none', async () => {
    const app = await startApp({
      ...routes,
      '/everywhere': async ({ session, sessions }) => {
        await session.regenerate({ keep: true });
        return sessions.revokeAll('u1');
      },
    });
    const browser = app.browser();
    await browser.get('/login');
    expect((await browser.get('/everywhere')).text).toBe('1');
    expect((await browser.get('/data')).text).toBe('{}');
    expect(await app.sessions.list('u1')).toEqual([]);
  });

  describe('but the one that another request rotates are out, and it stays', () => {
    const rotating: Record<string, Route> = {
      ...routes,
      '/next': async ({ session }) => void (await session.rotate()),
      '/next-twice': async ({ session }) => {
        const next = await session.rotate();
        await next.save().catch(() => {});
        await next.rotate();
      },
    };

    async function twoLogins() {
      const app = await startApp(rotating);
      const [mine, other] = [app.browser(), app.browser()];
      for (const browser of [mine, other]) await browser.get('/login');
      const { text } = await mine.get('/handle');
      const except: string = JSON.parse(text);
      const mineAlone = async () => {
        expect((await mine.get('/data')).text).toBe('{"user":"u1"}');
        expect((await other.get('/data')).text).toBe('{}');
        expect(await app.sessions.list('u1')).toHaveLength(1);
      };
      return { app, mine, except, mineAlone };
    }

    it('once or twice before', async () => {
      const { app, mine, except, mineAlone } = await twoLogins();
      for (let n = 0; n < 2; n += 1) await mine.get('/next');
      expect(await app.sessions.revokeAll('u1', { except })).toBe(1);
      await mineAlone();
    });

    it.each<[string, (call: StoreCall) => boolean]>([
      ['before the new key', ({ verb }) => verb === 'create'],
      ['before the old key ends', ({ next }) => next !== undefined],
    ])('meanwhile, held %s', async (_when, holds) => {
      const { app, mine, except, mineAlone } = await twoLogins();
      const gate = new Gate();
      app.store.before = (call) => (holds(call) ? gate.pass() : undefined);
      const rotation = mine.send('/next');
      await gate.reached;
      expect(await app.sessions.revokeAll('u1', { except })).toBe(1);
      gate.open();
      mine.receive(await rotation);
      await mineAlone();
    });

    it('just when its entry was found in the index, without a session', async () => {
      const { app, mine, except, mineAlone } = await twoLogins();
      const gate = new Gate();
      let next: SessionKey | undefined;
      const rotations: Promise<Answer>[] = [];
      // Entries are written before their sessions: this index shows one that has none yet.
      const keysByOwner = app.store.keysByOwner.bind(app.store);
      const indexed: ProbeStore = {
        ...app.store,
        async *keysByOwner(owner) {
          if (next !== undefined) yield { keys: [next], forget: async () => {} };
          yield* keysByOwner(owner);
        },
        async read(key, by) {
          const found = await app.store.read(key, by);
          if (key === next && found === undefined) {
            gate.open();
            await Promise.all(rotations);
          }
          return found;
        },
      };
      const admin = createSessions({ store: indexed, secret: testSecret, logger: false, env: {} });
      await admin.ready();
      app.store.before = ({ verb, key }) => {
        if (verb !== 'create') return undefined;
        next = key;
        return gate.pass();
      };
      const rotation = mine.send('/next');
      rotations.push(rotation);
      await gate.reached;
      expect(await admin.revokeAll('u1', { except })).toBe(1);
      mine.receive(await rotation);
      await mineAlone();
    });

    it('and once more, in a request that could not end the first key at once', async () => {
      const { app, mine, except, mineAlone } = await twoLogins();
      const gate = new Gate();
      let ends = 0;
      app.store.before = ({ next, verb }) => {
        if (next !== undefined && (ends += 1) === 1) throw new Error('lost');
        return verb === 'replace' && next !== undefined ? gate.pass() : undefined;
      };
      const rotation = mine.send('/next-twice');
      await gate.reached;
      expect(await app.sessions.revokeAll('u1', { except })).toBe(1);
      gate.open();
      mine.receive(await rotation);
      await mineAlone();
    });
  });

  it('are not spared by what is no session', async () => {
    const app = await startApp(routes);
    for (const except of [null, 7, {}, app.sessions])
      await expect(Reflect.apply(app.sessions.revokeAll, app.sessions, ['u1', { except }])).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
      });
  });

  it('need an index: a store without one says so', async () => {
    const { keysByOwner: _, ...store } = memoryStore();
    const sessions = createSessions({ store, secret: testSecret, logger: false, env: {} });
    await expect(sessions.list('u1')).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await expect(sessions.revokeAll('')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('close', () => {
  it('waits for all that is being stored, also between the steps of a login', async () => {
    const store = probeStore();
    const sessions = createSessions({ store, secret: testSecret, logger: false, env: {} });
    await sessions.ready();
    for (let delay = 0; delay < 4; delay += 1) {
      store.before = undefined;
      const first = anySession(await sessions.open(undefined));
      first['n'] = 1;
      const { setCookie = '' } = await sessions.commit(first);
      const session = await sessions.open(setCookie.split(';', 1)[0]);
      await session.regenerate({ owner: 'u1', keep: true });
      store.took();
      let isCommitted = false;
      store.before = async () => {
        for (let n = 0; n < delay; n += 1) await turn();
      };
      const commit = sessions.commit(session).finally(() => (isCommitted = true));
      await sessions.close();
      expect(isCommitted).toBe(true);
      expect(store.took()).toEqual(['create', 'replace']);
      await commit;
    }
  });

  it('leaves a store open that was given', async () => {
    let closed = 0;
    const store = { ...memoryStore(), close: async () => void (closed += 1) };
    const sessions = createSessions({ store, secret: testSecret, logger: false, env: {} });
    await sessions.close();
    expect(closed).toBe(0);
  });
});
