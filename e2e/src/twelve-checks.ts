import assert from 'node:assert/strict';
import { type Answer, Visitor, send } from './http-client.ts';
import type { TcpProxy } from './tcp-proxy.ts';

/** Two processes of an app. */
export interface Processes {
  readonly urls: readonly [string, string];
}

/** Two processes of an app, and what stands between it and its sessions. */
export interface CheckedApp extends Processes {
  readonly proxy: TcpProxy;
  /** Takes rights in Redis from the app, or gives them back: `-get`, `+get`. */
  rights(...rights: readonly string[]): Promise<void>;
}

const delayMs = 250;

/** A visitor of both processes, in turn. */
class Both {
  readonly jar: Visitor['jar'];
  readonly #visitors: readonly [Visitor, Visitor];
  #turn = 0;

  constructor({ urls }: Processes) {
    const [first, second] = [new Visitor(urls[0]), new Visitor(urls[1])];
    Object.assign(second, { jar: first.jar });
    this.jar = first.jar;
    this.#visitors = [first, second];
  }

  async get(path: string): Promise<Answer> {
    return this.#visitors[(this.#turn += 1) % 2 === 0 ? 0 : 1].get(path);
  }

  async text(path: string): Promise<string> {
    const { status, text } = await this.get(path);
    assert.deepEqual({ path, status }, { path, status: 200 });
    return text;
  }

  async data(): Promise<unknown> {
    return JSON.parse(await this.text('/data'));
  }
}

async function loggedIn(app: Processes): Promise<Both> {
  const visitor = new Both(app);
  assert.equal(await visitor.text('/login'), 'in');
  return visitor;
}

const times = <T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)));

/** Takes rights from the app while something runs: a fault of the store that shows at once. */
async function without(app: CheckedApp, rights: readonly string[], work: () => Promise<void>): Promise<void> {
  await app.rights(...rights.map((right) => `-${right}`));
  try {
    await work();
  } finally {
    await app.rights(...rights.map((right) => `+${right}`));
  }
}

function assertFault({ status, headers, setCookies }: Answer): void {
  const seen = { status, retry: headers['retry-after'], cache: headers['cache-control'], setCookies };
  assert.deepEqual(seen, { status: 503, retry: '1', cache: 'no-store', setCookies: [] });
}

/** Throws where it does not hold. */
type Check<App> = (app: App) => Promise<void>;
type Checks<App> = Readonly<Record<string, Check<App>>>;

const checksOfTheStore: Checks<CheckedApp> = {
  'anonymous costs nothing': (app) =>
    without(app, ['get', 'getex', 'set', 'eval', 'evalsha'], async () => {
      const { status, setCookies, headers } = await send(`${app.urls[0]}/hello`);
      assert.deepEqual([status, setCookies], [200, []]);
      assert.doesNotMatch(headers.vary ?? '', /cookie/i);
    }),

  'login waits for the store': async (app) => {
    app.proxy.delayMs = delayMs;
    const begunAt = performance.now();
    const visitor = await loggedIn(app);
    const tookMs = performance.now() - begunAt;
    app.proxy.delayMs = 0;
    assert.ok(tookMs > delayMs, `answered after ${tookMs} ms`);
    assert.equal(await visitor.text('/me'), 'ada');
  },

  'headers wait for an update': async (app) => {
    const visitor = await loggedIn(app);
    app.proxy.delayMs = delayMs;
    const begunAt = performance.now();
    await visitor.text('/set?key=a&value=b');
    const tookMs = performance.now() - begunAt;
    app.proxy.delayMs = 0;
    assert.ok(tookMs > 2 * delayMs, `answered after ${tookMs} ms`);
    assert.deepEqual(await visitor.data(), { a: 'b' });
  },

  '503 on a read fault, still logged in after it': async (app) => {
    const visitor = await loggedIn(app);
    await without(app, ['get', 'getex'], async () => assertFault(await visitor.get('/me')));
    assert.equal(await visitor.text('/me'), 'ada');
  },

  '503 on a write fault, still logged in after it': async (app) => {
    const visitor = await loggedIn(app);
    await without(app, ['eval', 'evalsha'], async () => assertFault(await visitor.get('/set?key=a&value=b')));
    assert.equal(await visitor.text('/me'), 'ada');
  },
};

/** Those that need nothing of the store but that it works. */
export const checksOfProcesses: Checks<Processes> = {
  '20 keys in parallel': async (app) => {
    const visitor = await loggedIn(app);
    await times(20, (index) => visitor.text(`/set?key=k${index}&value=v${index}`));
    assert.equal(Object.keys(Object(await visitor.data())).length, 20);
  },

  '50 counts': async (app) => {
    const visitor = await loggedIn(app);
    const counts = await times(50, () => visitor.text('/count'));
    const inOrder = counts.map(Number).toSorted((a, b) => a - b);
    assert.deepEqual(
      inOrder,
      Array.from({ length: 50 }, (_, index) => index + 1),
    );
  },

  'logout during a slow write': async (app) => {
    const visitor = await loggedIn(app);
    const cookie = visitor.jar.header();
    const slow = send(`${app.urls[1]}/slow?key=a&ms=400`, { cookie });
    await visitor.text('/logout');
    const { status, setCookies } = await slow;
    assert.deepEqual([status, setCookies], [200, []]);
    assert.equal((await send(`${app.urls[0]}/me`, { cookie })).text, 'nobody');
  },

  'cookie cleared': async (app) => {
    const visitor = await loggedIn(app);
    const { setCookies } = await visitor.get('/logout');
    assert.equal(setCookies.length, 1);
    assert.match(setCookies[0] ?? '', /^(__Host-)?sid=;.*(Max-Age=0|Expires=Thu, 01 Jan 1970)/);
  },

  'a streamed body': async (app) => {
    const visitor = await loggedIn(app);
    assert.equal(await visitor.text('/stream?key=a'), 'first,second');
  },

  'a late change in a stream': async (app) => {
    const visitor = await loggedIn(app);
    await visitor.text('/stream?key=late');
    assert.deepEqual(await visitor.data(), { late: 'late' });
  },

  'a rotation beside parallel requests': async (app) => {
    const visitor = await loggedIn(app);
    const before = visitor.jar.header();
    const [names] = await Promise.all([times(10, () => visitor.text('/me')), visitor.text('/rotate')]);
    assert.deepEqual(new Set(names), new Set(['ada']));
    assert.notEqual(visitor.jar.header(), before);
    assert.equal(await visitor.text('/me'), 'ada');
  },
};

export const twelveChecks: Checks<CheckedApp> = { ...checksOfTheStore, ...checksOfProcesses };
