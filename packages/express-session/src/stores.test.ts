import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inherits } from 'node:util';

import { Visitor, serve, stopServers } from '@sess/adapter-tests';
import express, { type Express } from 'express';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { open, secret } from '../test/kit.ts';
import { original } from '../test/others.ts';
import { MemoryStore } from './commonjs/memory-store.ts';
import { session } from './commonjs/middleware.ts';
import type { SessionCallback, SessionData } from './commonjs/session.ts';
import { Store } from './commonjs/store.ts';

const require = createRequire(import.meta.url);
const folders: string[] = [];

afterEach(async () => {
  await stopServers();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

/** A store as it was written before there were classes. */
function OldStore(this: { sessions: Map<string, string> } & Store): void {
  Reflect.apply(Store, this, []);
  this.sessions = new Map();
}
inherits(OldStore, Store);
Object.assign(OldStore.prototype, {
  get(this: { sessions: Map<string, string> }, sid: string, callback: (error: unknown, found?: unknown) => void) {
    const text = this.sessions.get(sid);
    // As stores of files say it.
    if (text === undefined) callback(Object.assign(new Error('no such file'), { code: 'ENOENT' }));
    else callback(null, JSON.parse(text));
  },
  set(this: { sessions: Map<string, string> }, sid: string, data: SessionData, callback: SessionCallback) {
    this.sessions.set(sid, JSON.stringify(data));
    callback();
  },
  destroy(this: { sessions: Map<string, string> }, sid: string, callback: SessionCallback) {
    this.sessions.delete(sid);
    callback();
  },
});

class CountingStore extends MemoryStore {
  sets = 0;
  fails: Error | undefined;

  override get(sid: string, callback: (error: unknown, found?: SessionData | null) => void): void {
    if (this.fails === undefined) super.get(sid, callback);
    else callback(this.fails);
  }

  override set(sid: string, data: SessionData, callback?: SessionCallback): void {
    this.sets += 1;
    super.set(sid, data, callback);
  }
}

async function fileStore(): Promise<{ store: Store; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'sess-file-store-'));
  folders.push(folder);
  const factory: (
    of: typeof session & { Store: typeof Store },
  ) => new (options: object) => Store = require('session-file-store');
  const FileStore = factory(Object.assign(session, { Store }));
  return { store: new FileStore({ path: folder, reapInterval: -1, logFn: () => {} }), folder };
}

function routes(app: Express): void {
  app.get('/count', (req, res) => {
    const count = Number(Reflect.get(req.session, 'count') ?? 0) + 1;
    Object.assign(req.session, { count, [`key${count}`]: new Date(0) });
    res.json(count);
  });
  app.get('/set/:key', (req, res) => {
    Object.assign(req.session, { [req.params.key]: true });
    setTimeout(() => res.end(), 20);
  });
  app.get('/data', (req, res) => {
    // session-file-store puts a moment of its own into the data.
    const own = ['cookie', '__lastAccess'];
    res.json(Object.fromEntries(Object.entries(req.session).filter(([name]) => !own.includes(name))));
  });
  app.get('/logout', (req, res, next) => {
    req.session.destroy((error) => (error ? next(error) : res.end()));
  });
  app.get('/static', (_req, res) => void res.send('served'));
}

const stores: [string, () => Promise<Store>][] = [
  ['a class that extends MemoryStore', async () => new CountingStore()],
  ['util.inherits(OldStore, Store)', async () => Reflect.construct(OldStore, [])],
  ['session-file-store', async () => (await fileStore()).store],
];

describe.each(stores)('%s', (_name, make) => {
  it('keeps sessions: counts, parallel changes of different keys, logout', async () => {
    const { visitor } = await open({ store: await make(), cookie: { maxAge: 60_000 } }, routes);
    for (const count of [1, 2, 3]) expect(await visitor.json('/count')).toBe(count);
    await Promise.all(['a', 'b', 'c', 'd'].map((key) => visitor.copy().get(`/set/${key}`)));
    const when = new Date(0).toISOString();
    expect(await visitor.json('/data')).toEqual({
      ...{ count: 3, key1: when, key2: when, key3: when },
      ...{ a: true, b: true, c: true, d: true },
    });
    const tab = visitor.copy();
    const late = tab.get('/set/late');
    await visitor.get('/logout');
    await late;
    expect(await tab.json('/data')).toEqual({});
    // The answer that clears the cookie may still be on its way: no other cookie must come in its place.
    expect((await tab.get('/set/after')).headers.getSetCookie()).toEqual([]);
  });

  it('warns once, at the start, of what such a store cannot keep, and how to go on', async () => {
    const warn = vi.fn<(line: string) => void>();
    const logger = { info: () => {}, warn, error: () => {} };
    const { visitor, middleware } = await open(
      { store: await make(), logger, env: { NODE_APP_INSTANCE: '0', instances: '2' } },
      routes,
    );
    await middleware.sessions.ready();
    for (const path of ['/count', '/count', '/data']) await visitor.get(path);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toMatch(/(MEMORY_PER_PROCESS|STORE_COMPARES_IN_PROCESS).*@sess\/redis/);
  });
});

