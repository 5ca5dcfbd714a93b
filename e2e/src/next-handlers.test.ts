import { sealData } from 'iron-session';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, Visitor, objectIn, send } from './http-client.ts';
import { type NextApp, startNextApp } from './next-app.ts';
import { submitForm } from './next-form.ts';

const password = 'of-an-app-that-was-on-iron-session-4e8a';
const value = '__Host-sid=[\\w-]{43}\\.[\\w-]{43}';
const setLine = new RegExp(`^${value}; Max-Age=\\d{7}; Path=/; HttpOnly; Secure; SameSite=Lax$`);
const varies = ({ headers }: Answer): boolean => /(^|, )Cookie(,|$)/.test(headers.vary ?? '');

describe('built with webpack, next start, production without any configuration', () => {
  let app: NextApp;
  beforeAll(async () => {
    app = await startNextApp('start', { SECRET_KEY: 'n3w-Qe6uWi1oAp4sDf7gHj0kLz5xCv8b', IRON_PASSWORD: password });
  }, 120_000);
  afterAll(() => app.stop());
  const visitor = (): Visitor => new Visitor(app.url);
  const userOf = async (who: Visitor): Promise<unknown> => objectIn(await who.get('/api/me'))['user'];

  describe('a Route Handler', () => {
    test('that logs in sends the cookie verbatim, and forbids to keep the answer', async () => {
      const ada = visitor();
      const answer = await ada.post('/api/login');
      expect([answer.status, objectIn(answer)]).toEqual([200, { user: 'ada' }]);
      expect(answer.setCookies).toEqual([expect.stringMatching(setLine)]);
      expect(answer.headers['cache-control']).toBe('private, no-store');
      expect(varies(answer)).toBe(true);
      expect(await userOf(ada)).toBe('ada');
    });

    test('that looks varies by the cookie, one that does not says nothing of it', async () => {
      const looked = await visitor().get('/api/me');
      expect([looked.status, looked.setCookies, varies(looked)]).toEqual([200, [], true]);
      const aloof = await visitor().get('/api/aloof');
      expect([aloof.status, aloof.setCookies, varies(aloof)]).toEqual([200, [], false]);
      expect(aloof.headers['cache-control']).toBeUndefined();
    });

    test('keeps its own caching headers where no cookie is sent', async () => {
      const answer = await visitor().get('/api/cached');
      expect(answer.headers['cache-control']).toBe('public, max-age=60');
      expect(answer.headers.vary).toMatch(/Accept, Cookie/);
    });

    test('that ends with redirect() has stored before, and sends the cookie', async () => {
      const ada = visitor();
      const answer = await ada.post('/api/redirect');
      expect([answer.status, answer.headers.location]).toEqual([307, '/?a=1;b=2']);
      expect(answer.setCookies).toEqual([expect.stringMatching(setLine)]);
      expect([varies(answer), answer.headers['cache-control']]).toEqual([true, 'private, no-store']);
      expect(await userOf(ada)).toBe('ada');
    });

    test('that ends with notFound() has stored before, and sends the cookie', async () => {
      const ada = visitor();
      const answer = await ada.post('/api/missing');
      expect([answer.status, answer.setCookies]).toEqual([404, [expect.stringMatching(setLine)]]);
      expect(await userOf(ada)).toBe('lost');
    });

    test('may set cookies of its own, and redirect by Response', async () => {
      const ada = visitor();
      const answer = await ada.post('/api/both');
      expect([answer.status, answer.headers.location]).toEqual([307, 'http://localhost/elsewhere']);
      expect(answer.setCookies).toHaveLength(2);
      expect(ada.jar.header()).toMatch(/theme=dark/);
      expect(await userOf(ada)).toBe('both');
    });

    test('that throws stores nothing and sends no cookie: nobody would have it', async () => {
      const ada = visitor();
      await ada.post('/api/login');
      const answer = await ada.post('/api/fails');
      expect([answer.status, answer.setCookies]).toEqual([500, []]);
      expect(await userOf(ada)).toBe('ada');
    });

    test('that throws after a login that it has saved sends the cookie, and its log says what', async () => {
      const ada = visitor();
      await ada.post('/api/login');
      const answer = await ada.post('/api/saves');
      expect([answer.status, answer.text, answer.setCookies]).toEqual([500, '', [expect.stringMatching(setLine)]]);
      expect(answer.headers['cache-control']).toBe('private, no-store');
      expect(await userOf(ada)).toBe('saved');
      await expect.poll(() => app.output(), { timeout: 15_000 }).toContain('a mistake of the app, after a login');
    });

    test('with a mistake that shows at the commit is a 500, and its log says what', async () => {
      const answer = await visitor().post('/api/clumsy');
      expect([answer.status, answer.setCookies]).toEqual([500, []]);
      await expect.poll(() => app.output(), { timeout: 15_000 }).toContain('session.when is a Date');
    });

    test('whose session ended meanwhile answers 409', async () => {
      const ada = visitor();
      await ada.post('/api/login');
      const answer = await ada.post('/api/gone');
      expect([answer.status, objectIn(answer)['code'], answer.setCookies]).toEqual([409, 'SESSION_GONE', []]);
    });

    test('and a function of the session that it calls share one session, one commit and one cookie', async () => {
      const ada = visitor();
      const answer = await ada.post('/api/nested');
      expect(objectIn(answer)).toEqual({ user: 'outer', views: 7, seen: 7 });
      expect(answer.setCookies).toHaveLength(1);
      expect(objectIn(await ada.get('/api/me'))).toEqual({ user: 'outer', views: 7, keys: ['user', 'views'] });
    });

    test('that logs out clears the cookie, and the old one is worth nothing', async () => {
      const ada = visitor();
      await ada.post('/api/login');
      const cookie = ada.jar.header();
      const answer = await ada.post('/api/logout');
      expect(answer.setCookies[0]).toMatch(/^__Host-sid=; Max-Age=0; .*Secure/);
      expect(objectIn(await send(`${app.url}/api/me`, { cookie }))).toMatchObject({ user: null, keys: [] });
    });
  });

  describe('a Server Component', () => {
    test('shows the session, and sets no cookie', async () => {
      const ada = visitor();
      await ada.post('/api/login');
      await ada.post('/api/count');
      const page = await ada.get('/');
      expect(page.text).toContain('<b id="user">ada</b>');
      expect(page.text).toContain('<span id="views">1</span>');
      expect([page.status, page.setCookies]).toEqual([200, []]);
      expect(page.headers['cache-control']).toMatch(/private.*no-store/);
    });

    test('takes cookies to the letter: one in another spelling, and several of one name, are none', async () => {
      const [ada, mallory] = [visitor(), visitor()];
      for (const one of [ada, mallory]) await one.post('/api/login');
      const cookie = String(ada.jar.header());
      const shown = async (header: string): Promise<boolean> =>
        (await send(`${app.url}/`, { cookie: header })).text.includes('<b id="user">ada</b>');
      expect(await shown(cookie)).toBe(true);
      expect(await shown(cookie.replace('.', '%2E'))).toBe(false);
      expect(await shown(`${cookie}; ${mallory.jar.header()}`)).toBe(false);
      expect(await shown(`${cookie}; ${cookie}; __Host-sid=forged`)).toBe(true);
    });

    test.each(['/write', '/write-deep'])(
      'that writes (%s) is told where to write, and changes nothing',
      async (path) => {
        const ada = visitor();
        await ada.post('/api/login');
        await ada.post('/api/cart');
        const page = await ada.get(path);
        expect([page.status, page.setCookies]).toEqual([500, []]);
        expect(page.text).toContain('SESSION_READ_ONLY');
        await expect
          .poll(() => app.output(), { timeout: 15_000 })
          .toMatch(/Write in a Server Action or a Route Handler/);
        expect(objectIn(await ada.get('/api/me'))).toMatchObject({ user: 'ada', keys: ['user', 'cart'] });
      },
    );

    test('that calls withSession() is told to read, before anything is stored for nobody', async () => {
      const before = app.output().length;
      for (const who of [visitor(), visitor()]) {
        const page = await who.get('/unheard');
        expect([page.status, page.setCookies]).toEqual([500, []]);
        expect(page.text).toContain('SESSION_READ_ONLY');
      }
      await expect
        .poll(() => app.output().slice(before), { timeout: 15_000 })
        .toMatch(/withSession\(\) was called while a Server Component renders/);
      expect(objectIn(await visitor().get('/api/unheard'))).toEqual({ sessions: 0 });
    });

    test.each(['/revalidated/listed', '/revalidated/other', '/api/revalidated'])(
      'or a handler with a time to revalidate (%s) is made for each visitor, or for nobody',
      async (path) => {
        const [ada, grace, stranger] = [visitor(), visitor(), visitor()];
        await ada.post('/api/login?user=ada');
        await grace.post('/api/login?user=grace');
        const told = [];
        for (const who of [ada, grace, stranger, ada]) told.push(await who.get(path));
        const values = told.map(({ text }) => /value: (?:<!-- -->)?(\w+)/.exec(text)?.[1]);
        expect(values).toEqual(['ada', 'grace', 'nobody', 'ada']);
        for (const { headers } of told) expect(headers['cache-control'] ?? '').not.toMatch(/s-maxage/);
      },
    );

    test('that reads no session stays static: the same for everybody, and to be kept', async () => {
      const ada = visitor();
      await ada.post('/api/login');
      const page = await ada.get('/static');
      expect(page.headers['cache-control']).toBe('s-maxage=31536000');
      expect(page.headers['x-nextjs-prerender']).toContain('1');
      expect(varies(page)).toBe(false);
      // Control: one that reads is not.
      expect((await ada.get('/')).headers['x-nextjs-prerender']).toBeUndefined();
    });
  });

  describe('an app that was on iron-session', () => {
    const sealed = async (): Promise<string> => `app=${await sealData({ user: 'ada', views: 4 }, { password })}`;
    const movedLine = expect.stringMatching(/^moved=[\w-]{43}\.[\w-]{43}; /);

    test('shows its users logged in, though a page cannot send the new cookie', async () => {
      const cookie = await sealed();
      for (const _ of ['first', 'second']) {
        const page = await send(`${app.url}/moved`, { cookie });
        expect(page.text).toContain('<b id="user">ada</b>');
        expect([page.status, page.setCookies]).toEqual([200, []]);
      }
    });

    test('gives them the new cookie with a Route Handler, and the old one is nobody after a logout', async () => {
      const cookie = await sealed();
      const ada = visitor();
      ada.jar.apply([cookie]);
      const answer = await ada.get('/api/moved');
      expect(objectIn(answer)).toEqual({ user: 'ada', views: 4 });
      expect(answer.setCookies).toEqual([expect.stringMatching(/^app=; Max-Age=0/), movedLine]);
      expect(objectIn(await ada.get('/api/moved'))).toEqual({ user: 'ada', views: 4 });
      const copies = [cookie, ada.jar.header()];
      expect((await send(`${app.url}/api/moved`, { method: 'DELETE', cookie: copies[1] })).status).toBe(204);
      for (const copy of copies)
        expect(objectIn(await send(`${app.url}/api/moved`, { cookie: copy }))).toEqual({ user: null, views: 0 });
    });

    test('and with a Server Action, which clears the old one too', async () => {
      const ada = visitor();
      ada.jar.apply([await sealed()]);
      const { text } = await ada.get('/moved');
      const answer = await submitForm(ada, `${app.url}/moved`, text, 'count');
      expect(answer.text).toContain('<i id="views">5</i>');
      expect(ada.jar.header()).toMatch(/^moved=[^;]+$/);
      expect(objectIn(await ada.get('/api/moved'))).toEqual({ user: 'ada', views: 5 });
    });
  });

  describe('the Pages Router', () => {
    test('an API route logs in with a redirect that leaves when the session is stored', async () => {
      const ada = visitor();
      const answer = await ada.post('/api/legacy/login');
      expect([answer.status, answer.headers.location]).toEqual([303, '/legacy']);
      expect(answer.setCookies).toEqual([expect.stringMatching(setLine)]);
      expect([varies(answer), answer.headers['cache-control']]).toEqual([true, 'private, no-store']);
      expect((await ada.get('/legacy')).text).toContain('<b id="user">ada</b>');
      // The App Router of the same app knows them as well.
      expect(await userOf(ada)).toBe('ada');
    });

    test('an API route that does not look says nothing of cookies', async () => {
      const answer = await visitor().get('/api/legacy/aloof');
      expect([answer.status, answer.setCookies, varies(answer)]).toEqual([200, [], false]);
    });

    test('getServerSideProps stores before the page leaves, and before its redirect', async () => {
      const ada = visitor();
      const page = await ada.get('/legacy?count');
      expect(page.text).toContain('<i id="views">1</i>');
      expect(page.setCookies).toEqual([expect.stringMatching(setLine)]);
      const redirect = await ada.get('/legacy?login');
      expect([redirect.status, redirect.headers.location, redirect.setCookies.length]).toEqual([307, '/legacy', 1]);
      expect((await ada.get('/legacy')).text).toContain('<b id="user">ada</b>');
    });

    test('50 counts at once are exactly 50, over both routers', async () => {
      const ada = visitor();
      await ada.post('/api/login');
      const cookie = ada.jar.header();
      const paths = ['/api/count', '/api/legacy/count'];
      await Promise.all(
        Array.from({ length: 50 }, (_, index) => send(`${app.url}${paths[index % 2]}`, { method: 'POST', cookie })),
      );
      expect(objectIn(await ada.get('/api/me'))).toMatchObject({ views: 50 });
    });
  });

  // CVE-2025-29927: with this header Next.js skipped middleware, and who had asked for authorisation there had none.
  test.each([
    'middleware',
    'src/middleware',
    'proxy',
    'middleware:middleware:middleware:middleware:middleware',
    'src/proxy:src/proxy:src/proxy:src/proxy:src/proxy',
  ])('a forged x-middleware-subrequest (%s) opens nothing', async (forged) => {
    const headers = { 'x-middleware-subrequest': forged };
    const ada = visitor();
    expect(objectIn(await ada.get('/api/me', headers))).toMatchObject({ user: null });
    expect((await ada.get('/', headers)).text).toContain('<b id="user">nobody</b>');
    await ada.post('/api/login');
    expect(objectIn(await ada.get('/api/me', headers))).toMatchObject({ user: 'ada' });
  });
});
