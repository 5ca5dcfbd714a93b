import { Agent } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';

import { memoryStore } from '../storage/memory-store.ts';
import { createSessions, type Sessions } from '../sessions.ts';
import type { SessionStore } from '../store.ts';
import { Gate, type StoreCall } from '../testing/probe-store.ts';
import { StepByStep, type Step, pick, seeded } from '../testing/step-by-step.ts';
import { type AnySession, anySession, closeApps, startApp, testSecret } from '../testing/test-app.ts';
import { upsertingStore } from '../testing/upserting-store.ts';
import { recordOf } from '../testing/other-process.ts';

afterEach(closeApps);

const ROUNDS = 1_000;

/** A worker: sessions of its own over the store that all share. */
async function worker(store: SessionStore, clock?: () => number): Promise<Sessions> {
  const options = { store, secret: testSecret, logger: false as const, env: {} };
  const sessions = createSessions(clock === undefined ? options : { ...options, clock });
  await sessions.ready();
  return sessions;
}

function cookieOf(setCookie: string | undefined): string {
  return setCookie?.split(';', 1)[0] ?? '';
}

async function start(sessions: Sessions): Promise<{ cookie: string; handle: string }> {
  const session = anySession(await sessions.open(undefined));
  const fresh = anySession(await session.regenerate({ owner: 'u1' }));
  Object.assign(fresh, { user: 'u1', cart: ['a'], n: 1 });
  const { setCookie } = await sessions.commit(fresh);
  return { cookie: cookieOf(setCookie), handle: fresh.handle };
}

/** What slow requests do with a session that they opened before it ended. */
const slowWorks: ((session: AnySession) => Promise<unknown> | void)[] = [
  (session) => void (session['late'] = 1),
  (session) => void (session['user'] = 'back'),
  (session) => {
    const { cart } = session;
    if (Array.isArray(cart)) cart.push('b');
  },
  (session) => void delete session['cart'],
  (session) => void session.touch(),
  (session) => void (session.persistent = false),
  (session) => void (session.idleTimeoutMs = 1_000_000),
  async (session) => session.update('n', (n) => Number(n ?? 0) + 1),
  (session) => {
    session['late'] = 1;
    return session.save();
  },
  (session) => session.reload(),
];

/** A request from open to commit; that its session ended meanwhile is no surprise to it. */
async function request(
  sessions: Sessions,
  cookie: string,
  work: (session: AnySession) => unknown,
): Promise<string | undefined> {
  const session = anySession(await sessions.open(cookie));
  try {
    await work(session);
    return (await sessions.commit(session)).setCookie;
  } catch (error) {
    if (['SESSION_GONE', 'HEADERS_SENT'].includes(String(Reflect.get(Object(error), 'code')))) return undefined;
    throw error;
  }
}

type Ending = (sessions: Sessions, cookie: string, handle: string) => Promise<unknown>;

const endings: Record<string, Ending> = {
  logout: (sessions, cookie) => request(sessions, cookie, (session) => session.destroy()),
  regenerate: (sessions, cookie) => request(sessions, cookie, (session) => session.regenerate({ owner: 'u2' })),
  revoke: (sessions, _, handle) => sessions.revoke(handle),
};

/** Two workers over a store whose calls are made step by step. */
class Scene {
  now = 1_000_000_000_000;
  readonly store: SessionStore;
  readonly steps = new StepByStep();
  readonly workers: Promise<Sessions[]>;

  constructor(makeStore: (clock: () => number) => SessionStore) {
    const clock = (): number => this.now;
    this.store = makeStore(clock);
    const stepped = this.steps.wrap(this.store);
    this.workers = Promise.all([worker(stepped, clock), worker(stepped, clock)]);
  }
}

/**
 * @param isLate slow requests have opened the session before it ends, and write after: the case that
 * the promise is about. Else all comes in any order.
 * @returns whether the old cookie was dead from the moment on when its end was answered
 */
