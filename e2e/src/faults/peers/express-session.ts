// The routes of the demos on express-session, with its stores for Redis, PostgreSQL and files.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { RequestListener } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import connectPgSimple from 'connect-pg-simple';
import { RedisStore } from 'connect-redis';
import express, { type Request } from 'express';
import expressSession, { type Store } from 'express-session';
import pg from 'pg';
import { createClient } from 'redis';
import { runPeer } from './cluster.ts';

async function redisBacked(): Promise<Store> {
  const client = createClient({ url: process.env['SESSION_REDIS_URL'] ?? '' });
  // Its manual asks for a listener: without one, an error of the connection ends the process.
  client.on('error', () => {});
  await client.connect();
  return new RedisStore({ client });
}

async function fileBacked(): Promise<Store> {
  const load = createRequire(import.meta.url);
  const makeStore = load('session-file-store') as (session: typeof expressSession) => new (options: object) => Store;
  const FileStore = makeStore(expressSession);
  return new FileStore({ path: process.env['SESSION_DIR'], ttl: 86_400, logFn: () => {} });
}

// The session as a map: the routes choose its keys.
const read = ({ session }: Request, key: string): unknown => Reflect.get(session, key);
const write = ({ session }: Request, key: string, value: unknown): unknown => Reflect.set(session, key, value);

function called(act: (done: (error?: unknown) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => void act((error) => (error instanceof Error ? reject(error) : resolve())));
}

async function postgresBacked(): Promise<Store> {
  const pool = new pg.Pool({ connectionString: process.env['SESSION_DATABASE_URL'] });
  pool.on('error', () => {});
  // Its manual has this file run once, beforehand. Another worker may have been faster.
  const file = createRequire(import.meta.url).resolve('connect-pg-simple/table.sql');
  await pool.query(readFileSync(file, 'utf8')).catch(() => undefined);
  const PostgresStore = connectPgSimple(expressSession);
  return new PostgresStore({ pool, errorLog: () => {} });
}

function storeOf({ SESSION_REDIS_URL, SESSION_DATABASE_URL }: NodeJS.ProcessEnv): Promise<Store> {
  if (SESSION_REDIS_URL !== undefined) return redisBacked();
  return SESSION_DATABASE_URL === undefined ? fileBacked() : postgresBacked();
}

/** The options that its manual recommends. */
async function createApp(): Promise<RequestListener> {
  const app = express();
  app.use(
    expressSession({
      secret: 'a secret of the fault table with more than 32 bytes',
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: 86_400_000, sameSite: 'lax' },
      store: await storeOf(process.env),
    }),
  );
  app.use(express.json());
  app.get('/api/me', (request, response) => {
    response.json({ user: read(request, 'user') ?? null, views: read(request, 'views') ?? 0, pid: process.pid });
  });
  app.get('/api/get/:key', (request, response) => {
    response.json({ value: read(request, `data:${request.params.key}`) ?? null });
  });
  app.post('/api/login', async (request, response) => {
    await called((done) => request.session.regenerate(done));
    write(request, 'user', request.body.user);
    response.json({ user: request.body.user });
  });
  app.post('/api/logout', async (request, response) => {
    await called((done) => request.session.destroy(done));
    response.json({ user: null });
  });
  app.post('/api/count', (request, response) => {
    const views = Number(read(request, 'views') ?? 0) + 1;
    write(request, 'views', views);
    response.json({ views });
  });
  app.post('/api/set/:key', async (request, response) => {
    await pause(Number(request.query['delay'] ?? 0));
    write(request, `data:${request.params.key}`, request.body.value);
    response.json({ value: request.body.value });
  });
  return app;
}

runPeer('express-session', createApp);
