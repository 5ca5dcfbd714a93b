import { once } from 'node:events';
import { type AppFolder, type RunningApp, Visitor, readmeCode } from '@sess/adapter-tests';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';

import { makeAppFolder } from '../test/app-folder.ts';

/** What the page leaves to its reader. */
const readersOwn = `
interface User { id: string }
async function checkPassword(body: { name: string; password: string }): Promise<User | undefined> {
  return verify(body.name, body.password);
}
async function verify(name: string, password: string): Promise<User | undefined> {
  return password === 'right' ? { id: name } : undefined;
}
`;

/** Routes to look with, and the handler of the page behind them. */
const window = `
app.get('/session', (req, res) => { res.json({ owner: req.session.owner ?? null, data: req.session }); });
app.get('/idle', (req, res) => { res.json(req.session.idleTimeoutMs); });
app.get('/broken', () => { throw Object.assign(new Error('no store'), { status: 503 }); });
`;

let folder: AppFolder;
let code: Map<string, string[]>;
let complaints: string;
let app: RunningApp;

beforeAll(async () => {
  code = await readmeCode(new URL('../README.md', import.meta.url));
  const names = [
    '@sess/core',
    '@sess/express',
    '@sess/fs',
    '@types/express',
    '@types/node',
    '@types/passport',
    '@types/passport-local',
    '@types/ws',
    'express',
    'passport',
    'passport-local',
    'ws',
  ];
  folder = await makeAppFolder(Object.fromEntries(names.map((name) => [name, name])));
  const program = code.get('ts') ?? [];
  const errors = program.findIndex((block) => block.includes('ErrorRequestHandler'));
  await folder.write('app.ts', readersOwn + program.toSpliced(errors, 0, window).join('\n'));
  complaints = await folder.compile(['app.ts'], ['--skipLibCheck']);
  app = await folder.start('app.js');
}, 30_000);

afterAll(() => folder.remove());

const ann = { name: 'ann', password: 'right' };

it('holds no code that is not run here, and all of it compiles', () => {
  expect(new Set(code.keys())).toEqual(new Set(['sh', 'js', 'ts']));
  expect(complaints).toBe('');
});

it('the first program of the page runs as it is', async () => {
  const first = code.get('js') ?? [];
  expect(first).toHaveLength(1);
  await folder.write('first.mjs', first.join(''));
  const visitor = new Visitor((await folder.start('first.mjs')).url);
  expect(await visitor.text('/')).toBe('You were here 1 times.');
  expect(await visitor.text('/')).toBe('You were here 2 times.');
});

it('the rest of the page, read from top to bottom, is a program: login, cart, logout', async () => {
  const visitor = new Visitor(app.url);
  expect((await visitor.postJson('/login', { ...ann, password: 'wrong' })).status).toBe(401);
  expect((await visitor.postJson('/login', ann)).status).toBe(302);
  expect(await (await visitor.post('/cart/book')).json()).toEqual(['book']);
  expect(await visitor.json('/session')).toEqual({ owner: 'ann', data: { cart: ['book'] } });
  const stolen = visitor.copy();
  expect((await visitor.post('/logout')).status).toBe(302);
  expect(visitor.cookies.size).toBe(0);
  expect(await stolen.json('/session')).toEqual({ owner: null, data: {} });
});

it('logs out everywhere, passport logins too', async () => {
  const browsers = [new Visitor(app.url), new Visitor(app.url), new Visitor(app.url)] as const;
  const [one, two, three] = browsers;
  for (const visitor of [one, two]) await visitor.postJson('/login', { ...ann, name: 'bob' });
  const login = await three.postJson('/passport/login', { username: 'bob', password: 'right' });
  expect(login.status).toBe(302);
  for (const visitor of browsers) expect(await visitor.json('/session')).toMatchObject({ owner: 'bob' });
  expect(await three.json('/session')).toMatchObject({ data: { passport: { user: { id: 'bob' } } } });
  expect((await one.post('/logout-everywhere')).status).toBe(302);
  expect(one.cookies.size).toBe(0);
  for (const visitor of browsers) expect(await visitor.json('/session')).toEqual({ owner: null, data: {} });
});

it('remembers who wants it, and as long as they want it', async () => {
  const visitor = new Visitor(app.url);
  await visitor.postJson('/login', ann);
  for (const days of [1, 14, 1]) {
    const answer = await visitor.postJson('/remember-me', { remember: days === 14 });
    expect(answer.headers.getSetCookie()).toHaveLength(1);
    expect(answer.headers.getSetCookie()[0]?.includes('Max-Age')).toBe(days === 14);
    expect(await visitor.json('/idle')).toBe(days * 24 * 60 * 60 * 1000);
  }
});

it('opens WebSockets for who is logged in, and closes them after the logout', async () => {
  const dial = (visitor: Visitor) =>
    new WebSocket(app.url.replace('http', 'ws'), { headers: { cookie: visitor.cookieHeader } });
  const visitor = new Visitor(app.url);
  const [refused] = (await once(dial(visitor), 'error')) as [Error];
  expect(refused.message).toContain('401');
  await visitor.postJson('/login', ann);
  const socket = dial(visitor);
  await once(socket, 'open');
  for (const count of ['1', '2']) {
    socket.send('count');
    const [answer] = (await once(socket, 'message')) as [Buffer];
    expect(answer.toString()).toBe(count);
  }
  await visitor.post('/logout');
  socket.send('count');
  const [code] = (await once(socket, 'close')) as [number];
  expect(code).toBe(1008);
});

it('has a page for faults', async () => {
  const response = await new Visitor(app.url).get('/broken');
  expect([response.status, await response.text()]).toEqual([503, '<h1>Back in a moment</h1>']);
});
