import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Answer, Visitor, objectIn } from './http-client.ts';
import { type NextApp, startNextApp } from './next-app.ts';
import { callAction, submitForm } from './next-form.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

describe('one process of a Next.js app, and a Redis', () => {
  let redis: RedisServer;
  let app: NextApp;
  let actions: string;
  /** What has been started ends, also where the next one did not start. */
  const ends: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    redis = await startRedis('--appendonly', 'yes', '--appendfsync', 'no');
    ends.unshift(redis.dispose);
    app = await startNextApp('start', {
      SESSION_REDIS_URL: redis.url,
      SECRET_KEY: 'n3w-Qe6uWi1oAp4sDf7gHj0kLz5xCv8b',
    });
    ends.unshift(app.stop);
    actions = (await new Visitor(app.url).get('/actions')).text;
  }, 120_000);
  afterAll(async () => {
    for (const end of ends) await end();
  });

  let ada: Visitor;
  beforeEach(async () => {
    ada = new Visitor(app.url);
    await ada.login('ada');
  });
  const page = `/actions`;
  const submit = (id: string, fields?: Record<string, string>): Promise<Answer> =>
    submitForm(ada, app.url + page, actions, id, fields);
  const call = (id: string): Promise<Answer> => callAction(ada, app.url + page, actions, id);

  /** How many commands the app sent meanwhile; what a script does inside Redis is none. */
  async function commandsOf(work: () => Promise<unknown>): Promise<number> {
    const monitor = await redis.admin.monitor();
    let count = 0;
    let isOver = false;
    monitor.on('monitor', (_time: string, [name, text]: string[], source: string) => {
      if (name?.toLowerCase() === 'echo' && text === 'over') isOver = true;
      else if (source !== 'lua' && !isOver) count += 1;
    });
    await work();
    // What was sent before is seen before.
    await redis.admin.echo('over');
    await expect.poll(() => isOver).toBe(true);
    monitor.disconnect();
    return count;
  }

  test('keeps one connection, however often Next.js loads the modules', async () => {
    for (const path of ['/', '/actions', '/cart', '/legacy', '/api/me', '/api/legacy/me', '/api/legacy/count'])
      expect([path, (await ada.get(path)).status]).toEqual([path, 200]);
    await submit('count');
    const clients = String(await redis.admin.client('LIST'))
      .trim()
      .split('\n');
    const others = clients.filter((line) => !line.includes(`id=${String(ownId)} `));
    expect(others).toHaveLength(1);
    // Control: the app's own module that makes the sessions was loaded several times in this process.
    expect(Number(objectIn(await ada.get('/api/loads'))['loads'])).toBeGreaterThan(1);
  });
  let ownId: unknown;
  beforeAll(async () => void (ownId = await redis.admin.client('ID')));

  describe('asks Redis', () => {
    test('nothing for a visitor without a cookie, and nothing where the session is not looked at', async () => {
      const stranger = new Visitor(app.url);
      const silent = await commandsOf(async () => {
        for (const path of ['/', '/api/me', '/api/aloof', '/legacy', '/api/legacy/me', '/static'])
          expect([path, (await stranger.get(path)).status]).toEqual([path, 200]);
        expect((await ada.get('/static')).status).toBe(200);
      });
      expect(silent).toBe(0);
    });

    test('once for a page, however many of its components read the session', async () => {
      expect(await commandsOf(() => ada.get('/'))).toBe(1);
    });

    test('once to read, and once more to change, in handlers, API routes and getServerSideProps', async () => {
      for (const path of ['/api/me', '/api/legacy/me', '/legacy'])
        expect([path, await commandsOf(() => ada.get(path))]).toEqual([path, 1]);
      for (const path of ['/api/count', '/api/legacy/count', '/legacy?count'])
        expect([path, await commandsOf(() => ada.get(path))]).toEqual([path, 2]);
    });

    test('once more where a touch is due: who only looks at pages is not idle', async () => {
      await ada.post('/api/hasty');
      expect(await commandsOf(() => ada.get('/hasty'))).toBe(2);
      expect(await commandsOf(() => ada.get('/'))).toBe(1);
    });

    test('in an action as in a handler, and once for the page that is rendered after it', async () => {
      expect(await commandsOf(() => submit('count'))).toBe(3);
    });
  });

  describe('a Server Action', () => {
    test('has stored when the page is rendered after it, for a form without JavaScript', async () => {
      const first = await submit('count');
      expect([first.status, first.setCookies]).toEqual([200, []]);
      expect(first.text).toContain('<i id="views">1</i>');
      expect((await submit('count')).text).toContain('<i id="views">2</i>');
    });

    test('has stored when the page is rendered after it, for React in a browser', async () => {
      const answer = await call('count');
      expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/x-component']);
      expect(answer.text).toMatch(/"id":"views","children":1\}/);
    });

    test('that logs in is seen by the page that it renders, and sends the cookie as Next.js writes it', async () => {
      ada.jar.apply(['__Host-sid=; Max-Age=0']);
      const answer = await submit('login', { user: 'grace' });
      expect(answer.text).toContain('<b id="user">grace</b>');
      expect(answer.setCookies).toEqual([
        expect.stringMatching(
          /^__Host-sid=[\w-]{43}\.[\w-]{43}; Path=\/; Expires=[^;]+ GMT; Max-Age=\d{7}; Secure; HttpOnly; SameSite=lax$/,
        ),
      ]);
      expect(objectIn(await ada.get('/api/me'))).toMatchObject({ user: 'grace' });
    });

    test('takes the place of a session, and the page after it shows the new one', async () => {
      const before = ada.jar.header();
      expect((await submit('login', { user: 'grace' })).text).toContain('<b id="user">grace</b>');
      expect(ada.jar.header()).not.toBe(before);
    });

    test('that ends with redirect() has stored before; an action that it calls shares its session', async () => {
      const answer = await submit('leave', { user: 'linus' });
      expect([answer.status, answer.headers.location, answer.setCookies.length]).toEqual([303, '/', 1]);
      expect((await ada.get('/')).text).toContain('<b id="user">linus</b>');
    });

    test('that ends with notFound() has stored before, and sends the cookie', async () => {
      ada.jar.apply(['__Host-sid=; Max-Age=0']);
      const answer = await submit('missing');
      expect([answer.status, answer.setCookies.length]).toEqual([404, 1]);
      expect(objectIn(await ada.get('/api/me'))).toMatchObject({ user: 'missing' });
    });

    test('that logs out clears the cookie, and the page after it shows nobody', async () => {
      const answer = await submit('logout');
      expect(answer.text).toContain('<b id="user">nobody</b>');
      expect(answer.setCookies).toEqual([expect.stringMatching(/^__Host-sid=; Path=\/; Expires=Thu, 01 Jan 1970/)]);
      expect(ada.jar.header()).toBeUndefined();
    });

    test.each([
      ['for a form without JavaScript', (who: Visitor) => submitForm(who, app.url + page, actions, 'saves')],
      ['for React in a browser', (who: Visitor) => callAction(who, app.url + page, actions, 'saves')],
    ])('that throws after a login that it has saved sends the cookie, %s', async (_, act) => {
      const who = new Visitor(app.url);
      await who.post('/api/login');
      const answer = await act(who);
      expect([answer.status, answer.setCookies.length]).toEqual([500, 1]);
      expect(objectIn(await who.get('/api/me'))).toMatchObject({ user: 'saved' });
    });

    test('that throws stores nothing', async () => {
      const answer = await submit('fails');
      expect([answer.status, answer.setCookies]).toEqual([500, []]);
      expect(objectIn(await ada.get('/api/me'))).toMatchObject({ user: 'ada' });
    });
  });

  test(
    'when Redis dies nobody is shown as logged out, and when it is back so are all, without a restart',
    { timeout: 60_000 },
    async () => {
      await redis.kill();
      const stranger = new Visitor(app.url);
      const handlers = ['me', 'count', 'logout', 'redirect', 'missing', 'nested'].map((deed) =>
        ada.post(`/api/${deed}`),
      );
      const legacy = ['api/legacy/me', 'api/legacy/count', 'api/legacy/login', 'legacy', 'legacy?count'].map((path) =>
        ada.get(`/${path}`),
      );
      const logins = ['/api/login', '/api/legacy/login'].map((path) => stranger.post(path));
      for (const answer of await Promise.all([...handlers, ...legacy, ...logins])) {
        expect([answer.status, answer.setCookies]).toEqual([503, []]);
        expect(answer.headers['retry-after']).toBe('1');
        expect(answer.headers['cache-control']).toBe('no-store');
        expect(objectIn(answer)['code']).toMatch(/^STORE_/);
      }

      // Next.js leaves no other way in a component and an action: the status is 500, and the code is for error.tsx.
      const pages = ['/', '/actions', '/cart'].map((path) => ada.get(path));
      const forms = ['count', 'login', 'leave', 'logout', 'missing'].map((id) => submit(id, { user: 'grace' }));
      for (const answer of await Promise.all([...pages, ...forms])) {
        expect([answer.status, answer.setCookies]).toEqual([500, []]);
        expect(answer.headers['cache-control']).toContain('no-store');
        expect(answer.text).not.toContain('nobody');
      }
      for (const { text } of await Promise.all(pages)) expect(text).toMatch(/STORE_(UNAVAILABLE|TIMEOUT)/);
      const called = await call('count');
      expect([called.status, called.setCookies]).toEqual([500, []]);
      expect(called.text).toMatch(/"digest":"STORE_(UNAVAILABLE|TIMEOUT)"/);

      // Who does not look at a session is not failed by it, and neither is a stranger who only looks.
      const aloof = ['/static', '/api/aloof', '/api/legacy/aloof'].map((path) => ada.get(path));
      const looks = ['/', '/api/me', '/legacy'].map((path) => stranger.get(path));
      for (const { status } of await Promise.all([...aloof, ...looks])) expect(status).toBe(200);

      await redis.start();
      await expect.poll(async () => (await ada.get('/api/me')).status, { timeout: 20_000 }).toBe(200);
      expect(objectIn(await ada.get('/api/me'))).toMatchObject({ user: 'ada' });
      expect((await ada.get('/')).text).toContain('<b id="user">ada</b>');
      expect((await submit('count')).text).toContain('<i id="views">1</i>');
    },
  );
});
