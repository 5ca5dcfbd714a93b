import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, Visitor, inParallel, send } from './http-client.ts';
import { MigrationApps, programsOf } from './migration-apps.ts';
import { codeOf } from './page-code.ts';
import { type PostgresServer, startPostgres } from '@sess/postgres-server';
import { type RedisServer, startRedis } from './redis-server.ts';

const page = 'docs/migration.md';
const USERS = 30;

let apps: MigrationApps;
let redis: RedisServer;
let postgres: PostgresServer;
beforeAll(async () => {
  apps = new MigrationApps();
  [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
}, 60_000);
afterEach(() => apps.stop());
afterAll(async () => {
  await apps.dispose();
  await Promise.all([redis.dispose(), postgres.dispose()]);
});

/** What the old app was set up with may be weak. */
const secrets = {
  SECRET_KEY: 'of-the-migration-test-1f7c3e5a20d8469b',
  SESSION_SECRET: 'keyboard cat',
  SESSION_PASSWORD: 'of-the-migration-test-0c5d7e9f31a2b846',
};
const onFiles = (): Record<string, string> => ({
  ...secrets,
  SESSION_DIR: join(apps.folder, 'sessions'),
  OLD_SESSIONS: join(apps.folder, 'old-sessions'),
});
const onPostgres = (): Record<string, string> => ({ ...onFiles(), SESSION_DATABASE_URL: postgres.url });
const onRedis = (): Record<string, string> => ({ ...onFiles(), SESSION_REDIS_URL: redis.url });

const expressRoutes = (): string => codeOf(page, 'js', 'app.listen(');

interface Migration {
  readonly name: string;
  /** What only its code says: a diff, or a program that stays as it is. */
  readonly contains: string;
  readonly env: () => Record<string, string>;
  /** The handlers of the page that it goes with, where it has none of its own. */
  readonly routes?: () => { before: string; after: string };
  readonly instead?: Readonly<Record<string, string>>;
  /** The packages of the app after, where the move is an install: by an alias. */
  /** No line of the program changes. */
  readonly isUnchanged?: true;
  readonly insteadAfter?: Readonly<Record<string, string>>;
  /** The name of our cookie. @default 'sid' */
  readonly cookie?: string;
  /** A copy of its cookie works after a logout, in the old app. */
  readonly isInCookie?: boolean;
}

const sameRoutes = (): { before: string; after: string } => ({ before: expressRoutes(), after: expressRoutes() });

/** The drop-in under the name `express-session`, which connect-redis imports too. */
const byAlias = {
  routes: sameRoutes,
  insteadAfter: { 'express-session': '@sess/express-session', 'connect-redis': 'connect-redis' },
  cookie: 'connect.sid',
};

const migrations: Migration[] = [
  {
    name: 'express-session with connect-redis on node-redis',
    contains: 'createClient',
    env: onRedis,
    routes: () => programsOf('leaves when the session is stored'),
  },
  {
    name: 'express-session with connect-redis on ioredis',
    contains: 'new RedisStore({ client: new Redis',
    env: onRedis,
    routes: sameRoutes,
    instead: { 'connect-redis': 'connect-redis-8' },
  },
  {
    name: 'express-session with session-file-store',
    contains: 'session-file-store',
    env: onFiles,
    routes: sameRoutes,
  },
  { name: 'the drop-in over connect-redis', contains: 'createClient', env: onRedis, isUnchanged: true, ...byAlias },
  {
    name: 'the drop-in over session-file-store',
    contains: 'session-file-store',
    env: onFiles,
    isUnchanged: true,
    ...byAlias,
  },
  {
    name: 'the drop-in over connect-pg-simple',
    contains: 'connect-pg-simple',
    env: onPostgres,
    isUnchanged: true,
    ...byAlias,
  },
  { name: 'the drop-in over @sess/postgres', contains: 'connect-pg-simple', env: onPostgres, ...byAlias },
  { name: 'koa-session with a store', contains: 'koa:${id}', env: onRedis },
  { name: 'koa-session in cookies', contains: "'shop'", env: onFiles, isInCookie: true },
  { name: 'cookie-session', contains: "from 'cookie-session'", env: onFiles, isInCookie: true },
  { name: 'iron-session', contains: 'ironSession({ unsealData, ...options', env: onFiles, isInCookie: true },
];

function whole({ contains, routes, isUnchanged }: Migration): { before: string; after: string } {
  const [setUp, handlers] = [programsOf(contains), routes?.() ?? { before: '', after: '' }];
  const before = `${setUp.before}\n${handlers.before}`;
  return { before, after: isUnchanged === true ? before : `${setUp.after}\n${handlers.after}` };
}

const nameOf = (index: number): string => `user-${index}`;
const isOf = (index: number, text: string): boolean => text === nameOf(index) || text.startsWith(`${nameOf(index)}, `);

/** Somebody who has logged in. */
async function loggedIn(url: string, index: number): Promise<Visitor> {
  const visitor = new Visitor(url);
  expect((await visitor.get('/')).text).toBe('nobody, 1 views');
  expect((await visitor.post(`/login/${nameOf(index)}`)).status).toBe(302);
  expect((await visitor.get('/me')).text).toBe(nameOf(index));
  return visitor;
}

/** As a browser's page asks again after "come back soon": on a machine under load a store may be late. */
async function ask(url: string, cookie: string | undefined): Promise<Answer> {
  for (let tries = 1; ; tries += 1) {
    const answer = await send(url, { cookie });
    if (answer.status !== 503 || tries === 10) return answer;
  }
}

/** A page of six parallel requests, which read and write, on both workers; all bring the cookies of before. */
async function page6(workers: readonly string[], visitor: Visitor): Promise<string[]> {
  const cookie = visitor.jar.header();
  const answers = await Promise.all(
    Array.from({ length: 6 }, (_, at) => ask(`${workers[at % 2]}${at < 3 ? '/' : '/me'}`, cookie)),
  );
  for (const { setCookies } of answers) visitor.jar.apply(setCookies);
  return answers.map(({ text }) => text);
}

/** Goes away as soon as its request has been sent. */
function goAway(url: string, cookie: string | undefined): Promise<void> {
  return new Promise((resolve) => {
    const outgoing = request(url, { agent: false, headers: { Cookie: cookie } });
    outgoing.on('error', () => resolve());
    outgoing.on('close', () => resolve());
    outgoing.on('finish', () => setImmediate(() => outgoing.destroy()));
    outgoing.end();
  });
}

describe('the migrations of docs/migration.md', { timeout: 120_000 }, () => {
  it('are all run here, each block of code on the page', () => {
    const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');
    const changed = migrations.filter(({ isUnchanged }) => isUnchanged !== true);
    // Beside those above: the shorter handlers, and MemoryStore.
    expect([...text.matchAll(/^```diff tested-by/gm)]).toHaveLength(changed.length + 2);
    expect([...text.matchAll(/^```js tested-by/gm)]).toHaveLength(1);
  });

  it.each(migrations)('$name: nobody is logged out, and a logout is final', async (migration) => {
    const { env, instead, insteadAfter = instead, cookie: ours = 'sid', isInCookie = false } = migration;
    const { before, after } = whole(migration);
    const old = await apps.start(before, env(), instead);
    const users = await inParallel(
      Array.from({ length: USERS + 2 }, (_, index) => () => loggedIn(old, index)),
      8,
    );
    const cookies = users.map(({ jar }) => jar.header());
    const absent = users.pop();
    await apps.stop();

    const workers = await Promise.all([1, 2].map(() => apps.start(after, env(), insteadAfter)));
    const [first = '', second = ''] = workers;
    // Somebody whose client goes away before the first answer.
    const gone = users.pop();
    await goAway(`${first}/`, gone?.jar.header());
    expect(isOf(USERS, (await ask(`${second}/me`, gone?.jar.header())).text)).toBe(true);

    const pages = await inParallel(
      users.map((visitor) => () => page6(workers, visitor)),
      4,
    );
    const strangers = pages.flatMap((texts, index) => texts.filter((text) => !isOf(index, text)));
    expect([pages.flat().length, strangers]).toEqual([6 * USERS, []]);

    for (const [index, { jar }] of users.entries()) {
      // The old cookie is cleared; ours alone is enough, on either worker.
      expect(jar.header()).toMatch(/^[^;]+$/);
      expect(jar.header()?.startsWith(`${ours}=`)).toBe(true);
      expect(jar.header()).not.toContain('s%3A');
      const { text } = await ask(`${workers[index % 2]}/`, jar.header());
      expect(isOf(index, text)).toBe(true);
      expect(Number(/, (\d+) views/.exec(text)?.[1])).toBeGreaterThanOrEqual(2);
    }

    const [visitor, other] = users;
    const copies = [cookies[0], visitor?.jar.header()];
    expect((await send(`${second}/logout`, { method: 'POST', cookie: copies[1] })).status).toBe(302);
    for (const [at, cookie] of copies.entries())
      for (const url of workers) expect((await ask(`${url}/me`, cookie)).text, `copy ${at}`).toBe('nobody');

    await apps.stop();
    const again = await apps.start(before, env(), instead);
    // Who has not been taken over is still logged in there; who has been, logs in again.
    expect((await send(`${again}/me`, { cookie: absent?.jar.header() })).text).toBe(nameOf(USERS + 1));
    expect((await send(`${again}/me`, { cookie: other?.jar.header() })).text).toBe('nobody');
    expect((await send(`${again}/me`, { cookie: cookies[1] })).text).toBe(isInCookie ? nameOf(1) : 'nobody');
    if (ours === 'sid') return;

    // Under one name there is one cookie: who logs in with the old library again is known after a second move.
    const returned = await loggedIn(again, 2);
    await apps.stop();
    const moved = await apps.start(after, env(), insteadAfter);
    expect((await ask(`${moved}/me`, returned.jar.header())).text).toBe(nameOf(2));
  });

  it('MemoryStore: the app before and the app after serve the same visitor', async () => {
    const { before, after } = programsOf('resave: false, saveUninitialized: false }));\n+app.use(session());');
    const old = await loggedIn(await apps.start(before + expressRoutes(), onFiles()), 0);
    await apps.stop();
    const url = await apps.start(after + expressRoutes(), onFiles());
    expect((await send(`${url}/`, { cookie: old.jar.header() })).text).toBe('nobody, 1 views');
    const visitor = await loggedIn(url, 1);
    const copy = visitor.jar.header();
    expect((await visitor.post('/logout')).status).toBe(302);
    expect((await send(`${url}/me`, { cookie: copy })).text).toBe('nobody');
  });

  it('without formerly the same users are nobody', async () => {
    const env = onFiles();
    const { before, after } = programsOf("from 'cookie-session'");
    const { jar } = await loggedIn(await apps.start(before, env), 0);
    await apps.stop();
    const url = await apps.start(after.replace(/\{ formerly: .*\}\) \}/, ''), env);
    expect((await send(`${url}/me`, { cookie: jar.header() })).text).toBe('nobody');
  });
});
