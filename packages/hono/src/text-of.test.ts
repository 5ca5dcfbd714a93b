import { getRequestListener } from '@hono/node-server';
import { type TestStore, Visitor, makeTestSessions, serve, stopServers } from '@sess/adapter-tests';
import { Hono } from 'hono';
import { afterAll, expect, it } from 'vitest';

import { session } from './index.ts';
import { textOf } from './text-of.ts';

const nativeResponse = Response;
// From here on `Response` is that of the server.
const { fetch: ofApp } = new Hono();
getRequestListener(ofApp);

afterAll(stopServers);

it('is what the server holds of an answer, until somebody asks for its body', () => {
  expect(Response).not.toBe(nativeResponse);
  const answer = new Response('whole', { status: 201, headers: { 'X-Own': '1' } });
  expect([textOf(answer), textOf(new Response(''))]).toEqual(['whole', '']);
  expect(answer.body).not.toBeNull();
  expect(textOf(answer)).toBeUndefined();
});

it('is not known of a stream, of bytes, of no body, of a native answer, nor where a transfer coding is named', () => {
  const chunked = new Response('whole', { headers: { 'Transfer-Encoding': 'chunked' } });
  const others = [
    new Response(new ReadableStream()),
    new Response(new Uint8Array([119])),
    new Response(null),
    new nativeResponse('whole'),
    chunked,
  ];
  expect(others.map(textOf)).toEqual([undefined, undefined, undefined, undefined, undefined]);
});

const apps: Hono[] = [];
const stores: TestStore[] = [];

async function visitorOf(answer: () => Response): Promise<Visitor> {
  const { sessions, store } = await makeTestSessions('x7Kq-tests-of-the-hono-adapter-only-Zr91Yb', {});
  const app = new Hono();
  app.use(session(sessions));
  app.get('/count', async (c) => {
    await c.get('session').update('views', (views = 0) => views + 1);
    return answer();
  });
  apps.push(app);
  stores.push(store);
  const { fetch: answerOf } = app;
  const listener = getRequestListener(answerOf);
  return new Visitor((await serve((request, response) => void listener(request, response))).url);
}

it('nobody gets the cookie of another where an app keeps an answer and gives it to all', async () => {
  const kept = new Response('the same for all', { headers: { 'X-Own': '1' } });
  const alice = await visitorOf(() => kept);
  const bob = new Visitor(alice.url);
  const [first, second] = [await alice.get('/count'), await bob.get('/count')];
  expect([first, second].map(({ headers }) => headers.getSetCookie().length)).toEqual([1, 1]);
  expect(first.headers.getSetCookie()).not.toEqual(second.headers.getSetCookie());
  expect(await Promise.all([first.text(), second.text()])).toEqual(['the same for all', 'the same for all']);
  expect([...kept.headers.keys()]).not.toContain('set-cookie');
});

it('nor does a commit that failed spoil that answer for the next', async () => {
  const kept = new Response('the same for all');
  const visitor = await visitorOf(() => kept);
  stores.at(-1)?.down.add('create');
  expect((await visitor.get('/count')).status).toBe(503);
  stores.at(-1)?.down.clear();
  const answer = await visitor.get('/count');
  expect([answer.status, await answer.text()]).toEqual([200, 'the same for all']);
});

it.each([
  ['a text', () => new Response('whole')],
  ['bytes', () => new Response(new Uint8Array([119]))],
])('what comes behind %s is refused as behind any answer', async (_, answer) => {
  const { sessions } = await makeTestSessions('x7Kq-tests-of-the-hono-adapter-only-Zr91Yb', {});
  const app = new Hono();
  app.use(session(sessions));
  let late: unknown;
  app.get('/', (c) => {
    late = () => Object.assign(c.get('session'), { theme: 'dark' });
    return answer();
  });
  await app.fetch(new Request('http://localhost/'));
  expect(late).toThrow(expect.objectContaining({ code: 'HEADERS_SENT' }));
});

it('the answer is the one that was given: its status, its headers, its text', async () => {
  const visitor = await visitorOf(
    () => new Response('<p>ü</p>', { status: 418, headers: { 'Content-Type': 'text/html' } }),
  );
  const answer = await visitor.get('/count');
  expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([
    418,
    'text/html',
    '<p>ü</p>',
  ]);
  expect(answer.headers.get('content-length')).toBe('9');
});

it('and the server gets it as text again', async () => {
  await visitorOf(() => new Response('whole'));
  const answer = await apps.at(-1)?.fetch(new Request('http://localhost/count'));
  expect(answer?.headers.getSetCookie()).toHaveLength(1);
  expect(answer && textOf(answer)).toBe('whole');
});
