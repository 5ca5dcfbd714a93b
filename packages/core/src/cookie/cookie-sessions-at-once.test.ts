import { type RequestListener, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';

import { cookieSessions } from './cookie-sessions.ts';
import { onSessionEvent } from '../events.ts';
import { createSessions } from '../sessions.ts';
import { anySession } from '../testing/test-app.ts';

const secret = 'PV3x8kN0qzq0m1Tt9yJ2bq7rGdLwXoEhYcUaSfIi4Zk';
const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function serve(listener: RequestListener): Promise<(cookie?: string) => Promise<Response>> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return (cookie) => fetch(`http://127.0.0.1:${port}`, cookie === undefined ? {} : { headers: { cookie } });
}

describe.each([
  ['signed', false],
  ['encrypted', true],
])('with %s cookies', (_, encrypt) => {
  let now = 1_700_000_000_000;
  const clock = (): number => now;
  const sessions = createSessions({ store: cookieSessions({ encrypt }), secret, logger: false, env: {}, clock });

  async function cookieOf(data: object): Promise<string> {
    const session = anySession(await sessions.open(undefined));
    const { setCookie = '' } = await sessions.commit(Object.assign(session, data));
    return setCookie.split(';')[0] ?? '';
  }

  /** A server whose handler runs in the turn in which the request came. */
  const app = (act: (session: ReturnType<typeof anySession>, end: (text: string) => void) => void) =>
    serve((request, response) => {
      const attached = sessions.attach(request, response);
      if (attached instanceof Promise) throw new Error('there is nothing to wait for');
      act(anySession(attached.session), (text) => response.end(text));
    });

  it('a change is in the answer that ends with the same turn, and is told of', async () => {
    const seen: unknown[] = [];
    closing.push(onSessionEvent('committed', ({ keys, created }) => seen.push([keys, created])));
    const cookie = await cookieOf({ n: 1, m: [1], gone: true });
    seen.splice(0);
    const get = await app((session, end) => {
      session['n'] = 2;
      const list = session['m'];
      if (Array.isArray(list)) list.push(2);
      delete session['gone'];
      end('ok');
    });
    const answer = await get(cookie);
    expect(await answer.text()).toBe('ok');
    const [line = '', another] = answer.headers.getSetCookie();
    expect(another).toBeUndefined();
    expect(answer.headers.get('cache-control')).toBe('private, no-store');
    expect({ ...(await sessions.open(line.split(';')[0])) }).toEqual({ n: 2, m: [1, 2] });
    expect(seen).toEqual([[['n', 'm', 'gone'], false]]);
  });

  it('a change that does not fit is the answer: an error, and no cookie', async () => {
    const get = await app((session, end) => {
      session['large'] = 'x'.repeat(5000);
      end('ok');
    });
    const answer = await get(await cookieOf({ n: 1 }));
    expect(answer.status).toBe(500);
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(await answer.text()).toContain('COOKIE_TOO_LARGE');
  });

  it('what is begun before the end is waited for', async () => {
    const get = await app((session, end) => {
      session['n'] = 2;
      void session.update('m', (m) => Number(m) + 1);
      end('ok');
    });
    const [line = ''] = (await get(await cookieOf({ n: 1, m: 1 }))).headers.getSetCookie();
    expect({ ...(await sessions.open(line.split(';')[0])) }).toEqual({ n: 2, m: 2 });
  });

  it('a session whose time is up during the request is not renewed', async () => {
    const dropped: unknown[] = [];
    closing.push(onSessionEvent('dropped', ({ keys, reason }) => dropped.push([keys, reason])));
    const cookie = await cookieOf({ n: 1 });
    const get = await app((session, end) => {
      session['n'] = 2;
      now += 24 * 3_600_000;
      end('ok');
    });
    const answer = await get(cookie);
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([200, []]);
    expect(dropped).toEqual([[['n'], 'gone']]);
  });

  it.each([
    ['changed', 2],
    ['read', undefined],
  ])('a logout behind the end of an answer with a %s session is told that it came too late', async (_name, change) => {
    let told: unknown;
    const get = await app((session, end) => {
      if (change !== undefined) session['n'] = change;
      end('ok');
      told = session.destroy().then(
        () => 'done',
        (error: unknown) => Reflect.get(Object(error), 'code'),
      );
    });
    const cookie = await cookieOf({ n: 1 });
    const [line = cookie] = (await get(cookie)).headers.getSetCookie();
    expect(await told).toBe('HEADERS_SENT');
    expect({ ...(await sessions.open(line.split(';')[0])) }).toEqual({ n: change ?? 1 });
  });
});
