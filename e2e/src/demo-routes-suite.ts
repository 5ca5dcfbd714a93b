import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, Visitor, newcomer, objectIn, send } from './http-client.ts';
import { type DemoDescription, type RunningDemo, startDemo } from './start-demo.ts';

const isoTime: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);

/** Every route of the demo, as its users see it, with what it says to bad input. */
export function testRoutes(description: DemoDescription, store: 'fs' | 'redis' | 'postgres'): void {
  describe(`${description.framework} demo on ${store}: routes`, () => {
    let demo: RunningDemo;
    beforeAll(async () => {
      demo = await startDemo(description, { store });
    }, 30_000);
    afterAll(() => demo.stop());

    const visitor = (): Visitor => new Visitor(demo.url);
    const expectProblem = (answer: Answer, status: number, code: string): void => {
      expect([answer.status, objectIn(answer)['code']]).toEqual([status, code]);
      expect(objectIn(answer)['error']).toMatch(/\w{3}.*[.?)]$/);
    };

    test('a stranger is told so, and gets no session by asking', async () => {
      const ada = visitor();
      const answer = await ada.get('/api/me');
      expect(objectIn(answer)).toEqual({
        user: null,
        pid: expect.any(Number),
        worker: expect.any(Number),
        store,
        views: 0,
        keys: [],
        handle: null,
      });
      expect(answer.setCookies).toEqual([]);
    });

    test('a login sets one cookie, and every answer after it knows the user', async () => {
      const ada = visitor();
      const answer = await ada.post('/api/login', { user: ' Ada ' });
      expect([answer.status, objectIn(answer)]).toEqual([200, { user: 'Ada' }]);
      expect(answer.setCookies).toHaveLength(1);
      expect(answer.setCookies[0]).toMatch(/; HttpOnly/);
      expect(answer.headers['cache-control']).toBe('private, no-store');

      const me = await ada.me();
      expect(me).toMatchObject({ user: 'Ada', store, keys: ['userId'] });
      expect(me['handle']).toMatch(/^[0-9a-f]{64}$/);
    });

    test('a login changes the token, and the one from before is worth nothing', async () => {
      const ada = visitor();
      await ada.post('/api/count');
      const before = ada.jar.header();
      await ada.login('Ada');
      expect(ada.jar.header()).not.toBe(before);
      const old = await send(`${demo.url}/api/me`, { cookie: before });
      expect(objectIn(old)).toMatchObject({ user: null, views: 0 });
    });

    test('a logout clears the cookie, and the old cookie stays logged out', async () => {
      const ada = visitor();
      await ada.login('Ada');
      const cookie = ada.jar.header();
      expect((await ada.post('/api/logout')).status).toBe(200);
      expect(ada.jar.header()).toBeUndefined();
      expect(objectIn(await send(`${demo.url}/api/me`, { cookie }))).toMatchObject({ user: null, keys: [] });
    });

    test('a logout of somebody who is not logged in is no error', async () => {
      expect((await visitor().post('/api/logout')).status).toBe(200);
      expect((await visitor().post('/api/logout-everywhere')).status).toBe(200);
    });

    test('counts are kept in the session', async () => {
      const ada = visitor();
      expect(objectIn(await ada.post('/api/count'))).toEqual({ views: 1 });
      expect(objectIn(await ada.post('/api/count'))).toEqual({ views: 2 });
      expect(await ada.me()).toMatchObject({ views: 2, keys: ['views'] });
    });

    test('any JSON value can be set and is read back as it was', async () => {
      const ada = visitor();
      const values = ['text', 0, false, null, [1, [2]], { deep: { er: 'ü\u2028' } }, ''];
      for (const [index, value] of values.entries()) {
        expect((await ada.post(`/api/set/key${index}`, { value })).status).toBe(200);
        expect(objectIn(await ada.get(`/api/get/key${index}`))).toEqual({ value });
      }
      expect(objectIn(await ada.get('/api/get/missing'))).toEqual({ value: null });
    });

    test('a control of the session is not data', async () => {
      const ada = visitor();
      await ada.login('Ada');
      expect(objectIn(await ada.get('/api/get/update'))).toEqual({ value: null });
      expect(objectIn(await ada.get('/api/get/constructor'))).toEqual({ value: null });
    });

    test.each(['update', 'destroy', '__proto__', 'constructor', 'prototype'])('%s is a reserved key', async (key) => {
      const ada = visitor();
      expectProblem(await ada.post(`/api/set/${key}`, { value: 1 }), 400, 'RESERVED_KEY');
      expect(ada.jar.header()).toBeUndefined();
    });

    test('one sees one\u2019s own sessions, and only those', async () => {
      const [laptop, phone, other] = [visitor(), visitor(), visitor()];
      const grace = newcomer('Grace');
      await laptop.login(grace);
      await phone.login(grace);
      await other.login('Mallory');

      const list: unknown = JSON.parse((await laptop.get('/api/sessions')).text);
      expect(list).toHaveLength(2);
      expect(list).toEqual(
        expect.arrayContaining([
          {
            handle: (await laptop.me())['handle'],
            device: 'Unknown device',
            createdAt: isoTime,
            touchedAt: isoTime,
            current: true,
          },
          {
            handle: (await phone.me())['handle'],
            device: 'Unknown device',
            createdAt: isoTime,
            touchedAt: isoTime,
            current: false,
          },
        ]),
      );
      expect((await visitor().get('/api/sessions')).text).toBe('[]');
    });

    test('one can revoke a session of one\u2019s own, and nobody else\u2019s', async () => {
      const [laptop, phone, other] = [visitor(), visitor(), visitor()];
      const linus = newcomer('Linus');
      await laptop.login(linus);
      await phone.login(linus);
      await other.login('Mallory');

      const foreign = String((await other.me())['handle']);
      expectProblem(await laptop.post(`/api/sessions/${foreign}/revoke`), 404, 'NOT_FOUND');
      expectProblem(await visitor().post(`/api/sessions/${foreign}/revoke`), 404, 'NOT_FOUND');
      expect(await other.me()).toMatchObject({ user: 'Mallory' });

      const own = String((await phone.me())['handle']);
      expect((await laptop.post(`/api/sessions/${own}/revoke`)).status).toBe(200);
      expect(await phone.me()).toMatchObject({ user: null });
      expect(await laptop.me()).toMatchObject({ user: linus });
      expectProblem(await laptop.post(`/api/sessions/${own}/revoke`), 404, 'NOT_FOUND');
    });

    test('log out everywhere ends all sessions of the user, and nobody else\u2019s', async () => {
      const [laptop, phone, other] = [visitor(), visitor(), visitor()];
      const barbara = newcomer('Barbara');
      await laptop.login(barbara);
      await phone.login(barbara);
      await other.login('Mallory');

      const answer = await laptop.post('/api/logout-everywhere');
      expect([answer.status, objectIn(answer)]).toEqual([200, { user: null, revoked: 1 }]);
      expect(laptop.jar.header()).toBeUndefined();
      expect(await laptop.me()).toMatchObject({ user: null });
      expect(await phone.me()).toMatchObject({ user: null });
      expect(await other.me()).toMatchObject({ user: 'Mallory' });
    });

    test('forms are answered with a redirect to the page', async () => {
      const ada = visitor();
      const login = await ada.submit('/api/login', { user: 'Ada & <b>' });
      expect([login.status, login.headers.location]).toEqual([303, '/']);
      expect((await ada.get('/')).text).toContain('Logged in as Ada &amp; &lt;b&gt;');

      const logout = await ada.submit('/api/logout');
      expect([logout.status, logout.headers.location]).toEqual([303, '/']);
      expect((await ada.get('/')).text).toContain('Logged out');

      await ada.submit('/api/login', { user: 'Ada' });
      const everywhere = await ada.submit('/api/logout-everywhere');
      expect([everywhere.status, everywhere.headers.location]).toEqual([303, '/']);
    });

    test('a form that cannot be carried out is answered with a page in words', async () => {
      const answer = await visitor().submit('/api/login', { user: ' ' });
      expect(answer.status).toBe(400);
      expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
      expect(answer.text).toContain('Say who you are');
    });

    test('bad input is a 400 that says what is wrong', async () => {
      const ada = visitor();
      expectProblem(await ada.postText('/api/login', '{"user":'), 400, 'BAD_JSON');
      expectProblem(await ada.post('/api/login'), 400, 'USER_INVALID');
      for (const user of ['', '  ', 7, null, ['Ada'], { name: 'Ada' }, 'x'.repeat(65)]) {
        expectProblem(await ada.post('/api/login', { user }), 400, 'USER_INVALID');
      }
      expectProblem(await ada.post('/api/set/a', {}), 400, 'VALUE_MISSING');
      expectProblem(await ada.postText('/api/set/a', 'x'), 400, 'BAD_JSON');
      for (const delay of ['-1', '10001', '1e3', 'soon', '', '1&delay=2']) {
        expectProblem(await ada.post(`/api/set/a?delay=${delay}`, { value: 1 }), 400, 'DELAY_INVALID');
      }
      expect(ada.jar.header()).toBeUndefined();
    });

    test('what belongs to the page alone is answered beside the app, and only as it asks', async () => {
      const ada = visitor();
      const login = await ada.post('/memory/api/login?user=Ada');
      expect(objectIn(login)).toEqual({ user: 'Ada', worker: expect.any(Number), pid: expect.any(Number) });
      // Its cookie goes nowhere else.
      expect(login.setCookies).toEqual([expect.stringMatching(/^memory-sid=.*; Path=\/memory(?:;|$)/)]);
      expectProblem(await ada.post('/memory/api/login'), 400, 'USER_INVALID');
      expectProblem(await ada.post('/demo/kill?worker=all'), 400, 'WORKER_INVALID');
      expectProblem(await ada.get('/demo/kill'), 404, 'NOT_FOUND');
    });

    test('a body that is too large is a 413', async () => {
      const answer = await visitor().post('/api/set/a', { value: 'x'.repeat(200_000) });
      expect(answer.status).toBe(413);
      expectProblem(answer, 413, 'BODY_TOO_LARGE');
    });

    test('an unknown address is a 404 with a code', async () => {
      expectProblem(await visitor().get('/api/nothing'), 404, 'NOT_FOUND');
      expectProblem(await visitor().get('/../package.json'), 404, 'NOT_FOUND');
      expect((await visitor().get('/nothing', { Accept: 'text/html' })).headers['content-type']).toContain('text/html');
    });

    test('the page and its files have their types, and ask nobody else for anything', async () => {
      const page = await visitor().get('/');
      expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
      expect(page.headers['content-security-policy']).toContain("default-src 'none'");
      expect(page.text).not.toMatch(/(src|href)="(https?:)?\/\//);
      expect(page.text).not.toMatch(
        description.drawsPage === true ? /<style|style="/ : /<style|style="|<script(?![^>]* src=)/,
      );

      const files = ['/icon.svg', '/theme.css', '/style.css', '/controls.css', '/strip.css', '/app.js'];
      const all = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => String(link));
      const links = description.drawsPage === true ? files : all;
      expect(links).toEqual(files);
      expect(all.filter((link) => !link.startsWith('/_next/') && !files.includes(link))).toEqual([]);
      const types: Record<string, string> = { svg: 'image/svg+xml', css: 'text/css', js: 'text/javascript' };
      for (const link of [...links, '/api.js', '/side.js', '/strip.js', '/summary.js', '/tables.js']) {
        const answer = await visitor().get(String(link));
        expect(answer.status).toBe(200);
        expect(answer.headers['content-type']).toContain(types[String(link).split('.')[1] ?? '']);
      }
    });

    test('healthy while the store is there', async () => {
      const answer = await visitor().get('/healthz');
      expect([answer.status, objectIn(answer)]).toEqual([200, { ok: true, store }]);
      expect(answer.setCookies).toEqual([]);
    });
  });
}
