import { EventEmitter } from 'node:events';
import { IncomingMessage, ServerResponse, createServer } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';

import { describe, expect, it } from 'vitest';

import { SessError } from '../errors.ts';
import { createSessions } from '../sessions.ts';
import { probeStore } from '../testing/probe-store.ts';
import { type AnySession, anySession, testSecret } from '../testing/test-app.ts';

/** What engine.io hands to middleware for a WebSocket: its head is never asked for, and says no status. */
class HandshakeResponse extends EventEmitter {
  setHeader(): void {}
  getHeader(): void {}
  removeHeader(): void {}
  write(): void {}
  writeHead(): void {}
  end(): void {
    this.emit('finish');
  }
}

const foreign: [string, unknown][] = [
  ['{}', {}],
  ['undefined', undefined],
  ['null', null],
  ["engine.io's for a WebSocket", new HandshakeResponse()],
];

function requestWith(cookie?: string): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  if (cookie !== undefined) request.headers.cookie = cookie;
  return request;
}

describe.each(foreign)('a response that is not one of node: %s', (_name, response) => {
  const store = probeStore();
  const sessions = createSessions({ store, secret: testSecret, logger: false, env: {} });
  const attach = async (cookie?: string) => {
    const { session } = await sessions.attach(requestWith(cookie), response as ServerResponse);
    // As engine.io does, so that middleware can add its headers.
    if (response instanceof HandshakeResponse) {
      response.writeHead();
      response.end();
    }
    return anySession(session);
  };

  it('leaves its caller alive, and refuses what needs a cookie', async () => {
    const session = await attach();
    expect(() => (session['n'] = 1)).toThrow('needs a cookie');
    await expect(session.regenerate()).rejects.toMatchObject({ code: 'HEADERS_SENT' });
  });

  it('reads and saves a session that is stored', async () => {
    const opened = await sessions.open(undefined);
    anySession(opened)['n'] = 1;
    const { setCookie = '' } = await sessions.commit(opened);
    const [cookie] = setCookie.split(';');
    const session = await attach(cookie);
    expect(session['n']).toBe(1);
    session['n'] = 2;
    await session.save();
    const again = await attach(cookie);
    expect(again['n']).toBe(2);
  });
});

/** It can answer, and has neither `hasHeader()` nor `once()`. */
class OtherResponse {
  statusCode = 200;
  setHeader(): void {}
  getHeader(): void {}
  write(): void {}
  writeHead(): void {}
  end(): void {}
}

describe('a response that can send an answer, and can not be held back', () => {
  const opened = async (...responses: [IncomingMessage, unknown][]): Promise<string[]> => {
    Reflect.deleteProperty(globalThis, Symbol.for('@sess/core an unknown response was warned of'));
    const warnings: string[] = [];
    const logger = { info() {}, error() {}, warn: (line: string) => void warnings.push(line) };
    const sessions = createSessions({ store: probeStore(), secret: testSecret, logger, env: {} });
    await sessions.ready();
    warnings.length = 0;
    for (const [request, response] of responses) await sessions.attach(request, response as ServerResponse);
    return warnings;
  };

  it('is warned of once a process, with the name of its class', async () => {
    const bare = Object.assign(Object.create(null), { end() {} });
    expect(await opened([requestWith(), new OtherResponse()], [requestWith(), bare])).toEqual([
      expect.stringContaining('a response of the class OtherResponse is not held back'),
    ]);
    expect(await opened([requestWith(), bare])).toHaveLength(1);
  });

  it('is no news at a handshake, where nothing could be sent, nor is what stands in for none', async () => {
    const handshake = Object.assign(requestWith(), { upgrade: true });
    const response = new ServerResponse(requestWith());
    expect(
      await opened(
        [handshake, new HandshakeResponse()],
        [requestWith(), {}],
        [requestWith(), undefined],
        [requestWith(), response],
      ),
    ).toEqual([]);
  });
});

describe('two kinds of sessions around one response', () => {
  it.each([
    ['the one attached first', ['user', 'admin']],
    ['the one attached last', ['admin', 'user']],
  ])('the cookie of a stored login leaves where %s can not be stored', async (_, order) => {
    const store = probeStore();
    const options = { secret: testSecret, logger: false, env: {} } as const;
    const kinds = {
      user: createSessions({ ...options, store, cookie: { name: 'user' } }),
      admin: createSessions({ ...options, store: probeStore(), cookie: { name: 'admin' } }),
    };
    const server = createServer((request, response) => {
      void (async () => {
        const own: Record<string, AnySession> = {};
        for (const name of order)
          own[name] = anySession((await kinds[name as keyof typeof kinds].attach(request, response)).session);
        if (request.url === '/login') {
          await own['admin']?.regenerate({ owner: 'root' });
          Object.assign(own['user'] ?? {}, { cart: 1 });
        }
        response.end(own['admin']?.owner ?? 'nobody');
      })();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    store.before = () => {
      throw new SessError('STORE_UNAVAILABLE', 'The store is away.');
    };
    const answer = await fetch(`${url}/login`);
    const [cookie = ''] = answer.headers.getSetCookie()[0]?.split(';') ?? [];
    expect([answer.status, cookie.split('=')[0]]).toEqual([503, 'admin']);
    expect(await (await fetch(url, { headers: { cookie } })).text()).toBe('root');
    server.close();
  });
});