async function race(scene: Scene, seed: number, ending: Ending, isLate: boolean): Promise<boolean> {
  const { store, steps } = scene;
  const random = seeded(seed);
  const workers = await scene.workers;
  const anyWorker = (): Sessions => pick(random, workers)!;
  const { cookie, handle } = await start(anyWorker());
  // Some races begin when a touch is due.
  if (random() < 0.5) scene.now += 7_200_000;

  let isEnded = false;
  let isAlive = false;
  const slow = Array.from({ length: 1 + Math.floor(random() * 3) }, () => {
    const work = pick(random, slowWorks)!;
    return () => request(anyWorker(), cookie, work);
  });
  const end = async (): Promise<void> => {
    await ending(anyWorker(), cookie, handle);
    isEnded = true;
  };
  const isWrite = ({ verb, key, next }: Step): boolean => verb === 'replace' && next === undefined && key === handle;
  const isEnding = ({ verb, key, next, moment }: Step): boolean =>
    (verb === 'destroy' || next !== undefined) && key === handle && moment === 'work';
  await steps.run(
    [...slow, end],
    (waiting) => {
      if (!isLate) return pick(random, waiting);
      const reads = waiting.filter(({ verb }) => verb === 'read');
      if (reads.length > 0) return pick(random, reads);
      const others = waiting.filter((step) => !isWrite(step) || isEnded);
      // The end waits for nobody but the readers, and all writes for the end.
      return pick(random, others.length > 0 ? others : waiting.filter((step) => isEnding(step) || isEnded));
    },
    async () => {
      if (isEnded && (await recordOf(store, handle)) !== undefined) isAlive = true;
    },
  );
  const last = anySession(await anyWorker().open(cookie));
  return !isAlive && Object.keys(last).length === 0;
}

describe.each(Object.entries(endings))('a session that ended by %s', (name, ending) => {
  const firstSeed = name.length * 1_000_003;

  it.each([
    ['stays dead, whatever slow requests write afterwards', true],
    ['stays dead in any order of steps', false],
  ])(
    '%s',
    async (_, isLate) => {
      const scene = new Scene((clock) => memoryStore({ clock }));
      const revived: number[] = [];
      for (let seed = firstSeed; seed < firstSeed + ROUNDS; seed += 1)
        if (!(await race(scene, seed, ending, isLate))) revived.push(seed);
      expect(revived).toEqual([]);
    },
    60_000,
  );

  it('comes back in at least 9 of 10 orders with a store that upserts (the control)', async () => {
    const scene = new Scene(upsertingStore);
    let revived = 0;
    for (let seed = firstSeed; seed < firstSeed + 200; seed += 1)
      if (!(await race(scene, seed, ending, true))) revived += 1;
    expect(revived).toBeGreaterThanOrEqual(180);
  }, 60_000);
});

