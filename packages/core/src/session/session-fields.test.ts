import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import {
  type SessionExchange,
  type Sessions,
  SessError,
  createSessions,
  fieldsOf,
  memoryStore,
  resendCookie,
} from '../index.ts';
import { testSecret } from '../testing/test-app.ts';

const servers: { close(): void; closeAllConnections(): void }[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const sessionsOf = (): Sessions =>
  createSessions({ store: memoryStore(), secret: testSecret, logger: false, env: {}, idleTimeoutMs: 60_000 });

describe('fieldsOf', () => {
  it('keeps data under any name, beside the controls', async () => {
    const sessions = sessionsOf();
    const session = await sessions.open(undefined);
    const fields = fieldsOf(session);
    for (const key of ['owner', 'save', 'then', 'plain']) fields.set(key, key);
    const { setCookie = '' } = await sessions.commit(session);
    const again = await sessions.open(setCookie.split(';')[0]);
    const read = fieldsOf(again);
    expect(read.keys().toSorted()).toEqual(['owner', 'plain', 'save', 'then']);
    expect([read.text('owner'), read.value('save'), again.owner]).toEqual(['"owner"', 'save', undefined]);
    const found = (await sessions.read(again.handle)) ?? {};
    expect(new Map(Object.entries(found))).toEqual(new Map(read.keys().map((key) => [key, key])));
    expect(await sessions.read('0'.repeat(64))).toBeUndefined();
  });

  it('a revised object does not bring back a key that another request has deleted; an assigned one is there', async () => {
    const sessions = sessionsOf();
    const first = await sessions.open(undefined);
    for (const key of ['revised', 'assigned']) fieldsOf(first).set(key, { n: 0 });
    const cookie = (await sessions.commit(first)).setCookie?.split(';')[0];
    const [slow, quick] = [await sessions.open(cookie), await sessions.open(cookie)];
    for (const key of ['revised', 'assigned']) fieldsOf(quick).delete(key);
    await sessions.commit(quick);
    fieldsOf(slow).revise('revised', { n: 1 });
    fieldsOf(slow).set('assigned', { n: 1 });
    fieldsOf(slow).revise('assigned', { n: 2 });
    await sessions.commit(slow);
    expect(await sessions.read(slow.handle)).toEqual({ assigned: { n: 2 } });
  });
});

describe('attach() for an adapter with a session object of its own', () => {
  async function visit(
    sessions: Sessions,
    cookie: string | undefined,
    route: (exchange: SessionExchange, response: ServerResponse) => void,
    hooks: Parameters<Sessions['attach']>[2] = {},
  ): Promise<Response> {
    const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> =>
      route(await sessions.attach(request, response, { ...hooks, cookieHeader: cookie }), response);
    const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }

  const cookieOf = (answer: Response): string => answer.headers.getSetCookie()[0] ?? '';

  it('stores what beforeCommit writes, under the cookie that it describes', async () => {
    const sessions = sessionsOf();
    let current: SessionExchange | undefined;
    const answer = await visit(
      sessions,
      undefined,
      (exchange, response) => {
        current = exchange;
        response.end('done');
      },
      {
        beforeCommit: () => current && fieldsOf(current.session).set('n', 1),
        cookieAttributes: () => ({ path: '/shop', expires: new Date(0), sameSite: 'strict' }),
      },
    );
    expect(await answer.text()).toBe('done');
    expect(cookieOf(answer)).toMatch(
      /^sid=[^;]+; Path=\/shop; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Strict$/,
    );
    expect(await sessions.read(current?.session.handle ?? '')).toEqual({ n: 1 });
  });

  it('sends no cookie where cookieAttributes says so, and answers an error of beforeCommit with a 500', async () => {
    const sessions = sessionsOf();
    const write = (exchange: SessionExchange, response: ServerResponse): void => {
      fieldsOf(exchange.session).set('n', 1);
      response.end('done');
    };
    const silent = await visit(sessions, undefined, write, { cookieAttributes: () => undefined });
    expect([silent.status, silent.headers.getSetCookie()]).toEqual([200, []]);
    const failing = await visit(sessions, undefined, write, {
      beforeCommit() {
        throw new SessError('NOT_SERIALIZABLE', 'what the app has made cannot be written');
      },
    });
    expect([failing.status, failing.headers.getSetCookie()]).toEqual([500, []]);
  });

  it('attributes that no cookie can have are an error of the app', async () => {
    const write = (exchange: SessionExchange, response: ServerResponse): void => {
      fieldsOf(exchange.session).set('n', 1);
      response.end('done');
    };
    const answer = await visit(sessionsOf(), undefined, write, { cookieAttributes: () => ({ path: '/;' }) });
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([500, []]);
  });

  it('resendCookie sends the cookie again, and not that of a session that has ended meanwhile', async () => {
    const sessions = sessionsOf();
    const first = await sessions.open(undefined);
    fieldsOf(first).set('n', 1);
    const cookie = (await sessions.commit(first)).setCookie?.split(';')[0] ?? '';
    const plain = await visit(sessions, cookie, (_exchange, response) => void response.end());
    expect(plain.headers.getSetCookie()).toEqual([]);
    const again = await visit(sessions, cookie, ({ session }, response) => {
      resendCookie(session);
      response.end();
    });
    expect(cookieOf(again)).toContain(cookie);
    const late = await visit(sessions, cookie, ({ session }, response) => {
      resendCookie(session);
      void sessions.revoke(session.handle).then(() => response.end());
    });
    expect([late.status, late.headers.getSetCookie()]).toEqual([200, []]);
  });
});
