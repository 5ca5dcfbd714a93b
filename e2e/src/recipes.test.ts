import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Visitor, send } from './http-client.ts';
import { codeOf } from './page-code.ts';
import { type RecipeApp, type RecipeFolder, makeRecipeFolder, startRecipe } from './recipe-app.ts';
import { startRedis } from './redis-server.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

/** The pages that are tried here, each by its name: that a block says `tested-by` is worth nothing without it. */
const pages = [
  'docs/recipes/login-form.md',
  'docs/recipes/remember-me.md',
  'docs/recipes/flash-messages.md',
  'docs/recipes/csrf.md',
  'docs/recipes/cart.md',
  'docs/recipes/your-devices.md',
  'docs/recipes/log-out-everywhere.md',
  'docs/recipes/change-of-password.md',
  'docs/recipes/uploads.md',
  'docs/recipes/two-kinds-of-sessions.md',
  'docs/recipes/api-on-another-origin.md',
  'docs/recipes/docker-compose.md',
  'docs/recipes/asking-for-the-password-again.md',
  'docs/recipes/limits-on-devices.md',
  'docs/recipes/tests.md',
];

let folder: RecipeFolder;
let app: RecipeApp | undefined;

beforeAll(() => {
  folder = makeRecipeFolder();
});
afterEach(async () => {
  await app?.stop();
  app = undefined;
});
afterAll(() => folder.remove());

/** Visitors of the app of a page. */
async function start(page: string, variables?: Record<string, string>): Promise<() => Visitor> {
  app = await startRecipe(folder, page, variables);
  const { url } = app;
  return () => new Visitor(url);
}

const textAt = async (visitor: Visitor, path = '/'): Promise<string> => (await visitor.get(path)).text;

/** A second browser that holds a copy of the first one's cookie. */
async function copyOf(visitor: Visitor, cookie: string | undefined, path = '/'): Promise<string> {
  if (app === undefined) throw new Error('no app');
  expect(cookie, 'there is a cookie to copy').toBeDefined();
  expect(visitor.jar.header()).not.toBe(cookie);
  return (await send(app.url + path, { cookie })).text;
}