describe('a login while other requests of the same page are under way', () => {
  /** All orders of the numbers below `length`. */
  function orders(length: number): number[][] {
    if (length === 0) return [[]];
    return orders(length - 1).flatMap((order) =>
      Array.from({ length }, (_, at) => [...order.slice(0, at), length - 1, ...order.slice(at)]),
    );
  }

  it.each([
    ['an anonymous session before it', true],
    ['a session of somebody else before it', false],
  ])('survives in the browser, with %s, whatever order the answers arrive in', async (_, isAnonymous) => {
    const app = await startApp({
      '/set': ({ session, url }) => {
        for (const [key, value] of url.searchParams) session[key] = value;
        return 'set';
      },
      '/read': ({ session }) => session['theme'],
      '/update': async ({ session }) => session.update('n', (n) => Number(n ?? 0) + 1).catch(() => 'gone'),
      '/login': async ({ session }) => {
        await late.pass();
        Object.assign(await session.regenerate({ owner: 'u2' }), { user: 'u2' });
        return 'in';
      },
      '/first-login': async ({ session }) => void (await session.regenerate({ owner: 'u1' })),
      '/me': ({ session }) => session['user'],
    });
    let late = new Gate();
    const browser = app.browser();
    await browser.get(isAnonymous ? '/set?theme=dark' : '/first-login');

    // Some read the session before the login and write after it, others come when it has ended.
    const early = new Gate();
    const slow: ((call: StoreCall) => Promise<void> | undefined)[] = [];
    app.store.before = (call) => slow.reduce<Promise<void> | undefined>((held, hold) => held ?? hold(call), undefined);
    slow.push(({ verb, record }) => (verb === 'replace' && record !== undefined ? early.pass() : undefined));
    const answers = [browser.send('/set?late=1'), browser.send('/update')];
    await early.reached;
    const login = browser.send('/login');
    await late.reached;
    late.open();
    answers.push(login);
    await login;
    answers.push(browser.send('/set?after=1'), browser.send('/read'));
    early.open();
    late = new Gate();
    const arrived = await Promise.all(answers);
    app.store.before = undefined;
    expect(arrived.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(arrived.map(({ setCookie }) => setCookie.length)).toEqual([0, 0, 1, 0, 0]);

    const before = browser.cookie;
    const users = new Set<string>();
    for (const order of orders(arrived.length)) {
      const jar = app.browser();
      jar.cookie = before;
      for (const at of order) jar.receive(arrived[at]!);
      users.add((await jar.get('/me')).text);
    }
    expect([...users]).toEqual(['"u2"']);
  });

  it('is lost in some orders where ended sessions are forgotten at once (the control)', async () => {
    const app = await startApp(
      {
        '/set': ({ session, url }) => {
          for (const [key, value] of url.searchParams) session[key] = value;
          return 'set';
        },
        '/login': async ({ session }) => {
          Object.assign(await session.regenerate({ owner: 'u2' }), { user: 'u2' });
          return 'in';
        },
        '/me': ({ session }) => session['user'] ?? null,
      },
      { endMarkerMs: 0 },
    );
    const browser = app.browser();
    await browser.get('/set?theme=dark');
    const login = await browser.send('/login');
    const after = await browser.send('/set?after=1');
    for (const answer of [login, after]) browser.receive(answer);
    expect((await browser.get('/me')).text).toBe('null');
  });
});

describe('requests that run at the same time', () => {
  it('and set 200 different keys all persist', async () => {
    const store = memoryStore();
    const workers = [await worker(store), await worker(store)];
    const { cookie } = await start(workers[0]!);
    await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        request(workers[n % 2]!, cookie, (session) => void (session[`key${n}`] = n)),
      ),
    );
    const session = anySession(await workers[0]!.open(cookie));
    expect(Array.from({ length: 200 }, (_, n) => session[`key${n}`])).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  it('and count 200 times through two workers count to exactly 200', async () => {
    const steps = new StepByStep();
    const store = memoryStore();
    let updates = 0;
    const counted: SessionStore = {
      ...store,
      replace(key, version, record, by) {
        updates += 1;
        return store.replace(key, version, record, by);
      },
    };
    const workers = [await worker(steps.wrap(counted)), await worker(steps.wrap(counted))];
    const { cookie } = await start(workers[0]!);
    const random = seeded(7);
    await steps.run(
      Array.from(
        { length: 200 },
        (_, n) => () => request(workers[n % 2]!, cookie, (session) => session.update('n', (was) => Number(was) + 1)),
      ),
      (waiting) => pick(random, waiting),
    );
    expect(anySession(await workers[1]!.open(cookie))['n']).toBe(201);
    // The writers of one process go out together, so the two do not beat each other 200 times.
    expect(updates).toBeLessThan(200);
  }, 30_000);

  it('and count by assignment lose counts, which is why update exists (the control)', async () => {
    const sessions = await worker(memoryStore());
    const { cookie } = await start(sessions);
    await Promise.all(
      Array.from({ length: 50 }, () =>
        request(sessions, cookie, (session) => void (session['n'] = Number(session['n']) + 1)),
      ),
    );
    expect(anySession(await sessions.open(cookie))['n']).toBeLessThan(51);
  });

  it('with a store per worker flicker between logged in and logged out (the control of all of this)', async () => {
    const workers = await Promise.all([1, 2, 3, 4].map(() => worker(memoryStore())));
    const { cookie } = await start(workers[0]!);
    const users = await Promise.all(
      workers.map(async (sessions) => anySession(await sessions.open(cookie))['user'] ?? 'nobody'),
    );
    expect(users).toEqual(['u1', 'nobody', 'nobody', 'nobody']);
  });
});

describe('users who share sockets', () => {
  it('see themselves and nobody else in 2,000 interleaved requests', async () => {
    const app = await startApp({
      '/login': async ({ session, url }) => {
        const user = url.searchParams.get('user') ?? '';
        Object.assign(await session.regenerate({ owner: user }), { user, own: [] });
        return user;
      },
      '/me': ({ session }) => session['user'] ?? 'nobody',
      '/note': async ({ session, url }) => {
        const { own } = session;
        if (Array.isArray(own) && own.length < 20) own.push(url.searchParams.get('user'));
        await session.save();
        return session['user'];
      },
      '/own': ({ session }) => [...new Set(session['own'] as string[])].join(),
    });
    let connections = 0;
    app.server.on('connection', () => (connections += 1));
    const agent = new Agent({ keepAlive: true, maxSockets: 3 });
    const random = seeded(11);
    const users = ['ann', 'bob', 'eve'].map((name) => ({ name, browser: app.browser() }));
    for (const { name, browser } of users) await browser.get(`/login?user=${name}`, agent);
    const wrong: string[] = [];
    const askers = Array.from({ length: 9 }, async (_, n) => {
      const { name, browser } = users[n % 3]!;
      for (let count = 0; count < 222; count += 1) {
        if (random() < 0.05) {
          const stranger = (await app.get('/me', undefined, agent)).text;
          if (stranger !== '"nobody"') wrong.push(`a stranger was ${stranger}`);
        }
        const path = random() < 0.3 ? `/note?user=${name}` : '/me';
        const { text } = await browser.get(path, agent);
        if (text !== `"${name}"`) wrong.push(`${name} was ${text}`);
      }
    });
    await Promise.all(askers);
    expect(wrong).toEqual([]);
    for (const { name, browser } of users) expect((await browser.get('/own', agent)).text).toBe(`"${name}"`);
    expect(connections).toBeLessThanOrEqual(3);
    agent.destroy();
  }, 60_000);
});
