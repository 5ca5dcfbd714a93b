import { type AppFolder, type RunningApp, Visitor, readmeCode } from '@sess/adapter-tests';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { makeAppFolder } from '../test/app-folder.ts';

/** What the page leaves to its reader. */
const readersOwn = `
interface User { id: string }
async function checkPassword(body: unknown): Promise<User | undefined> {
  const { name, password } = body as { name: string; password: string };
  return verify(name, password);
}
async function verify(name: string, password: string): Promise<User | undefined> {
  return password === 'right' ? { id: name } : undefined;
}
`;

/** Routes to look with, the middleware that the page puts in front of everything else, and a server. */
const window = `
router.get('/session', (ctx) => void (ctx.body = { owner: ctx.session.owner ?? null, data: ctx.session.toJSON() }));
router.get('/idle', (ctx) => void (ctx.body = { ms: ctx.session.idleTimeoutMs }));
router.get('/broken', (ctx) => {
  const status = Number(ctx.query['status']);
  throw Object.assign(new Error('broken with ' + status), { status });
});
app.middleware.unshift(backSoon);
app.listen(3000);
`;

let folder: AppFolder;
let code: Map<string, string[]>;
let complaints: string;
let app: RunningApp;

beforeAll(async () => {
  code = await readmeCode(new URL('../README.md', import.meta.url));
  const names = [
    '@koa/bodyparser',
    '@koa/router',
    '@sess/core',
    '@sess/fs',
    '@sess/koa',
    '@types/koa',
    '@types/koa-passport',
    '@types/node',
    '@types/passport',
    '@types/passport-local',
    'koa',
    'koa-passport',
    'passport-local',
  ];
  folder = await makeAppFolder(Object.fromEntries(names.map((name) => [name, name])));
  const program = code.get('ts') ?? [];
  await folder.write('app.ts', readersOwn + program.join('\n') + window);
  complaints = await folder.compile(['app.ts'], ['--skipLibCheck']);
  app = await folder.start('app.js');
}, 60_000);

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

it('the rest of the page, read from top to bottom, is a program: login, cart, starting over, logout', async () => {
  const visitor = new Visitor(app.url);
  expect((await visitor.postJson('/login', { ...ann, password: 'wrong' })).status).toBe(401);
  expect((await visitor.postJson('/login', ann)).status).toBe(302);
  expect(await (await visitor.post('/cart/book')).json()).toEqual(['book']);
  expect(await visitor.json('/session')).toEqual({ owner: 'ann', data: { cart: ['book'] } });
  expect((await visitor.post('/start-over')).status).toBe(204);
  expect(await visitor.json('/session')).toEqual({ owner: 'ann', data: { views: 0 } });
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
    const answer = await visitor.post(`/remember-me?remember=${days === 14 ? 'yes' : 'no'}`);
    expect(answer.headers.getSetCookie()).toHaveLength(1);
    expect(answer.headers.getSetCookie()[0]?.includes('Max-Age')).toBe(days === 14);
    expect(await visitor.json('/idle')).toEqual({ ms: days * 24 * 60 * 60 * 1000 });
  }
});

it('has a page for faults, and a log of all other errors', async () => {
  const visitor = new Visitor(app.url);
  const response = await visitor.get('/broken?status=503');
  expect([response.status, await response.text()]).toEqual([503, '<h1>Back in a moment</h1>']);
  expect((await visitor.get('/broken?status=500')).status).toBe(500);
  await expect.poll(app.output).toContain('/broken Error: broken with 500');
  expect(app.output()).not.toContain('broken with 503');
});
