import { type Sessions, createSessions } from '@sess/core';
import { postgresStore } from '@sess/postgres';
import { type PostgresServer, startPostgres } from '@sess/postgres-server';
import { redisStore } from '@sess/redis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { blocksOf } from './documentation-blocks.ts';
import { send } from './http-client.ts';
import { type Connect, type LiveClient, byEventStream, bySocketIo, byWebSocket } from './live-client.ts';
import { RecipeFolder, type RunningRecipe, recipeSecret } from './recipe.ts';
import { type RedisServer, startRedis, until } from './redis-server.ts';
import { type TcpProxy, startProxy } from './tcp-proxy.ts';

/** What docs/live-connections.md promises, and what a loaded machine may take on top. */
const boundMs = 6_000 + 24_000;

/** By a line that only this block of the page has: how its clients connect, and how they see the end. */
const recipes: readonly { name: string; mark: string; connect: Connect; end: string }[] = [
  { name: 'Socket.IO', mark: 'io.engine.use(withSession)', connect: bySocketIo, end: 'io server disconnect' },
  { name: 'ws', mark: 'new WebSocketServer', connect: byWebSocket, end: '4401' },
  { name: 'Server-sent events', mark: "app.get('/events', (request", connect: byEventStream, end: 'log in again' },
  { name: 'Server-sent events of Hono', mark: 'streamSSE', connect: byEventStream, end: 'log in again' },
];

const blocks = blocksOf('docs/live-connections.md');
function codeOf(mark: string): string {
  const found = blocks.filter(
    ({ code, language, isFragment }) => language === 'js' && !isFragment && code.includes(mark),
  );
  const [block] = found;
  if (block === undefined || found.length > 1) throw new Error(`${found.length} blocks have ${mark}`);
  return block.code;
}

/** A loaded machine may be late, which is a 503: the visitor tries again. */
async function post(url: string, cookie?: string): Promise<string> {
  let sent = '';
  await until(async () => {
    const { status, setCookies } = await send(url, { method: 'POST', cookie });
    sent = setCookies[0]?.split(';')[0] ?? '';
    return status === 200;
  }, boundMs);
  return sent;
}

const login = (url: string): Promise<string> => post(`${url}/login`);

async function connected(connect: Connect, url: string, cookie: string): Promise<LiveClient> {
  const made: LiveClient[] = [];
  await until(async () => made.push(await connect(url, cookie)) > 0, boundMs);
  const [client] = made;
  if (client === undefined) throw new Error('not connected');
  return client;
}

/** Some at a time, so that none has to wait for all the others. */
async function inGroups<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (let at = 0; at < all.length; at += 50) done.push(...(await Promise.all(all.slice(at, at + 50).map(work))));
  return done;
}

const isEnded = (client: LiveClient) => async () => client.end !== undefined;