describe('a store of callbacks', () => {
  it('keeps the users of express-session logged in, under the same name of the cookie', async () => {
    const store = new MemoryStore();
    const app = express();
    app.use(original({ secret, store, resave: false, saveUninitialized: false }));
    routes(app);
    const before = new Visitor((await serve(app)).url);
    for (const count of [1, 2]) expect(await before.json('/count')).toBe(count);
    const { visitor } = await open({ store }, routes);
    const old = before.cookies.get('connect.sid') ?? '';
    visitor.cookies.set('connect.sid', old);
    const tabs = Array.from({ length: 6 }, () => visitor.copy());
    const answers = await Promise.all(tabs.map((tab, index) => tab.get(`/set/tab${index}`)));
    expect(answers.map(({ status }) => status)).toEqual(tabs.map(() => 200));
    expect(await visitor.json('/count')).toBe(3);
    expect(visitor.cookies.get('connect.sid')).not.toBe(old);
    expect(await visitor.json('/data')).toMatchObject({ count: 3, tab0: true, tab5: true });
    await visitor.get('/logout');
    visitor.cookies.set('connect.sid', old);
    expect(await visitor.json('/data')).toEqual({});
    // What stays says that the old cookie has nothing to give any more.
    expect(Object.values(store.sessions)).toEqual([expect.stringContaining('"marker":{"ended":true}')]);
  });

  it('is told that an old cookie is used up, so that no other process revives its session', async () => {
    const store = new MemoryStore();
    const app = express();
    app.use(original({ secret, store, resave: false, saveUninitialized: false }));
    routes(app);
    const before = new Visitor((await serve(app)).url);
    await before.json('/count');
    const [id = ''] = Object.keys(store.sessions);
    const record = store.sessions[id] ?? '';
    const old = before.cookies.get('connect.sid') ?? '';
    const [one, other] = [(await open({ store }, routes)).visitor, (await open({ store }, routes)).visitor];
    one.cookies.set('connect.sid', old);
    expect(await one.json('/data')).toMatchObject({ count: 1 });
    // An old worker that was still answering saves its session again.
    store.sessions[id] = record;
    await one.get('/logout');
    for (const visitor of [one, other]) {
      visitor.cookies.set('connect.sid', old);
      expect(await visitor.json('/data')).toEqual({});
    }
  });

  it('knows the session by its id, and has nothing of the cookie', async () => {
    const { store, folder } = await fileStore();
    const { visitor } = await open({ store }, (app) => {
      routes(app);
      app.get('/id', (req, res) => void res.json(req.sessionID));
    });
    await visitor.get('/count');
    const id = await visitor.json('/id');
    expect(await readdir(folder)).toEqual([`${String(id)}.json`]);
    expect(visitor.cookieHeader).not.toContain(id);
  });

  it('is asked to store only what has changed, and an explicit save() of anything', async () => {
    const store = new CountingStore();
    const { visitor } = await open({ store }, (app) => {
      routes(app);
      app.get('/save', (req, res) => void req.session.save(() => res.end()));
    });
    await visitor.get('/count');
    await visitor.get('/data');
    expect(store.sets).toBe(1);
    await visitor.get('/save');
    expect(store.sets).toBe(2);
  });

  it('is asked at the start whether it answers, and nothing is written to try it', async () => {
    const store = new CountingStore();
    const { middleware } = await open({ store }, routes);
    store.fails = new Error('connect ECONNREFUSED');
    await expect(middleware.sessions.ready()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    store.fails = undefined;
    await middleware.sessions.ready();
    expect([store.sets, store.sessions]).toEqual([0, {}]);
  });

  it('that fails is a 503 for whoever brings a cookie, and never an empty session', async () => {
    const store = new CountingStore();
    const { visitor } = await open({ store }, routes);
    await visitor.get('/count');
    store.fails = new Error('connect ECONNREFUSED');
    const answer = await visitor.get('/data');
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([503, []]);
    expect((await visitor.get('/static')).status).toBe(503);
    expect(await new Visitor(visitor.url).text('/static')).toBe('served');
    store.fails = undefined;
    expect(await visitor.json('/count')).toBe(2);
  });

  it('that holds what is not a session is a 503, and leaves it there', async () => {
    const store = new CountingStore();
    const { visitor } = await open({ store }, (app) => {
      routes(app);
      app.get('/break', (req, res) => {
        const { sessionID } = req;
        res.on('finish', () => (store.sessions[sessionID] = '{"foo":"bar"}'));
        res.end();
      });
    });
    await visitor.get('/count');
    await visitor.get('/break');
    await expect.poll(() => Object.values(store.sessions)).toEqual(['{"foo":"bar"}']);
    expect((await visitor.get('/data')).status).toBe(503);
    expect(Object.values(store.sessions)).toEqual(['{"foo":"bar"}']);
  });

  it('is what a session is read from by hand: load, createSession, save, reload, destroy', async () => {
    const store = new MemoryStore();
    const request = { sessionID: 'a', sessionStore: store };
    const made = store.createSession(request, { cookie: { originalMaxAge: null, expires: null } } as never);
    Object.assign(made, { user: 'ann' });
    await new Promise<void>((resolve) => made.save(() => resolve()));
    const loaded = await new Promise<unknown>((resolve) => store.load('a', (_error, found) => resolve(found)));
    expect(loaded).toMatchObject({ user: 'ann', id: 'a' });
    await new Promise<void>((resolve) => made.destroy(() => resolve()));
    expect(await new Promise((resolve) => made.reload(resolve))).toEqual(new Error('failed to load session'));
    expect(await new Promise((resolve) => store.length((_error, count) => resolve(count)))).toBe(0);
  });
});
