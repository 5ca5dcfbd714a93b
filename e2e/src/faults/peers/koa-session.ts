// The routes of the demos on koa-session with a store on Redis, as its manual describes one.
import type { RequestListener } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import Koa, { type Context } from 'koa';
import session from 'koa-session';
import { runPeer } from './cluster.ts';

async function createApp(): Promise<RequestListener> {
  const redis = new Redis(process.env['SESSION_REDIS_URL'] ?? '');
  redis.on('error', () => {});
  const app = new Koa();
  app.keys = ['a secret of the fault table with more than 32 bytes'];
  app.silent = true;
  const store = {
    get: async (key: string): Promise<unknown> => JSON.parse((await redis.get(key)) ?? 'null') ?? undefined,
    set: async (key: string, value: unknown): Promise<void> => {
      await redis.set(key, JSON.stringify(value), 'EX', 86_400);
    },
    destroy: async (key: string): Promise<void> => void (await redis.del(key)),
  };
  app.use(session({ store, maxAge: 86_400_000, sameSite: 'lax' }, app));
  app.use(async (context) => {
    const given = context.get('Content-Type') === 'application/json' ? await bodyOf(context.req) : undefined;
    context.body = await answer(context, (name) => Reflect.get(Object(given), name));
  });
  const handle = app.callback();
  return (request, response) => void handle(request, response);
}

// `context.session` has no type, and the routes choose its keys.
const sessionOf = (context: Context): object => Object(Reflect.get(context, 'session'));
const read = (context: Context, key: string): unknown => Reflect.get(sessionOf(context), key);
const write = (context: Context, key: string, value: unknown): unknown => Reflect.set(sessionOf(context), key, value);

async function answer(context: Context, given: (name: string) => unknown): Promise<object> {
  const [, , act = '', key = ''] = context.path.split('/');
  if (act === 'login') {
    Reflect.set(context, 'session', { user: given('user') });
    return { user: given('user') };
  }
  if (act === 'logout') {
    Reflect.set(context, 'session', null);
    return { user: null };
  }
  if (act === 'count') {
    const views = Number(read(context, 'views') ?? 0) + 1;
    write(context, 'views', views);
    return { views };
  }
  if (act === 'set') {
    await pause(Number(context.query['delay'] ?? 0));
    write(context, `data:${key}`, given('value'));
    return { value: given('value') };
  }
  if (act === 'get') return { value: read(context, `data:${key}`) ?? null };
  return { user: read(context, 'user') ?? null, views: read(context, 'views') ?? 0, pid: process.pid };
}

async function bodyOf(request: NodeJS.ReadableStream): Promise<unknown> {
  let text = '';
  for await (const piece of request) text += String(piece);
  return JSON.parse(text);
}

runPeer('koa-session', createApp);