describe('each recipe is a whole app that does what its page says', { timeout: 60_000 }, () => {
  it('every page with an app is tried here', () => {
    const withApps = readdirSync(join(root, 'docs/recipes'))
      .map((name) => `docs/recipes/${name}`)
      .filter((page) => /^```js tested-by/m.test(readFileSync(join(root, page), 'utf8')));
    expect(withApps.toSorted()).toEqual(pages.toSorted());
  });

  it('login form: the right password alone logs in, with a new token', async () => {
    const visitor = (await start('login-form'))();
    expect((await visitor.submit('/login', { name: 'ada', password: 'wrong' })).status).toBe(401);
    expect((await visitor.submit('/login', { name: 'nobody', password: 'correct horse' })).status).toBe(401);
    expect((await visitor.submit('/login', { name: 'ada' })).status).toBe(400);
    expect((await visitor.submit('/login', { name: 'ada', password: 'correct horse' })).status).toBe(303);
    expect(await textAt(visitor)).toContain('You are logged in.');
    await visitor.submit('/logout');
    expect(await textAt(visitor)).toContain('action="/login"');
  });

  it('remember me: the box decides whether the cookie outlives the browser', async () => {
    const visitor = await start('remember-me');
    const [remembered] = (await visitor().submit('/login', { remember: 'on' })).setCookies;
    expect(remembered).toMatch(/Max-Age=2592000/);
    const [short] = (await visitor().submit('/login')).setCookies;
    expect(short).toMatch(/^sid=/);
    expect(short).not.toMatch(/Max-Age|Expires/);
  });

  it('flash messages: each is shown once, also to two tabs at once, and reading makes no session', async () => {
    const visitors = await start('flash-messages');
    const ada = visitors();
    await ada.submit('/save');
    await ada.submit('/save');
    const shown = await Promise.all([textAt(ada), textAt(ada), textAt(ada)]);
    expect(shown.join('').match(/Saved\./g)).toHaveLength(2);
    expect(await textAt(ada)).not.toContain('Saved.');
    const other = visitors();
    await textAt(other);
    expect(other.jar.header()).toBeUndefined();
  });

  it('CSRF: another site’s form is refused, and one without this session’s token', async () => {
    const visitors = await start('csrf');
    const ada = visitors();
    const token = /name="_csrf" value="([^"]+)"/.exec(await textAt(ada))?.[1] ?? '';
    expect((await ada.submit('/transfer', { _csrf: token })).text).toBe('Done.');
    expect((await ada.submit('/transfer', { _csrf: 'x'.repeat(token.length) })).status).toBe(403);
    expect((await ada.submit('/transfer')).status).toBe(403);
    expect((await visitors().submit('/transfer', { _csrf: '' })).status).toBe(403);
    const foreign = await send(`${app?.url}/transfer`, {
      method: 'POST',
      cookie: ada.jar.header(),
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'Sec-Fetch-Site': 'cross-site' },
      body: `_csrf=${token}`,
    });
    expect(foreign.status).toBe(403);
  });

  it('cart: ten clicks at once are ten articles, and the login takes them along', async () => {
    const ada = (await start('cart'))();
    await ada.post('/cart/book');
    await Promise.all(Array.from({ length: 9 }, () => ada.post('/cart/book')));
    await ada.post('/cart/pen');
    await ada.post('/login');
    expect(JSON.parse(await textAt(ada))).toEqual({ cart: { book: 10, pen: 1 }, owner: 'ada' });
    await send(`${app?.url}/cart/pen`, { method: 'POST', cookie: ada.jar.header() });
    expect(JSON.parse(await textAt(ada))).toMatchObject({ cart: { pen: 2 } });
  });

  it('your devices: each is named, and one ends the other', async () => {
    await start('your-devices');
    const laptop = new Visitor(app?.url ?? '', { 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0' });
    const phone = new Visitor(app?.url ?? '', { 'User-Agent': 'Mozilla/5.0 (Linux; Android 15) Chrome/140.0' });
    await laptop.submit('/login');
    await phone.submit('/login');
    const page = await textAt(laptop);
    expect(page).toMatch(/Firefox on Linux, since \d{4}-/);
    expect(page).toMatch(/Chrome on Android, since/);
    expect(page.match(/\(this one\)/g)).toHaveLength(1);
    const other = /\/devices\/([0-9a-f]{64})\/end/.exec(page)?.[1];
    expect((await laptop.submit(`/devices/${other}/end`)).status).toBe(303);
    expect(await textAt(phone)).toContain('Log in');
    expect(await textAt(laptop)).not.toContain('Chrome on Android');
  });

  it('log out everywhere, and elsewhere', async () => {
    const visitors = await start('log-out-everywhere');
    const [laptop, phone, tablet] = [visitors(), visitors(), visitors()];
    for (const device of [laptop, phone, tablet]) await device.submit('/login');
    await laptop.submit('/logout-elsewhere');
    expect([await textAt(laptop), await textAt(phone), await textAt(tablet)]).toEqual(['ada', 'nobody', 'nobody']);
    await phone.submit('/login');
    await laptop.submit('/logout-everywhere');
    expect([await textAt(laptop), await textAt(phone)]).toEqual(['nobody', 'nobody']);
  });

  it('a change of password ends the other devices and every copy of this one’s cookie', async () => {
    const visitors = await start('change-of-password');
    const [laptop, phone] = [visitors(), visitors()];
    for (const device of [laptop, phone]) await device.submit('/login', { password: 'old password' });
    const copied = laptop.jar.header();
    expect((await laptop.submit('/password', { old: 'wrong', fresh: 'new' })).status).toBe(403);
    expect((await laptop.submit('/password', { old: 'old password', fresh: 'new password' })).status).toBe(303);
    expect([await textAt(laptop), await textAt(phone)]).toEqual(['ada', 'nobody']);
    expect(await copyOf(laptop, copied)).toBe('nobody');
    expect((await visitors().submit('/login', { password: 'old password' })).status).toBe(401);
  });

  it('uploads: files that are sent at once are all listed, and nobody else gets them', async () => {
    const uploads = join(folder.path, 'uploads');
    const visitors = await start('uploads', { UPLOADS: uploads });
    const ada = visitors();
    await ada.postText('/uploads?name=first.txt', 'first');
    await Promise.all([1, 2, 3, 4].map((number) => ada.postText(`/uploads?name=${number}.txt`, `file ${number}`)));
    const listed = JSON.parse(await textAt(ada)) as { id: string; name: string }[];
    expect(listed.map(({ name }) => name).toSorted()).toEqual(['1.txt', '2.txt', '3.txt', '4.txt', 'first.txt']);
    const { id = '' } = listed.find(({ name }) => name === '3.txt') ?? {};
    expect(await textAt(ada, `/uploads/${id}`)).toBe('file 3');
    expect((await visitors().get(`/uploads/${id}`)).status).toBe(404);
    const tooLarge = await ada.postText('/uploads', 'x'.repeat(21 * 1024 * 1024)).catch(() => undefined);
    expect(tooLarge?.status ?? 413).toBe(413);
    expect(readdirSync(uploads)).toHaveLength(5);
  });

  it('two kinds of sessions: a user is no admin, and they end apart', async () => {
    const ada = (await start('two-kinds-of-sessions'))();
    await ada.submit('/login');
    expect((await ada.get('/admin')).status).toBe(401);
    const [cookie] = (await ada.submit('/admin/login')).setCookies;
    expect(cookie).toMatch(/^admin=.*SameSite=Strict/);
    expect(await textAt(ada, '/admin')).toBe('admin:ada');
    await ada.submit('/admin/logout');
    expect([await textAt(ada), (await ada.get('/admin')).status]).toEqual(['ada', 401]);
  });

  it('an API on another origin answers the pages that it names, and no others', async () => {
    const visitors = await start('api-on-another-origin', { PAGES: 'https://app.example' });
    const page = { Origin: 'https://app.example' };
    const ada = visitors();
    const login = await ada.post('/login');
    expect(login.status).toBe(200);
    const me = await ada.get('/me', page);
    expect(me.text).toBe('{"user":"ada"}');
    expect(me.headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-credentials': 'true',
    });
    expect(String(me.headers.vary)).toMatch(/Origin.*Cookie/);
    const foreign = await ada.get('/me', { Origin: 'https://other.example' });
    expect([foreign.status, foreign.headers['access-control-allow-origin']]).toEqual([403, undefined]);
  });

  it('docker compose: the app runs on Redis with what the compose file sets, and stops without a fault', async () => {
    const redis = await startRedis();
    try {
      await redis.admin.config('SET', 'requirepass', 'r3d1s');
      const compose = codeOf('docs/recipes/docker-compose.md', 'yaml', 'services:');
      const address = /SESSION_REDIS_URL: (\S+)/.exec(compose)?.[1] ?? '';
      const url = address.replace('${REDIS_PASSWORD}', 'r3d1s').replace('redis:6379', `127.0.0.1:${redis.port}`);
      expect(url).not.toBe(address);
      expect(compose).toMatch(/^ {6}SECRET_KEY: \$\{SECRET_KEY\}$/m);
      expect(codeOf('docs/recipes/docker-compose.md', 'dockerfile', 'FROM')).toContain('CMD ["node", "app.mjs"]');
      const visitors = await start('docker-compose', {
        SESSION_REDIS_URL: url,
        SECRET_KEY: 'test-of-the-compose-page-9b1f7c3e5a20d846',
        HOSTNAME: 'container-1',
      });
      const ada = visitors();
      expect(await textAt(ada)).toBe('View 1, answered by container-1\n');
      expect(await textAt(ada)).toBe('View 2, answered by container-1\n');
      expect((await visitors().get('/healthz')).text).toBe('ok\n');
      expect(await app?.stop()).toBe(0);
    } finally {
      await redis.dispose();
    }
  });

  it('the password is asked for again after a while, and a copied cookie does not gain by it', async () => {
    const visitors = await start('asking-for-the-password-again', { FRESH_MS: '0' });
    const ada = visitors();
    expect((await ada.get('/email')).headers.location).toBe('/login');
    await ada.submit('/login');
    expect((await ada.get('/email')).headers.location).toBe('/confirm?to=%2Femail');
    const copied = ada.jar.header();
    expect((await ada.submit('/confirm?to=%2Femail', { password: 'wrong' })).status).toBe(403);
    const confirmed = await ada.submit('/confirm?to=//evil.example', { password: 'correct horse' });
    expect(confirmed.headers.location).toBe('/');
    expect(await copyOf(ada, copied)).toBe('nobody');
    await app?.stop();
    const again = (await start('asking-for-the-password-again'))();
    await again.submit('/login');
    expect(await textAt(again, '/email')).toContain('Change your address');
  });

  it('limits on devices: the fourth login ends the session that was used longest ago', async () => {
    const visitors = await start('limits-on-devices');
    const devices = [visitors(), visitors(), visitors(), visitors()];
    for (const device of devices) await device.submit('/login');
    expect(await Promise.all(devices.map((device) => textAt(device)))).toEqual(['nobody', 'ada', 'ada', 'ada']);
  });

  it('tests: those of node:test and of vitest pass', async () => {
    folder.write('app.mjs', codeOf('docs/recipes/tests.md', 'js', 'export function makeApp'));
    folder.write('app.test.mjs', codeOf('docs/recipes/tests.md', 'js', "'node:test'"));
    folder.write('app.spec.mjs', codeOf('docs/recipes/tests.md', 'js', "'vitest'"));
    const options = { cwd: folder.path, env: folder.environment() };
    expect((await run(process.execPath, ['--test', 'app.test.mjs'], options)).stdout).toMatch(/pass 1/);
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    expect((await run(process.execPath, [vitest, 'run', 'app.spec.mjs'], options)).stdout).toMatch(/1 passed/);
  });
});
