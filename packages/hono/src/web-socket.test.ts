import { once } from 'node:events';

import { createAdaptorServer, upgradeWebSocket } from '@hono/node-server';
import { type TestStore, makeTestSessions } from '@sess/adapter-tests';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';

import { session } from './index.ts';

describe('upgradeWebSocket()', () => {
  let store: TestStore;
  let server: ReturnType<typeof createAdaptorServer>;
  let url: string;
  const clients: WebSocket[] = [];

  beforeEach(async () => {
    const test = await makeTestSessions('x7Kq-tests-of-the-hono-adapter-only-Zr91Yb', {});
    ({ store } = test);
    const app = new Hono().use(session(test.sessions));
    const events = { onOpen: (_: Event, socket: { send(text: string): void }) => socket.send('welcome') };
    app.get(
      '/stored',
      upgradeWebSocket((c) => {
        c.var.session.theme = 'dark';
        return events;
      }),
    );
    app.get(
      '/clumsy',
      upgradeWebSocket((c) => {
        Object.assign(c.var.session, { day: new Date(0) });
        return events;
      }),
    );
    app.onError((_error, c) => c.text('sorry', 500));
    // Spread, since the types of the two do not agree under exactOptionalPropertyTypes.
    const options: object = { websocket: { server: new WebSocketServer({ noServer: true }) } };
    server = createAdaptorServer({ fetch: app.fetch, ...options });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    url = `ws://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.terminate();
    server.close();
    await once(server, 'close');
  });

  /** What comes of a handshake: the cookies of one that succeeds, the status of one that does not. */
  function connect(path: string): Promise<readonly string[] | number | undefined> {
    const client = new WebSocket(url + path);
    clients.push(client);
    return new Promise((resolve, reject) => {
      client.on('upgrade', ({ headers }) => resolve(headers['set-cookie'] ?? []));
      client.on('unexpected-response', (_request, { statusCode }) => resolve(statusCode));
      client.on('error', reject);
    });
  }

  it('opens a connection whose handshake carries the cookie', async () => {
    expect(await connect('/stored')).toEqual([expect.stringMatching(/^sid=/)]);
    expect(await store.size()).toBe(1);
  });

  it('opens none where the session cannot be stored', async () => {
    store.down.add('create');
    expect(await connect('/stored')).toBe(503);
    expect(await connect('/clumsy')).toBe(500);
  });
});
