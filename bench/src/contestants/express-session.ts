import { createRequire } from 'node:module';
import fs from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import connectPgSimple from 'connect-pg-simple';
import { RedisStore } from 'connect-redis';
import expressSession, { type SessionData, type Store } from 'express-session';
import express from 'express';
import pg from 'pg';
import { createClient } from 'redis';
import {
  type Contestant,
  type Place,
  type RunningContestant,
  actOf,
  countOne,
  dayMs,
  loggedIn,
  readOne,
  secret,
  seedBytes,
} from '../contestant.ts';
import { type Data, dataOf } from '../data.ts';

declare module 'express-session' {
  interface SessionData extends Data {}
}

interface OpenedStore {
  store?: Store;
  close?(): Promise<void>;
}

type OpenStore = (place: Place) => Promise<OpenedStore>;

/** The options that its manual recommends. */
function middleware(store: Store | undefined): express.RequestHandler {
  return expressSession({
    secret,
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: dayMs, sameSite: 'lax' },
    ...(store && { store }),
  });
}

function act(request: express.Request, response: ServerResponse): void {
  const what = actOf(request.url);
  if (what === 'read') response.end(readOne(request.session));
  else if (what === 'count') response.end(countOne(request.session));
  else if (what === 'anonymous') response.end('ok');
  else {
    const data: Partial<SessionData> = what === 'login' ? loggedIn : dataOf(seedBytes(request.url));
    request.session.regenerate((error: unknown) => {
      if (error) {
        response.destroy();
        return;
      }
      Object.assign(request.session, data);
      response.end('ok');
    });
  }
}

function onNode(name: string, open: OpenStore): Contestant {
  return {
    name,
    floor: 'bare',
    async start(place): Promise<RunningContestant> {
      const { store, close } = await open(place);
      const handle = middleware(store);
      return {
        listener(request: IncomingMessage, response: ServerResponse) {
          // It asks for what node:http gives it, and is typed for Express.
          const [req, res] = [request as express.Request, response as express.Response];
          handle(req, res, (error?: unknown) => {
            if (error) response.writeHead(500).end();
            else act(req, response);
          });
        },
        ...(close && { close }),
      };
    },
  };
}

async function redisBacked({ redisUrl }: Place): Promise<OpenedStore> {
  const client = await createClient({ url: redisUrl }).connect();
  return { store: new RedisStore({ client }), close: () => client.close() };
}

async function postgresBacked({ postgresUrl }: Place): Promise<OpenedStore> {
  const pool = new pg.Pool({ connectionString: postgresUrl });
  const PgStore = connectPgSimple(expressSession);
  const store = new PgStore({ pool, createTableIfMissing: true });
  return {
    store,
    async close() {
      store.close();
      await pool.end();
    },
  };
}

async function fileBacked({ directory }: Place): Promise<OpenedStore> {
  const load = createRequire(import.meta.url);
  const makeStore = load('session-file-store') as (session: typeof expressSession) => new (options: object) => Store;
  const FileStore = makeStore(expressSession);
  return { store: new FileStore({ path: directory, ttl: dayMs / 1000, logFn: () => {} }) };
}

export const esRedis: Contestant = onNode('express-session + connect-redis', redisBacked);
export const esPostgres: Contestant = onNode('express-session + connect-pg-simple', postgresBacked);
export const esFiles: Contestant = onNode('express-session + session-file-store', fileBacked);
export const esFilesNoFsync: Contestant = onNode('express-session + session-file-store, fsync off', async (place) => {
  // It has no option for this: what asks the disk to confirm answers at once.
  fs.fsync = Object.assign((_fd: number, done: fs.NoParamCallback) => process.nextTick(done, null), {
    __promisify__: async () => {},
  });
  return fileBacked(place);
});
export const esMemory: Contestant = onNode('express-session + MemoryStore', async () => ({}));

export const esExpressRedis: Contestant = {
  name: 'express-session + connect-redis, on Express',
  floor: 'bare Express',
  async start(place) {
    const { store, close } = await redisBacked(place);
    const app = express();
    app.use(middleware(store));
    app.use((request, response) => act(request, response));
    return { listener: app, ...(close && { close }) };
  },
};
