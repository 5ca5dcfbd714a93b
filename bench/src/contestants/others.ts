import fastifyCookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { RedisStore } from 'connect-redis';
import cookieSession from 'cookie-session';
import fastify from 'fastify';
import { Redis } from 'ioredis';
import { getIronSession } from 'iron-session';
import Koa from 'koa';
import { createSession } from 'koa-session';
import { createClient } from 'redis';
import { type Contestant, actOf, countOne, dayMs, loggedIn, readOne, secret, seedBytes } from '../contestant.ts';
import { type Data, dataOf } from '../data.ts';

declare module 'fastify' {
  interface Session extends Data {}
}

/** The answer of a session that is an object with data. */
function actOn(session: Data, url: string | undefined): string {
  const act = actOf(url);
  if (act === 'read') return readOne(session);
  if (act === 'count') return countOne(session);
  if (act === 'anonymous') return 'ok';
  Object.assign(session, act === 'login' ? loggedIn : dataOf(seedBytes(url)));
  return 'ok';
}

export const koaSession: Contestant = {
  name: 'koa-session + ioredis, on Koa',
  floor: 'bare Koa',
  async start({ redisUrl }) {
    const redis = new Redis(redisUrl);
    const app = new Koa();
    app.keys = [secret];
    app.use(
      createSession(
        {
          maxAge: dayMs,
          store: {
            async get(key: string) {
              const text = await redis.get(`koa:${key}`);
              return text === null ? undefined : JSON.parse(text);
            },
            async set(key: string, value: unknown, maxAge?: number | 'session') {
              await redis.set(`koa:${key}`, JSON.stringify(value), 'PX', typeof maxAge === 'number' ? maxAge : dayMs);
            },
            async destroy(key: string) {
              await redis.del(`koa:${key}`);
            },
          },
        },
        app,
      ),
    );
    app.use((ctx) => {
      ctx.body = actOf(ctx.url) === 'anonymous' ? 'ok' : actOn(ctx.session as Data, ctx.url);
    });
    const listener = app.callback();
    return {
      listener: (request, response) => void listener(request, response),
      async close() {
        redis.disconnect();
      },
    };
  },
};

export const ironSession: Contestant = {
  name: 'iron-session',
  floor: 'bare',
  async start() {
    const options = { cookieName: 'iron', password: secret, ttl: dayMs / 1000, cookieOptions: { secure: false } };
    async function visit(request: IncomingMessage, response: ServerResponse): Promise<void> {
      const session = await getIronSession<Data>(request, response, options);
      const text = actOn(session, request.url);
      const act = actOf(request.url);
      if (act !== 'read' && act !== 'anonymous') await session.save();
      response.end(text);
    }
    return { listener: (request, response) => void visit(request, response).catch(() => response.destroy()) };
  },
};

export const cookieSessionPeer: Contestant = {
  name: 'cookie-session',
  floor: 'bare',
  async start() {
    const handle = cookieSession({ keys: [secret], maxAge: dayMs, sameSite: 'lax' });
    return {
      listener(request, response) {
        // It asks for what node:http gives it, and is typed for Express.
        const req = request as IncomingMessage & { session: Data };
        Reflect.apply(handle, undefined, [
          request,
          response,
          () => response.end(actOf(request.url) === 'anonymous' ? 'ok' : actOn(req.session, request.url)),
        ]);
      },
    };
  },
};

export const fastifyPeer: Contestant = {
  name: '@fastify/session + connect-redis, on Fastify',
  floor: 'bare Fastify',
  async start({ redisUrl }) {
    const client = await createClient({ url: redisUrl }).connect();
    const app = fastify();
    await app.register(fastifyCookie);
    await app.register(fastifySession, {
      secret,
      saveUninitialized: false,
      cookie: { maxAge: dayMs, secure: false, sameSite: 'lax' },
      store: new RedisStore({ client, prefix: 'fastify:' }),
    });
    app.all('/*', async (request) =>
      actOf(request.url) === 'anonymous' ? 'ok' : actOn(request.session as Data, request.url),
    );
    await app.ready();
    return {
      listener: (request, response) => app.routing(request, response),
      async close() {
        await app.close();
        await client.close();
      },
    };
  },
};
