import { EventEmitter } from 'node:events';
import { IncomingMessage, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';

import { describe, expect, it } from 'vitest';

import { createSessions } from '../sessions.ts';
import { probeStore } from '../testing/probe-store.ts';
import { anySession, testSecret } from '../testing/test-app.ts';

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
