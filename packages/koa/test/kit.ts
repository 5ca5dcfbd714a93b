import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import {
  type MemoryStore,
  type SessionStore,
  type Sessions,
  type SessionsOptions,
  createSessions,
  memoryStore,
} from '@sess/core';
import type Koa from 'koa';

export const secret = 'x7Kq-tests-of-the-koa-adapter-only-Zr91Yb';

/** Both majors under the types of the newer one. What the tests use of them is the same. */
export function versions(three: typeof Koa, two: unknown): [string, typeof Koa][] {
  return [
    ['Koa 3', three],
    ['Koa 2', two as typeof Koa],
  ];
}

const servers: Server[] = [];

/** For `afterEach`. */
export async function stopServers(): Promise<void> {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
}

/** Serves the app on a free port of this machine until the test ends. */
export async function serve(app: Koa): Promise<{ url: string; server: Server }> {
  const answer = app.callback();
  const server = createServer((request, response) => void answer(request, response));
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, server };
}

/** A visitor who keeps cookies as a browser does, and follows no redirect unasked. */
export class Visitor {
  readonly url: string;
  readonly cookies: Map<string, string> = new Map();

  constructor(url: string) {
    this.url = url;
  }

  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.cookies.size > 0) headers.set('cookie', this.cookieHeader);
    const response = await fetch(new URL(path, this.url), { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/max-age=0/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return response;
  }

  get(path: string): Promise<Response> {
    return this.request(path);
  }

  async text(path: string): Promise<string> {
    return (await this.get(path)).text();
  }

  async json(path: string): Promise<unknown> {
    return (await this.get(path)).json();
  }

  post(path: string, form: Record<string, string> = {}): Promise<Response> {
    return this.request(path, { method: 'POST', body: new URLSearchParams(form) });
  }

  /** Another visitor with the same cookies: a thief, or a second tab. */
  copy(): Visitor {
    const other = new Visitor(this.url);
    for (const [name, value] of this.cookies) other.cookies.set(name, value);
    return other;
  }
}

/** A memory store that can be taken down or be made slow, and that counts what it is asked. */
export interface TestStore extends MemoryStore {
  readonly calls: string[];
  readonly size: () => Promise<number>;
  /** Verbs that fail from now on. */
  readonly down: Set<keyof SessionStore>;
  /** Every verb waits for this. */
  gate: Promise<void> | undefined;
}

export function testStore(): TestStore {
  const inside = memoryStore();
  const verb =
    <Name extends keyof SessionStore>(name: Name) =>
    async (...args: Parameters<SessionStore[Name]>): Promise<Awaited<ReturnType<SessionStore[Name]>>> => {
      store.calls.push(name);
      await store.gate;
      if (store.down.has(name)) throw new Error('connect ECONNREFUSED');
      return Reflect.apply(inside[name], inside, args);
    };
  const store: TestStore = {
    ...inside,
    calls: [],
    down: new Set(),
    gate: undefined,
    async size() {
      let count = 0;
      for await (const _ of inside.walk()) count += 1;
      return count;
    },
    create: verb('create'),
    read: verb('read'),
    update: verb('update'),
    destroy: verb('destroy'),
  };
  return store;
}

export function takeDown(store: TestStore): void {
  for (const name of ['create', 'read', 'update', 'destroy'] as const) store.down.add(name);
}

/** Sessions whose start has been seen to, so that no probe mingles with the calls that a test counts. */
export async function testSessions(options: SessionsOptions = {}): Promise<{ sessions: Sessions; store: TestStore }> {
  const store = testStore();
  const sessions = createSessions({ store, secret, logger: false, ...options });
  await sessions.ready();
  store.calls.length = 0;
  return { sessions, store };
}
