import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type CookieSessions,
  type Session,
  type SessionStore,
  type Sessions,
  cookieSessions,
  createSessions,
  memoryStore,
} from '@sess/core';
import { session as expressSession } from '@sess/express';
import { session as fastifySession } from '@sess/fastify';
import { fsStore } from '@sess/fs';
import { postgresStore } from '@sess/postgres';
import { redisStore } from '@sess/redis';
import express from 'express';
import fastify from 'fastify';
import {
  type Contestant,
  type Place,
  actOf,
  countOne,
  dayMs,
  loggedIn,
  readOne,
  secret,
  seedBytes,
} from '../contestant.ts';
import { type Data, dataOf } from '../data.ts';

declare module '@sess/core' {
  interface SessionData extends Data {}
}

type MakeStore = (place: Place) => (SessionStore & { close?(): Promise<void> }) | CookieSessions;

/** As an app in production makes them. */
export function sessionsOf(store: SessionStore | CookieSessions): Sessions {
  return createSessions({ store, secret, idleTimeoutMs: dayMs, logger: false, env: { NODE_ENV: 'production' } });
}

async function answer(session: Session, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const act = actOf(request.url);
  const fresh = await session.regenerate();
  Object.assign(fresh, act === 'login' ? loggedIn : dataOf(seedBytes(request.url)));
  response.end('ok');
}

function act(exchange: { readonly session: Session }, request: IncomingMessage, response: ServerResponse): void {
  switch (actOf(request.url)) {
    case 'read':
      response.end(readOne(exchange.session));
      break;
    case 'count':
      response.end(countOne(exchange.session));
      break;
    case 'anonymous':
      response.end('ok');
      break;
    default:
      answer(exchange.session, request, response).catch((error: unknown) => response.destroy(toError(error)));
  }
}

/** Plain node:http. */
function onNode(name: string, make: MakeStore): Contestant {
  return {
    name,
    floor: 'bare',
    async start(place) {
      const store = make(place);
      const sessions = sessionsOf(store);
      return {
        listener(request, response) {
          const attached = sessions.attach(request, response);
          if (attached instanceof Promise)
            attached
              .then((exchange) => act(exchange, request, response))
              .catch((error: unknown) => response.destroy(toError(error)));
          else act(attached, request, response);
        },
        async close() {
          await sessions.close();
          if ('close' in store) await store.close?.();
        },
      };
    },
  };
}

/** `session.update()` instead of an assignment: atomic across processes. */
function updating(name: string, make: MakeStore): Contestant {
  return {
    name,
    floor: 'bare',
    async start(place) {
      const store = make(place);
      const sessions = sessionsOf(store);
      async function visit(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const exchange = await sessions.attach(request, response);
        if (actOf(request.url) !== 'count') return act(exchange, request, response);
        response.end(String(await exchange.session.update('views', (views = 0) => views + 1)));
      }
      return {
        listener: (request, response) => void visit(request, response).catch(() => response.destroy()),
        async close() {
          await sessions.close();
          if ('close' in store) await store.close?.();
        },
      };
    },
  };
}

function onExpress(name: string, make: MakeStore): Contestant {
  return {
    name,
    floor: 'bare Express',
    async start(place) {
      const app = express();
      app.use(expressSession(sessionsOf(make(place))));
      // express-session merges its own type into the same property of Express's request.
      app.use((request, response) => act({ session: request.session as object as Session }, request, response));
      return { listener: app };
    },
  };
}

export const sessFastifyRedis: Contestant = {
  name: '@sess/fastify + @sess/redis, on Fastify',
  floor: 'bare Fastify',
  async start({ redisUrl }) {
    const store = redisStore({ url: redisUrl });
    const sessions = sessionsOf(store);
    const app = fastify();
    await app.register(fastifySession, sessions);
    app.all('/*', async (request) => {
      const act = actOf(request.url);
      // @fastify/session merges its own type into the same property of Fastify's request.
      const session = request.session as object as Session;
      if (act === 'read') return readOne(session);
      if (act === 'count') return countOne(session);
      if (act === 'anonymous') return 'ok';
      Object.assign(await session.regenerate(), act === 'login' ? loggedIn : dataOf(seedBytes(request.url)));
      return 'ok';
    });
    await app.ready();
    return {
      listener: (request, response) => app.routing(request, response),
      async close() {
        await app.close();
        await sessions.close();
        await store.close();
      },
    };
  },
};

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

const redis: MakeStore = ({ redisUrl }) => redisStore({ url: redisUrl });
const postgres: MakeStore = ({ postgresUrl }) => postgresStore({ url: postgresUrl });
const files: MakeStore = ({ directory }) => fsStore({ directory });
const durableFiles: MakeStore = ({ directory }) => fsStore({ directory, durability: 'fsync' });

export const sessRedis: Contestant = onNode('@sess/redis', redis);
export const sessRedisUpdate: Contestant = updating('@sess/redis, update()', redis);
export const sessPostgres: Contestant = onNode('@sess/postgres', postgres);
export const sessFiles: Contestant = onNode('@sess/fs', files);
export const sessFilesFsync: Contestant = onNode('@sess/fs, fsync', durableFiles);
export const sessMemory: Contestant = onNode('@sess memory store', () => memoryStore());
export const sessCookie: Contestant = onNode('@sess cookie sessions', () => cookieSessions());
export const sessCookieEncrypted: Contestant = onNode('@sess cookie sessions, encrypted', () =>
  cookieSessions({ encrypt: true }),
);
export const sessExpressRedis: Contestant = onExpress('@sess/express + @sess/redis', redis);