let folder: RecipeFolder;
let redis: RedisServer;
let postgres: PostgresServer;
beforeAll(async () => {
  [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
});
afterAll(() => Promise.all([redis.dispose(), postgres.dispose()]));
beforeEach(() => {
  folder = new RecipeFolder();
});
afterEach(() => folder.dispose());

describe.each(['files', 'redis', 'postgres'])('the recipes of the page, in two processes with %s', (storage) => {
  const env = (): Record<string, string> => {
    if (storage === 'redis') return { SESSION_REDIS_URL: redis.url };
    return storage === 'postgres' ? { SESSION_DATABASE_URL: postgres.url } : { SESSION_DIR: folder.sessions };
  };

  it('are all tried here', () => {
    const tried = recipes.map(({ mark }) => codeOf(mark));
    const tested = blocks.filter(({ testedBy }) => testedBy !== undefined).map(({ code }) => code);
    expect(tested.toSorted()).toEqual(tried.toSorted());
  });

  it.each(recipes)(
    '$name: a logout in one process ends the connection in the other, and no other connection',
    { timeout: 120_000 },
    async ({ mark, connect, end }) => {
      const code = codeOf(mark);
      const [here, there] = [await folder.start('here', code, env()), await folder.start('there', code, env())];
      await expect(connect(here.url, '')).rejects.toThrow(/401|Log in first/);
      const cookie = await login(there.url);
      const ending = await connected(connect, here.url, cookie);
      const other = await connected(connect, here.url, await login(there.url));
      expect(ending.greeting).toContain('hello ada');
      await post(`${there.url}/logout`, cookie);
      await until(isEnded(ending), boundMs);
      expect(ending.end).toContain(end);
      expect(other.end).toBeUndefined();
      other.close();
    },
  );
});

/** Patient: what is under test is the other process. */
const patient = { timeoutMs: 20_000 };

const servers = {
  redis: {
    server: () => redis,
    env: (port: number) => ({ SESSION_REDIS_URL: `redis://127.0.0.1:${port}` }),
    store: () => redisStore({ url: redis.url, ...patient }),
    begins: 'subscribe',
  },
  postgres: {
    server: () => postgres,
    env: (port: number) => ({ SESSION_DATABASE_URL: `postgres://postgres@127.0.0.1:${port}/postgres` }),
    store: () => postgresStore({ url: postgres.url, ...patient }),
    begins: 'LISTEN',
  },
};

describe.each(['redis', 'postgres'] as const)('a process with %s behind a proxy', (name) => {
  const { server, env, store: newStore, begins } = servers[name];
  let proxy: TcpProxy;
  let store: ReturnType<typeof newStore>;
  let elsewhere: Sessions;
  let recipe: RunningRecipe;
  const start = () => folder.start('ws', codeOf('new WebSocketServer'), env(proxy.port));

  beforeEach(async () => {
    proxy = await startProxy(server().port);
    const timeouts = { operationMs: 20_000, openMs: 40_000, commitMs: 40_000 };
    store = newStore();
    elsewhere = createSessions({ store, timeouts, secret: recipeSecret, logger: false, env: {} });
  });
  afterEach(async () => {
    await elsewhere.close();
    await store.close();
    await proxy.dispose();
  });

  it('is told in time when what is published does not arrive', { timeout: 120_000 }, async () => {
    proxy.swallowsAt = begins;
    recipe = await start();
    const live = await connected(byWebSocket, recipe.url, await login(recipe.url));
    await until(async () => proxy.faults > 0);
    expect(await elsewhere.revokeAll('ada')).toBeGreaterThan(0);
    await until(isEnded(live), boundMs);
    expect(live.end).toBe('4401');
  });

  it(
    'ends no connection while the server is frozen, and is told in time after that',
    { timeout: 120_000 },
    async () => {
      recipe = await start();
      const live = await connected(byWebSocket, recipe.url, await login(recipe.url));
      server().signal('SIGSTOP');
      const revoking = elsewhere.revokeAll('ada');
      // The fault itself: the process looks at the session meanwhile, and is told nothing.
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      expect(live.end).toBeUndefined();
      server().signal('SIGCONT');
      expect(await revoking).toBeGreaterThan(0);
      await until(isEnded(live), boundMs);
      expect(live.end).toBe('4401');
    },
  );

  if (name !== 'redis') return;

  it('watches 1,000 connections with one read of each session a look', { timeout: 120_000 }, async () => {
    recipe = await start();
    const cookies = await inGroups(Array.from({ length: 1_000 }), async () => {
      const session = await elsewhere.open(undefined);
      const { setCookie } = await elsewhere.commit(await session.regenerate({ owner: 'ada' }));
      return setCookie?.split(';')[0] ?? '';
    });
    const live = await inGroups(cookies, (cookie) => connected(byWebSocket, recipe.url, cookie));
    const gets = async () => Number(/cmdstat_get:calls=(\d+)/.exec(await redis.admin.info('commandstats'))?.[1]);
    const [before, beganAt] = [await gets(), performance.now()];
    await until(async () => (await gets()) > before + 1_500, 60_000);
    const count = (await gets()) - before;
    const looks = (performance.now() - beganAt) / 4_000;
    expect(count).toBeLessThanOrEqual(1_000 * (looks + 1));
    expect(live.filter(({ end }) => end !== undefined)).toEqual([]);
    expect(await elsewhere.revokeAll('ada')).toBeGreaterThanOrEqual(1_000);
    await until(async () => live.every(({ end }) => end === '4401'), boundMs);
  });
});
