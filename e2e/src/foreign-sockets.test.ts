import { type Server as HttpServer, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { type Session, type Sessions, type SessionStore, createSessions, memoryStore } from '@sess/core';
import { session } from '@sess/express';
import express from 'express';
import { Server } from 'socket.io';
import { type Socket, io as connect } from 'socket.io-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** A memory store that can be away, or wait. */
function testStore(): { store: SessionStore; trouble: { isDown: boolean; until?: Promise<void> | undefined } } {
  const inside = memoryStore();
  const trouble: { isDown: boolean; until?: Promise<void> | undefined } = { isDown: false };
  const read: SessionStore['read'] = async (key, by) => {
    await trouble.until;
    if (trouble.isDown) throw new Error('connect ECONNREFUSED');
    return inside.read(key, by);
  };
  return { store: { ...inside, read }, trouble };
}

/** Socket.IO's types do not know what a middleware adds to the request. */
function sessionOf(request: object): Session {
  const found: unknown = Reflect.get(request, 'session');
  if (!isSession(found)) throw new Error('The middleware has given the request no session.');
  return found;
}

function isSession(value: unknown): value is Session {
  return typeof value === 'object' && value !== null && 'reload' in value && 'save' in value;
}

describe.each(['websocket', 'polling'] as const)("Socket.IO's own wiring, by %s", (transport) => {
  let server: HttpServer;
  let io: Server;
  let sessions: Sessions;
  let url: string;
  let uncaught: unknown[];
  const clients: Socket[] = [];
  const { store, trouble } = testStore();
  const note = (error: unknown): void => void uncaught.push(error);

  beforeEach(async () => {
    uncaught = [];
    process.on('uncaughtException', note);
    sessions = createSessions({ store, secret: 'only-for-tests-7f3e9c2a5b8d1046-71c2', logger: false });
    const middleware = session(sessions);
    const app = express();
    app.use(middleware);
    app.get('/login', async (request, response) => {
      await request.session.regenerate({ owner: 'ada' });
      Object.assign(request.session, { user: 'ada', count: 0 });
      response.send('in');
    });
    server = createServer(app);
    io = new Server(server, { transports: [transport] });
    io.engine.use(middleware);
    io.on('connection', (socket) => {
      const ofSocket = sessionOf(socket.request);
      socket.emit('hello', Reflect.get(ofSocket, 'user') ?? 'nobody');
      socket.on('click', (answer: (count: unknown) => void) => {
        ofSocket.reload((error) => {
          if (error !== undefined) return answer(Reflect.get(Object(error), 'code'));
          const count = Number(Reflect.get(ofSocket, 'count') ?? 0) + 1;
          Object.assign(ofSocket, { count });
          ofSocket.save((failed) => answer(failed === undefined ? count : Reflect.get(Object(failed), 'code')));
        });
      });
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    trouble.isDown = false;
    trouble.until = undefined;
    for (const client of clients.splice(0)) client.disconnect();
    await io.close();
    await sessions.close();
    process.off('uncaughtException', note);
    if (uncaught.length > 0) throw new Error('The process would have ended.', { cause: uncaught[0] });
  });

  const login = async (): Promise<string> =>
    (await fetch(`${url}/login`)).headers.getSetCookie()[0]?.split(';')[0] ?? '';

  function open(cookie = ''): { client: Socket; said: Promise<string> } {
    const client = connect(url, { transports: [transport], extraHeaders: { cookie }, reconnection: false });
    clients.push(client);
    const said = new Promise<string>((resolve) => {
      client.once('hello', resolve);
      client.once('connect_error', () => resolve('refused'));
    });
    return { client, said };
  }

  it('knows who is logged in, and stores what a socket changes', async () => {
    const { client, said } = open(await login());
    expect(await said).toBe('ada');
    expect([await client.emitWithAck('click'), await client.emitWithAck('click')]).toEqual([1, 2]);
  });

  it('a stranger is nobody, and gets no session', async () => {
    const { client, said } = open();
    expect(await said).toBe('nobody');
    expect(await client.emitWithAck('click')).toMatch(/^[A-Z_]+$/);
  });

  it('after a logout elsewhere the next reload rejects', async () => {
    const { client, said } = open(await login());
    await said;
    await sessions.revokeAll('ada');
    expect(await client.emitWithAck('click')).toBe('SESSION_GONE');
  });

  it('while the store is down no process ends, and who it is comes back with it', async () => {
    const cookie = await login();
    trouble.isDown = true;
    // By polling the handshake was answered before anybody looked: what is not known then reads as undefined.
    expect(await open(cookie).said).toBe(transport === 'websocket' ? 'refused' : 'nobody');
    expect(await open().said).toBe('nobody');
    trouble.isDown = false;
    expect(await open(cookie).said).toBe('ada');
  });

  it('waits for a store that is slow', async () => {
    const cookie = await login();
    let go = (): void => {};
    trouble.until = new Promise((resolve) => (go = resolve));
    const { said } = open(cookie);
    expect(await open().said).toBe('nobody');
    go();
    expect(await said).toBe('ada');
  });
});
