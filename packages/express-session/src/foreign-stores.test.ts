import { Visitor, serve, stopServers } from '@sess/adapter-tests';
import express, { type Express } from 'express';
import { afterEach, describe, expect, it } from 'vitest';

import { open, secret } from '../test/kit.ts';
import { MemoryStore } from './commonjs/memory-store.ts';
import { session } from './commonjs/middleware.ts';
import type { SessionCallback, SessionData } from './commonjs/session.ts';

afterEach(stopServers);

type Found = (error: unknown, found?: SessionData | null) => void;

/** A store with the habits that stores of others have. */
class OddStore extends MemoryStore {
  /** How long the next `set()` takes, in milliseconds. */
  slowNextMs = 0;
  slowSetsOver = 0;
  /** What the next `set()` fails with. */
  failsNext: Error | undefined;
  touches: string[] = [];
  /** Whether each `get()` says when it was asked. */
  saysWhen = false;
  #gets = 0;

  override get(sid: string, callback: Found): void {
    super.get(sid, (error, found) => {
      if (this.saysWhen && found) Object.assign(found, { lastAccess: (this.#gets += 1) });
      callback(error, found);
    });
  }

  override set(sid: string, data: SessionData, callback: SessionCallback = () => {}): void {
    const error = this.failsNext;
    this.failsNext = undefined;
    if (error !== undefined) return void setImmediate(callback, error);
    const ms = this.slowNextMs;
    this.slowNextMs = 0;
    if (ms === 0) return super.set(sid, data, callback);
    // As it was when it was given.
    const text = JSON.stringify(data);
    setTimeout(() => {
      this.sessions[sid] = text;
      this.slowSetsOver += 1;
      callback();
    }, ms);
  }

  override touch(sid: string, data: SessionData, callback?: SessionCallback): void {
    this.touches.push(sid);
    super.touch(sid, data, callback);
  }
}

function routes(app: Express): void {
  app.get('/set/:key/:value', (req, res) => {
    Object.assign(req.session, { [req.params.key]: req.params.value });
    res.end();
  });
  app.get('/data', (req, res) => {
    const own = ['cookie', 'lastAccess'];
    res.json(Object.fromEntries(Object.entries(req.session).filter(([name]) => !own.includes(name))));
  });
  app.get('/logout', (req, res, next) => {
    req.session.destroy((error) => (error ? next(error) : res.end()));
  });
  app.get('/plain', (_req, res) => void res.send('served'));
}

const hasty = { timeouts: { operationMs: 200 } };

describe('a write that comes after its time', () => {
  async function withLateWrite() {
    const store = new OddStore();
    const { visitor } = await open({ store, endMarkerMs: 300, ...hasty }, routes);
    await visitor.get('/set/user/ann');
    store.slowNextMs = 700;
    expect((await visitor.copy().get('/set/late/1')).status).toBe(503);
    return { store, visitor };
  }

  it('brings no session back after its logout, also when nobody remembers that any more', async () => {
    const { store, visitor } = await withLateWrite();
    const old = visitor.copy();
    expect((await visitor.get('/logout')).status).toBe(200);
    await expect.poll(() => store.slowSetsOver, { timeout: 3_000 }).toBe(1);
    await expect.poll(() => Object.keys(store.sessions)).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 350));
    expect(await old.json('/data')).toEqual({});
  });

  it('does not undo what was stored after it', async () => {
    const { store, visitor } = await withLateWrite();
    expect((await visitor.get('/set/next/2')).status).toBe(200);
    await expect.poll(() => store.slowSetsOver, { timeout: 3_000 }).toBe(1);
    await expect.poll(() => visitor.json('/data')).toEqual({ user: 'ann', next: '2' });
  });
});

it('an ENOENT of a write says that nothing is stored', async () => {
  const store = new OddStore();
  const { visitor } = await open({ store }, routes);
  store.failsNext = Object.assign(new Error('no such directory'), { code: 'ENOENT' });
  const answer = await visitor.get('/set/user/ann');
  expect([answer.status, answer.headers.getSetCookie()]).toEqual([503, []]);
  expect(store.sessions).toEqual({});
});

it('a session in use is touched by each request: what the store ends, and when, is its own affair', async () => {
  const store = new OddStore();
  const { visitor } = await open({ store }, routes);
  expect((await visitor.get('/plain')).headers.get('vary')).toBe(null);
  expect(store.touches).toEqual([]);
  await visitor.get('/set/user/ann');
  const [key] = Object.keys(store.sessions);
  await visitor.get('/data');
  const unseen = await visitor.get('/plain');
  expect(store.touches).toEqual([key, key]);
  expect([unseen.headers.get('vary'), unseen.headers.getSetCookie()]).toEqual([null, []]);
});

it('a session can be changed, also where each get() has another text', async () => {
  const store = new OddStore();
  store.saysWhen = true;
  const { visitor } = await open({ store }, routes);
  for (const [key, status] of [['a', 200] as const, ['b', 200] as const, ['c', 200] as const])
    expect((await visitor.get(`/set/${key}/1`)).status).toBe(status);
  expect(await visitor.json('/data')).toEqual({ a: '1', b: '1', c: '1' });
});

it('two middlewares with one store lose no update', async () => {
  const store = new OddStore();
  const app = express();
  for (const path of ['/one', '/other']) {
    const part = express.Router();
    part.use(session({ secret, store, resave: false, saveUninitialized: false, logger: false }));
    part.get('/:key', (req, res) => {
      Object.assign(req.session, { [req.params.key]: 1 });
      res.json(Object.keys(req.session).length - 1);
    });
    app.use(path, part);
  }
  const visitor = new Visitor((await serve(app)).url);
  await visitor.get('/one/first');
  const pairs = Array.from({ length: 10 }, (_, n) => [`/one/a${n}`, `/other/b${n}`]).flat();
  await Promise.all(pairs.map((path) => visitor.copy().get(path)));
  expect(await visitor.json('/one/last')).toBe(22);
});

it('a fault of the store goes to the error handler: what looks later, where nothing catches, ends no process', async () => {
  const store = new OddStore();
  const { visitor } = await open({ store }, (app) => {
    routes(app);
    app.get('/later', (req, res) => {
      setTimeout(() => res.json(Reflect.get(req.session, 'user') ?? null), 5);
    });
  });
  await visitor.get('/set/user/ann');
  store.get = (_sid: string, callback: Found) => callback(new Error('connect ECONNREFUSED'));
  for (const path of ['/later', '/data', '/plain']) {
    const answer = await visitor.get(path);
    expect([answer.status, answer.headers.get('retry-after'), answer.headers.getSetCookie()]).toEqual([503, '1', []]);
  }
  expect(await new Visitor(visitor.url).text('/plain')).toBe('served');
});
