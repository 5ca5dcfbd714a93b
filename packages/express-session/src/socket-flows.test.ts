import { once } from 'node:events';
import { type Server as HttpServer, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Visitor } from '@sess/adapter-tests';
import express, { type RequestHandler } from 'express';
import { Server } from 'socket.io';
import { type Socket, io as connect } from 'socket.io-client';
import { expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';

import { quiet, set } from '../test/flow.ts';
import { secret } from '../test/kit.ts';
import { type MakeSession, original } from '../test/others.ts';
import type { Session } from './commonjs/session.ts';

interface SocketApp {
  readonly server: HttpServer;
  readonly parse: RequestHandler;
  readonly visitor: Visitor;
}

/** An app whose visitors log in and out by HTTP. */
async function withApp<T>(make: MakeSession, use: (app: SocketApp) => Promise<T>): Promise<T> {
  const app = express();
  const parse = make({ secret, resave: false, saveUninitialized: false });
  app.use(parse);
  app.get('/login', (req, res) => {
    set(req, { user: 'ann', clicks: 0 });
    res.end();
  });
  app.get('/clicks', (req, res) => void res.json(Reflect.get(req.session, 'clicks') ?? null));
  app.get('/logout', (req, res) => void req.session.destroy(() => res.end()));
  const server = createServer(app);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    return await use({ server, parse, visitor: new Visitor(`http://127.0.0.1:${port}`) });
  } finally {
    if (server.listening) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  }
}

/** What a handshake that is refused, or welcomed, says. */
function greeting({ url, cookieHeader }: Visitor): Promise<string> {
  const socket = new WebSocket(url.replace('http', 'ws'), { headers: { cookie: cookieHeader } });
  return new Promise((resolve) => {
    socket.addEventListener('message', ({ data }) => resolve(typeof data === 'string' ? data : ''));
    socket.on('unexpected-response', (_request, { statusCode }) => resolve(String(statusCode)));
  });
}

it('ws: the middleware knows the session of a handshake', async () => {
  const told = (make: MakeSession): Promise<string[]> =>
    withApp(make, async ({ server, parse, visitor }) => {
      const sockets = new WebSocketServer({ noServer: true });
      server.on('upgrade', (request, socket, head) => {
        parse(request as never, {} as never, () => {
          const name = Reflect.get(Object(Reflect.get(request, 'session')), 'user');
          if (name === undefined) return void socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
          sockets.handleUpgrade(request, socket, head, (ws) => ws.send(String(name)));
        });
      });
      const before = await greeting(visitor);
      await visitor.get('/login');
      const after = await greeting(visitor);
      for (const socket of sockets.clients) socket.terminate();
      return [before, after];
    });
  expect(await told(quiet)).toEqual(await told(original));
  expect(await told(quiet)).toEqual(['401', 'ann']);
});

/** As the manual of Socket.IO has it: each event reads the session again, and writes it. */
function listenTo(io: Server): void {
  io.on('connection', (socket) => {
    const request: { session: Session } = socket.request as never;
    socket.emit('hello', Reflect.get(request.session, 'user') ?? 'nobody');
    socket.on('click', (answer: (clicks: unknown) => void) => {
      request.session.reload((error) => {
        if (error) return void socket.disconnect();
        const clicks = Number(Reflect.get(request.session, 'clicks')) + 1;
        Object.assign(request.session, { clicks });
        request.session.save((failure) => answer(failure ?? clicks));
      });
    });
  });
}

it.each(['websocket', 'polling'] as const)('socket.io, by %s: events read and write the session', async (transport) => {
  const told = (make: MakeSession): Promise<unknown[]> =>
    withApp(make, async ({ server, parse, visitor }) => {
      const io = new Server(server, { transports: [transport] });
      io.engine.use(parse);
      listenTo(io);
      const clients: Socket[] = [];
      const join = async (): Promise<{ client: Socket; hello: unknown }> => {
        const extraHeaders = { cookie: visitor.cookieHeader };
        const client = connect(visitor.url, {
          transports: [transport],
          extraHeaders,
          reconnection: false,
          forceNew: true,
        });
        clients.push(client);
        return new Promise((resolve, reject) => {
          client.on('hello', (hello: unknown) => resolve({ client, hello }));
          client.on('connect_error', reject);
        });
      };
      const click = ({ client }: { client: Socket }): Promise<unknown> =>
        new Promise((resolve) => {
          client.on('disconnect', resolve);
          client.emit('click', resolve);
        });
      const stranger = await join();
      await visitor.get('/login');
      const [one, two] = [await join(), await join()];
      const told = [stranger.hello, one.hello, await click(one), await click(two), await click(one)];
      told.push(await visitor.json('/clicks'));
      await visitor.get('/logout');
      told.push(await click(one), await visitor.json('/clicks'));
      for (const client of clients) client.disconnect();
      await io.close();
      return told;
    });
  expect(await told(quiet)).toEqual(await told(original));
  expect(await told(quiet)).toEqual(['nobody', 'ann', 1, 2, 3, 3, 'io server disconnect', null]);
});
