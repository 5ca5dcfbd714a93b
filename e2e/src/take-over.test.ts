import { once } from 'node:events';
import { type Server, createServer } from 'node:http';

import { createAdaptorServer } from '@hono/node-server';
import { memoryStore } from '@sess/core';
import { type FormerSessions, connectSid } from '@sess/core/formerly';
import { session } from '@sess/express';
import { session as fastifySession } from '@sess/fastify';
import { session as honoSession } from '@sess/hono';
import { RedisStore } from 'connect-redis';
import express from 'express';
import expressSession from 'express-session';
import fastify from 'fastify';
import { Hono } from 'hono';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { Visitor, send } from './http-client.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

const secret = 'of-the-take-over-test-9c1e5f7a30d2846b';
const oldSecret = 'keyboard cat';
const silent = { logger: false } as const;

/** Changes the session of either library. */
function assign(request: { readonly session: object }, data: object): void {
  Object.assign(request.session, data);
}

let redis: RedisServer;
const clients: { destroy(): void }[] = [];
const servers = new Set<Server>();
beforeAll(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  for (const server of servers) {
    servers.delete(server);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
afterAll(async () => {
  for (const client of clients) client.destroy();
  await redis.dispose();
});

async function listen(server: Server): Promise<string> {
  servers.add(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}

/** What express-session keeps its sessions in; for another user of Redis, with that user's rights. */
async function oldStore(url: string = redis.url): Promise<RedisStore> {
  const client = createClient({ url });
  client.on('error', () => {});
  await client.connect();
  clients.push(client);
  return new RedisStore({ client });
}

/** The app before. Its late requests change the session, and answer when they are let go. */
function oldApp(store: RedisStore): { server: Server; isWaiting: Promise<void>; letGo: () => void } {
  const app = express();
  app.use(expressSession({ store, secret: oldSecret, resave: false, saveUninitialized: false }));
  let enter = (): void => {};
  let letGo = (): void => {};
  const isWaiting = new Promise<void>((resolve) => (enter = resolve));
  const released = new Promise<void>((resolve) => (letGo = resolve));
  app.get('/login', (req, res) => {
    assign(req, { user: 'ada' });
    res.send('ada');
  });
  app.get('/late', async (req, res) => {
    assign(req, { late: true });
    enter();
    await released;
    res.send('late');
  });
  return { server: createServer(app), isWaiting, letGo };
}

/** The app after. No end marker of our session hides what its old cookie leads to. */
function newApp(store: RedisStore): Server {
  const app = express();
  const formerly = connectSid({ secret: oldSecret, store });
  app.use(session({ store: memoryStore(), secret, formerly, endMarkerMs: 0, ...silent }));
  app.get('/me', (req, res) => void res.send(String(Reflect.get(req.session, 'user') ?? 'nobody')));
  app.get('/logout', async (req, res) => {
    await req.session.destroy();
    res.send('bye');
  });
  return createServer(app);
}

async function oldCookie(store: RedisStore): Promise<string> {
  const visitor = new Visitor(await listen(oldApp(store).server));
  await visitor.get('/login');
  return visitor.jar.header() ?? '';
}

describe('a session of express-session with connect-redis', () => {
  it('is nobody after a logout, though an old worker has saved its record again meanwhile', async () => {
    const store = await oldStore();
    const cookie = await oldCookie(store);
    const old = oldApp(store);
    const late = send(`${await listen(old.server)}/late`, { cookie });
    await old.isWaiting;
    const url = await listen(newApp(store));
    const first = await send(`${url}/me`, { cookie });
    expect(first.text).toBe('ada');
    const id = /s%3A([\w-]+)\./.exec(cookie)?.[1];
    expect(await redis.admin.exists(`sess:${id}`)).toBe(0);
    old.letGo();
    expect((await late).text).toBe('late');
    expect(await redis.admin.exists(`sess:${id}`)).toBe(1);

    const ours = first.setCookies.find((line) => line.startsWith('sid='))?.split(';')[0];
    expect((await send(`${url}/logout`, { cookie: ours })).text).toBe('bye');
    expect((await send(`${url}/me`, { cookie })).text).toBe('nobody');
    expect((await send(`${url}/me`, { cookie: ours })).text).toBe('nobody');
  });

  it('is a 503 that changes no cookie while Redis refuses to remove its record', async () => {
    await redis.admin.acl('SETUSER', 'old', 'on', '>password', '~*', '&*', '+@all', '-del');
    const cookie = await oldCookie(await oldStore());
    const url = await listen(newApp(await oldStore(redis.url.replace('//', '//old:password@'))));
    for (const path of ['/me', '/logout']) {
      const { status, setCookies, headers } = await send(url + path, { cookie });
      expect([status, setCookies, headers['retry-after']]).toEqual([503, [], '1']);
    }
    await redis.admin.acl('SETUSER', 'old', '+del');
    expect((await send(`${url}/me`, { cookie })).text).toBe('ada');
    expect((await send(`${url}/logout`, { cookie })).text).toBe('bye');
    expect((await send(`${url}/me`, { cookie })).text).toBe('nobody');
  });
});

describe('taken over by', () => {
  const options = (formerly: FormerSessions) => ({ store: memoryStore(), secret, formerly, ...silent });
  const user = (of: object): string => String(Reflect.get(of, 'user') ?? 'nobody');
  const adapters: [string, (formerly: FormerSessions) => Server | Promise<Server>][] = [
    [
      'Fastify',
      async (formerly) => {
        const app = fastify();
        await app.register(fastifySession, options(formerly));
        app.get('/me', async (request) => user(request.session));
        await app.ready();
        return app.server;
      },
    ],
    [
      'Hono',
      (formerly) => {
        const app = new Hono();
        app.use(honoSession(options(formerly)));
        app.get('/me', (c) => c.text(user(c.var.session)));
        const server = createAdaptorServer(app);
        if (!('closeAllConnections' in server)) throw new Error('not node:http');
        return server;
      },
    ],
  ];

  it.each(adapters)('%s it goes on under our cookie, and the old one is cleared', async (_, make) => {
    const store = await oldStore();
    const visitor = new Visitor(await listen(await make(connectSid({ secret: oldSecret, store }))));
    visitor.jar.apply([await oldCookie(store)]);
    expect((await visitor.get('/me')).text).toBe('ada');
    expect(visitor.jar.header()).toMatch(/^sid=[^;]+$/);
    expect((await visitor.get('/me')).text).toBe('ada');
  });
});
