import { EventEmitter } from 'node:events';
import { IncomingMessage, type Server, ServerResponse, createServer } from 'node:http';
import { type AddressInfo, Socket, connect } from 'node:net';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { SessError } from '../errors.ts';
import { createSessions } from '../sessions.ts';
import { Gate, probeStore } from '../testing/probe-store.ts';
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

describe('a response that can send an answer, and cannot be held back', () => {
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
  ])('the cookie of a stored login leaves where %s cannot be stored', async (_, order) => {
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

/** An app on node:http, and what is left of it to end. */
async function listen(
  listener: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<[port: number, server: Server]> {
  const server = createServer((request, response) => void listener(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return [(server.address() as AddressInfo).port, server];
}

describe('an answer on node:http', () => {
  const store = probeStore();
  const sessions = createSessions({ store, secret: testSecret, logger: false, env: {} });

  async function cookieOf(): Promise<string> {
    const opened = await sessions.open(undefined);
    anySession(opened)['user'] = 'ada';
    return (await sessions.commit(opened)).setCookie?.split(';')[0] ?? '';
  }

  it('whose client left while the session was read: a log may look at the session that could not be read', async () => {
    const cookie = await cookieOf();
    const gate = new Gate();
    let seen: unknown;
    const [port, server] = await listen(async (request, response) => {
      const { session } = await sessions.attach(request, response);
      await turn();
      try {
        seen = [anySession(session)['user'], session.handle.length];
      } catch (error) {
        seen = error;
      }
    });
    store.before = async () => {
      await gate.pass();
      throw new SessError('STORE_UNAVAILABLE', 'The store is away.');
    };
    const client = connect(port, '127.0.0.1');
    client.write(`GET / HTTP/1.1\r\nHost: localhost\r\nCookie: ${cookie}\r\n\r\n`);
    await gate.reached;
    client.destroy();
    await wait(50);
    gate.open();
    await expect.poll(() => seen).toEqual([undefined, 64]);
    store.before = undefined;
    server.close();
  });

  it('whose session cannot be stored keeps the headers of CORS, and no others', async () => {
    const cookie = await cookieOf();
    const [port, server] = await listen(async (request, response) => {
      const { session } = await sessions.attach(request, response);
      anySession(session)['n'] = 1;
      response.setHeader('Access-Control-Allow-Origin', 'https://app.example').setHeader('ETag', '"1"');
      response.end('stored');
    });
    store.before = ({ verb }) => {
      if (verb === 'replace') throw new SessError('STORE_UNAVAILABLE', 'The store is away.');
    };
    const { status, headers } = await fetch(`http://127.0.0.1:${port}`, { headers: { cookie } });
    store.before = undefined;
    expect([status, headers.get('access-control-allow-origin'), headers.get('etag')]).toEqual([
      503,
      'https://app.example',
      null,
    ]);
    server.close();
  });

  it.each<[string, (response: ServerResponse) => void, string]>([
    ['whose head is given with null', (response) => response.writeHead(200, null as never).end('hello'), 'hello'],
    ['and with a message and null', (response) => response.writeHead(200, 'OK', null as never).end('hello'), 'hello'],
    [
      'that writes more than it has announced has the bytes that it announced first',
      (response) => {
        response.setHeader('Content-Length', '5');
        response.write('hello');
        response.write('xy');
        response.end();
      },
      'hello',
    ],
  ])('%s', async (_, answer, text) => {
    const cookie = await cookieOf();
    const [port, server] = await listen(async (request, response) => {
      const { session } = await sessions.attach(request, response);
      anySession(session)['n'] = Math.random();
      answer(response);
    });
    const response = await fetch(`http://127.0.0.1:${port}`, { headers: { cookie } });
    const first = await response.body?.getReader().read();
    expect(new TextDecoder().decode(first?.value)).toBe(text);
    server.closeAllConnections();
    server.close();
  });
});
