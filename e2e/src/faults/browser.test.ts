import { once } from 'node:events';
import { type Server, type ServerResponse, createServer } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { Browser } from './browser.ts';
import type { Visit } from './history.ts';
import { judge, strict } from './judge.ts';

let server: Server | undefined;
afterEach(() => void server?.close());

/** A server on which `ada` is logged in with the cookie of the latest login alone, and which keeps a write waiting. */
async function start(): Promise<{ url: string; write: Promise<ServerResponse> }> {
  let logins = 0;
  let arrived: (response: ServerResponse) => void = () => {};
  const write = new Promise<ServerResponse>((resolve) => (arrived = resolve));
  server = createServer((request, response) => {
    const { url, headers } = request;
    if (url === '/api/login') {
      response.setHeader('Set-Cookie', `sid=login-${++logins}; Path=/`).end('{"user":"ada"}');
    } else if (url === '/api/me') {
      const isKnown = headers.cookie === `sid=login-${logins}` && logins > 1;
      response.end(JSON.stringify({ user: isKnown ? 'ada' : null, views: 0 }));
    } else arrived(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`, write };
}

test('a late write of somebody who was logged out takes the cookie of the next login, and that is no false logout', async () => {
  const { url, write } = await start();
  const visits: Visit[] = [];
  const browser = new Browser(
    'laptop',
    'ada',
    () => url,
    (visit) => void visits.push(visit),
  );
  await browser.login();
  const late = browser.set('colour');
  const response = await write;
  const beganAt = performance.now();
  expect((await browser.look()).shown).toBeNull();
  await browser.login();
  expect((await browser.look()).shown).toBe('ada');
  response.setHeader('Set-Cookie', 'sid=of-nobody; Path=/').end('{}');
  await late;

  expect(browser.isLoggedIn).toBe(false);
  expect((await browser.look()).shown).toBeNull();
  const wipes = [{ askedAt: beganAt, endedAt: beganAt, isPartial: false }];
  const outcomes = judge({ visits, wipes }, strict).map(({ verdict }) => verdict.outcome);
  expect(new Set(outcomes)).toEqual(new Set(['right']));
});
