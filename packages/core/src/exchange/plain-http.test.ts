import { type RequestListener, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { createSessions } from '../sessions.ts';
import { plainHttpWarning } from './plain-http.ts';
import type { SessionsOptions } from '../sessions-options.ts';
import { memoryStore } from '../storage/memory-store.ts';
import { anySession } from '../testing/test-app.ts';

const closing: (() => void)[] = [];
let warnings: string[];

beforeEach(() => {
  warnings = [];
  Reflect.deleteProperty(globalThis, Symbol.for('@sess/core plain http was warned of'));
});

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** An app that begins a session at each request, or looks at none. */
async function serve(options: SessionsOptions = {}): Promise<(headers?: Record<string, string>) => Promise<Response>> {
  const logger = { info() {}, error() {}, warn: (line: string) => void warnings.push(line) };
  const sessions = createSessions({
    store: memoryStore(),
    secret: 'PV3x8kN0qzq0m1Tt9yJ2bq7rGdLwXoEhYcUaSfIi4Zk',
    env: { NODE_ENV: 'production' },
    logger,
    ...options,
  });
  await sessions.ready();
  warnings = [];
  const listener: RequestListener = (request, response) => {
    void (async () => {
      const { session } = await sessions.attach(request, response);
      if (request.headers['x-idle'] === undefined) anySession(session)['n'] = 1;
      response.end('ok');
    })();
  };
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return (headers = {}) => fetch(`http://127.0.0.1:${port}`, { headers });
}

it('a Secure cookie over plain http is warned of once a process, and is sent all the same', async () => {
  const get = await serve();
  const other = await serve({ cookie: { name: 'other' } });
  await get({ 'x-idle': '1' });
  expect(warnings).toEqual([]);
  for (const visit of [get, get, other]) expect((await visit()).headers.getSetCookie()).toHaveLength(1);
  expect(warnings).toEqual([expect.stringContaining('__Host-sid is Secure, and it is sent over plain http')]);
});

it.each([
  ['x-forwarded-proto', 'https'],
  ['forwarded', 'proto=https'],
  ['cf-visitor', '{"scheme":"https"}'],
  ['via', '1.1 proxy'],
])('a proxy that shows itself by %s is not warned of', async (name, value) => {
  const get = await serve();
  expect((await get({ [name]: value })).headers.getSetCookie()).toHaveLength(1);
  expect(warnings).toEqual([]);
});

it.each<SessionsOptions>([{ env: { NODE_ENV: 'development' } }, { cookie: { secure: false } }])(
  'where the cookie is not Secure there is nothing to say (%j)',
  async (options) => {
    const get = await serve(options);
    await get();
    expect(warnings).toEqual([]);
  },
);

it.each([undefined, null, {}])(
  'a request that came over no connection (its socket: %s) is no reason to warn',
  async (socket) => {
    const lines: string[] = [];
    const logger = { info() {}, error() {}, warn: (line: string) => void lines.push(line) };
    const note = plainHttpWarning('__Host-sid', logger);
    Reflect.apply(note, undefined, [{ headers: {}, socket }]);
    expect(lines).toEqual([]);
  },
);
