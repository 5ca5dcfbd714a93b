import { once } from 'node:events';
import { ServerResponse } from 'node:http';
import type { IncomingMessage } from 'node:http';

import { type TestStore, Visitor, serve, stopServers, takeDown } from '@sess/adapter-tests';
import express from 'express';
import express4 from 'express4';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';

import { testSessions, versions } from '../test/kit.ts';
import { session } from './index.ts';

type SocketRequest = IncomingMessage & Pick<Express.Request, 'session' | 'sessionID'>;

const sockets: WebSocket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await stopServers();
});

describe.each(versions(express, express4))('WebSockets beside %s', (_version, express) => {
  let store: TestStore;
  let visitor: Visitor;
  let onMessage: (request: SocketRequest, message: string, answer: (text: string) => void) => void | Promise<void>;

  beforeEach(async () => {
    const test = await testSessions();
    ({ store } = test);
    // As in the example express-session-parse of ws.
    const sessionParser = session(test.sessions);
    const app = express();
    app.use(sessionParser);
    app.get('/login', async (req, res) => {
      await req.session.regenerate({ owner: 'ann' });
      req.session.theme = 'dark';
      res.end();
    });
    app.get('/data', (req, res) => void res.json(req.session));
    app.get('/light', (req, res) => {
      req.session.theme = 'light';
      res.end();
    });
    app.get('/logout', (req, res) => void req.session.destroy(() => res.end()));

    const { url, server } = await serve(app);
    visitor = new Visitor(url);
    const wss = new WebSocketServer({ noServer: true });
    server.on('upgrade', (upgrade, socket, head) => {
      sessionParser(upgrade, {} as ServerResponse, () => {
        const request = upgrade as SocketRequest;
        let isKnown: boolean;
        try {
          isKnown = request.session.theme !== undefined;
        } catch {
          socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n');
          return;
        }
        if (!isKnown) {
          socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
          return;
        }
        wss.handleUpgrade(upgrade, socket, head, (ws) => {
          ws.on('message', (data: Buffer) => void onMessage(request, data.toString(), (text) => ws.send(text)));
        });
      });
    });
  });

  function dial(): WebSocket {
    const socket = new WebSocket(visitor.url.replace('http', 'ws'), { headers: { cookie: visitor.cookieHeader } });
    sockets.push(socket);
    return socket;
  }

  async function ask(socket: WebSocket, text: string): Promise<string> {
    const answer = once(socket, 'message') as Promise<[Buffer]>;
    socket.send(text);
    return (await answer)[0].toString();
  }

  async function refusal(): Promise<string> {
    const [error] = (await once(dial(), 'error')) as [Error];
    return error.message;
  }

  it('know the session of the page', async () => {
    await visitor.get('/login');
    onMessage = (request, message, answer) => answer(`${request.session.theme} ${message}`);
    const socket = dial();
    await once(socket, 'open');
    expect(await ask(socket, 'hello')).toBe('dark hello');
  });

  it('turn away who has none, and say 503 when it cannot be known', async () => {
    expect(await refusal()).toContain('401');
    await visitor.get('/login');
    takeDown(store);
    expect(await refusal()).toContain('503');
  });

  it('see with reload what pages changed, and store with save what pages see', async () => {
    await visitor.get('/login');
    onMessage = (request, message, answer) => {
      request.session.reload((gone) => {
        if (gone !== undefined) return answer('gone');
        const { theme } = request.session;
        request.session.cart = [...(request.session.cart ?? []), message];
        request.session.save((failed) => answer(failed === undefined ? `${theme}` : 'failed'));
      });
    };
    const socket = dial();
    await once(socket, 'open');
    expect(await ask(socket, 'book')).toBe('dark');
    await visitor.get('/light');
    expect(await ask(socket, 'lamp')).toBe('light');
    expect(await visitor.json('/data')).toEqual({ theme: 'light', cart: ['book', 'lamp'] });
    await visitor.get('/logout');
    expect(await ask(socket, 'car')).toBe('gone');
    expect(await store.size()).toBe(0);
  });

  it('count with update beside pages, and log out with destroy', async () => {
    await visitor.get('/login');
    onMessage = async (request, message, answer) => {
      if (message === 'bye') await request.session.destroy();
      else await request.session.update('views', (views = 0) => views + 1);
      answer('done');
    };
    const socket = dial();
    await once(socket, 'open');
    for (let n = 0; n < 3; n++) await ask(socket, 'count');
    expect(await visitor.json('/data')).toEqual({ theme: 'dark', views: 3 });
    await ask(socket, 'bye');
    expect(await visitor.json('/data')).toEqual({});
  });

  it('are told that a new session needs a cookie, which they cannot send', async () => {
    await visitor.get('/login');
    onMessage = (request, _message, answer) => {
      request.session.regenerate().catch((error: unknown) => answer(String(error)));
    };
    const socket = dial();
    await once(socket, 'open');
    expect(await ask(socket, 'rotate')).toContain('needs a cookie');
    expect(await visitor.json('/data')).toEqual({ theme: 'dark' });
  });
});
