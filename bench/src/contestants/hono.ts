import { getRequestListener } from '@hono/node-server';
import { type SessionEnv as PeerEnv, useSession, useSessionStorage } from '@hono/session';
import { session as sessSession } from '@sess/hono';
import { redisStore } from '@sess/redis';
import { type Context, Hono } from 'hono';
import { type Session as KeptSession, type SessionData as KeptData, sessionMiddleware } from 'hono-sessions';
import { Redis } from 'ioredis';
import {
  type Contestant,
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
import { sessionsOf } from './sess.ts';

const ttlSeconds = dayMs / 1000;

/** What is asked for, below the address of the server. */
const pathOf = ({ req: { url } }: Context): string => url.slice(url.indexOf('/', 8));

const dataAt = (path: string): Data => (actOf(path) === 'login' ? loggedIn : dataOf(seedBytes(path)));

function serving(
  fetch: (request: Request) => Response | Promise<Response>,
  close?: () => Promise<void>,
): RunningContestant {
  const listen = getRequestListener(fetch);
  return { listener: (request, response) => void listen(request, response), ...(close && { close }) };
}

export const bareHono: Contestant = {
  name: 'bare Hono',
  floor: 'bare Hono',
  async start() {
    const app = new Hono();
    app.get('/*', (c) => {
      actOf(pathOf(c));
      return c.text('ok');
    });
    return serving((request) => app.fetch(request));
  },
};

export const sessHono: Contestant = {
  name: '@sess/hono + @sess/redis, on Hono',
  floor: 'bare Hono',
  async start({ redisUrl }) {
    const store = redisStore({ url: redisUrl });
    const sessions = sessionsOf(store);
    const app = new Hono();
    app.use(sessSession(sessions));
    app.get('/*', async (c) => {
      const path = pathOf(c);
      const act = actOf(path);
      if (act === 'read') return c.text(readOne(c.var.session));
      if (act === 'count') return c.text(countOne(c.var.session));
      if (act !== 'anonymous') Object.assign(await c.var.session.regenerate(), dataAt(path));
      return c.text('ok');
    });
    return serving(
      (request) => app.fetch(request),
      async () => {
        await sessions.close();
        await store.close();
      },
    );
  },
};

/** With its storage. Without one it keeps the session in the cookie. */
export const honoSession: Contestant = {
  name: '@hono/session + ioredis, on Hono',
  floor: 'bare Hono',
  async start({ redisUrl }) {
    const redis = new Redis(redisUrl);
    const app = new Hono<PeerEnv<Data>>();
    app.use(
      useSessionStorage<Data, PeerEnv<Data>>({
        async get(id) {
          const text = await redis.get(`hono:${id}`);
          return text === null ? null : (JSON.parse(text) as Data);
        },
        set: (id, data) => void redis.set(`hono:${id}`, JSON.stringify(data), 'EX', ttlSeconds),
        delete: (id) => void redis.del(`hono:${id}`),
      }),
    );
    app.use(useSession<Data & Record<string, unknown>>({ secret, duration: { absolute: ttlSeconds } }));
    app.get('/*', async (c) => {
      const path = pathOf(c);
      const act = actOf(path);
      if (act === 'anonymous') return c.text('ok');
      if (act === 'read') return c.text(readOne((await c.var.session.get()) ?? {}));
      if (act === 'count') {
        const data = { ...(await c.var.session.get()) };
        const text = countOne(data);
        await c.var.session.update(data);
        return c.text(text);
      }
      await c.var.session.update(dataAt(path));
      return c.text('ok');
    });
    return serving(
      (request) => app.fetch(request),
      async () => redis.disconnect(),
    );
  },
};

/** Without its encryption of the id, which would cost more. A visitor whom it does not know gets a session at once. */
export const honoSessions: Contestant = {
  name: 'hono-sessions + ioredis, on Hono',
  floor: 'bare Hono',
  async start({ redisUrl }) {
    const redis = new Redis(redisUrl);
    const write = async (id: string, data: KeptData): Promise<void> => {
      await redis.set(`kept:${id}`, JSON.stringify(data), 'EX', ttlSeconds);
    };
    const app = new Hono<{ Variables: { session: KeptSession<Data> } }>();
    const middleware = sessionMiddleware({
      store: {
        async getSessionById(id: string = '') {
          const text = await redis.get(`kept:${id}`);
          return text === null ? null : (JSON.parse(text) as KeptData);
        },
        createSession: write,
        persistSessionData: write,
        async deleteSession(id: string) {
          await redis.del(`kept:${id}`);
        },
      },
      expireAfterSeconds: ttlSeconds,
      cookieOptions: { path: '/', httpOnly: true, sameSite: 'Lax' },
    });
    for (const path of ['/read', '/count', '/login', '/seed']) app.use(path, middleware);
    app.get('/*', (c) => {
      const path = pathOf(c);
      const act = actOf(path);
      if (act === 'anonymous') return c.text('ok');
      const { session } = c.var;
      if (act === 'read') return c.text(session.get('userId') ?? 'nobody');
      if (act === 'count') {
        session.set('views', (session.get('views') ?? 0) + 1);
        return c.text(String(session.get('views')));
      }
      const data = dataAt(path);
      for (const key of Object.keys(data) as (keyof Data)[]) session.set(key, data[key]);
      return c.text('ok');
    });
    return serving(
      (request) => app.fetch(request),
      async () => redis.disconnect(),
    );
  },
};
