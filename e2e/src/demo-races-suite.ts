import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CookieJar } from './cookie-jar.ts';
import { type Answer, Visitor, inParallel, newcomer, objectIn, send } from './http-client.ts';
import { type DemoDescription, type RunningDemo, startDemo } from './start-demo.ts';

const times = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** The same items in many orders: each one first, each one last, and some that chance chose. */
function orders<Item>(items: readonly Item[], random: number): Item[][] {
  const rotated = items.flatMap((_, index) => {
    const turned = [...items.slice(index), ...items.slice(0, index)];
    return [turned, turned.toReversed()];
  });
  const shuffled = times(random).map(() =>
    items
      .map((item) => ({ item, place: Math.random() }))
      .toSorted((a, b) => a.place - b.place)
      .map(({ item }) => item),
  );
  return [...rotated, ...shuffled];
}

/** What a browser holds when the answers come in this order. */
function jarAfter(start: CookieJar, answers: readonly Answer[]): string | undefined {
  const jar = start.copy();
  for (const { setCookies } of answers) jar.apply(setCookies);
  return jar.header();
}

const json = { 'Content-Type': 'application/json' };

/**
 * 200 requests of one browser at the same time. On PostgreSQL each write waits for several processes, so on a machine that
 * does other things the bounds may be over first: who is told so (503) tries again, or is not counted.
 */
function testCrowds(demo: () => RunningDemo, mayBeLate: boolean): void {
  const isRight = ({ status }: Answer): boolean => status === 200 || (mayBeLate && status === 503);

  test('200 requests that set 200 keys: all 200 are there', { timeout: 60_000 }, async () => {
    const { url } = demo();
    const ada = new Visitor(url);
    await ada.login('Ada');
    const cookie = ada.jar.header();
    for (let missing = times(200); missing.length > 0;) {
      const answers = await Promise.all(
        missing.map((key) =>
          send(`${url}/api/set/key${key}?delay=20`, {
            method: 'POST',
            cookie,
            headers: json,
            body: JSON.stringify({ value: key }),
          }),
        ),
      );
      expect(answers.filter((answer) => !isRight(answer)).map(({ text }) => text)).toEqual([]);
      missing = missing.filter((_, at) => answers[at]?.status === 503);
    }
    const keys = (await ada.me())['keys'];
    expect(new Set(Array.isArray(keys) ? keys : [])).toEqual(
      new Set(['userId', ...times(200).map((key) => `key${key}`)]),
    );
    expect(objectIn(await ada.get('/api/get/key123'))).toEqual({ value: 123 });
  });

  test('200 counts are exactly 200', { timeout: 60_000 }, async () => {
    const { url } = demo();
    const ada = new Visitor(url);
    await ada.login('Ada');
    const cookie = ada.jar.header();
    const answers = await Promise.all(times(200).map(() => send(`${url}/api/count`, { method: 'POST', cookie })));
    expect(answers.filter((answer) => !isRight(answer)).map(({ text }) => text)).toEqual([]);
    const counted = answers.filter(({ status }) => status === 200);
    expect(counted.length).toBeGreaterThan(20);
    // Nobody was told the same number twice.
    expect(new Set(counted.map((answer) => objectIn(answer)['views'])).size).toBe(counted.length);
    const views = Number((await ada.me())['views']);
    // A 503 says that it is not known whether it was counted.
    expect(views).toBeGreaterThanOrEqual(counted.length);
    expect(views).toBeLessThanOrEqual(200);
  });
}

/** On a store that may be late on a busy machine. */
export function testLateCrowds(description: DemoDescription, store: 'postgres'): void {
  withSharedDemo(description, store, (demo) => testCrowds(demo, true));
}

function withSharedDemo(
  description: DemoDescription,
  store: 'fs' | 'redis' | 'postgres',
  tests: (demo: () => RunningDemo) => void,
): void {
  describe(`${description.framework} demo on ${store}: at the same time`, () => {
    let demo: RunningDemo;
    beforeAll(async () => {
      demo = await startDemo(description, { store });
      expect(await new Visitor(demo.url).me()).toMatchObject({ store });
    }, 30_000);
    afterAll(() => demo.stop());
    tests(() => demo);
  });
}

/** Requests of one browser that are under way at the same time, answered by different workers. */
export function testRaces(description: DemoDescription, store: 'fs' | 'redis'): void {
  withSharedDemo(description, store, (sharedDemo) => {
    testCrowds(sharedDemo, false);

    test(
      'requests with the old cookie while one logs in: the login stays in the jar',
      { timeout: 120_000 },
      async () => {
        const round = async (number: number): Promise<void> => {
          const ada = new Visitor(sharedDemo().url);
          await ada.post('/api/count');
          const start = ada.jar.copy();
          const cookie = start.header();
          const body = JSON.stringify({ user: `user-${number}` });
          const login = pause(number % 5).then(() =>
            send(`${sharedDemo().url}/api/login`, { method: 'POST', cookie, headers: json, body }),
          );
          const set = (key: string, delay: number): Promise<Answer> =>
            send(`${sharedDemo().url}/api/set/${key}?delay=${delay}`, {
              method: 'POST',
              cookie,
              headers: json,
              body: '{"value":1}',
            });
          const answers = await Promise.all([
            login,
            set('a', 0),
            set('b', 5),
            set('c', 30),
            send(`${sharedDemo().url}/api/count`, { method: 'POST', cookie }),
            send(`${sharedDemo().url}/api/me`, { cookie }),
            pause(30).then(() => send(`${sharedDemo().url}/api/me`, { cookie })),
            pause(30).then(() => send(`${sharedDemo().url}/api/count`, { method: 'POST', cookie })),
          ]);
          expect(answers[0].status).toBe(200);
          expect(answers.map(({ status }) => status).filter((status) => status !== 200 && status !== 409)).toEqual([]);

          const jars = new Set(orders(answers, 50).map((order) => jarAfter(start, order)));
          expect(jars.size).toBe(1);
          expect(objectIn(await send(`${sharedDemo().url}/api/me`, { cookie: [...jars][0] }))).toMatchObject({
            user: `user-${number}`,
          });
          expect(objectIn(await send(`${sharedDemo().url}/api/me`, { cookie }))).toMatchObject({
            user: null,
            keys: [],
          });
        };
        await inParallel(
          times(60).map((number) => () => round(number)),
          6,
        );
      },
    );

    // What may end a session under a request that still holds a copy of it.
    const ends: Record<string, (ada: Visitor, cookie: string | undefined) => Promise<Answer>> = {
      'one logs out': (_ada, cookie) => send(`${sharedDemo().url}/api/logout`, { method: 'POST', cookie }),
      'one logs in again': (_ada, cookie) =>
        send(`${sharedDemo().url}/api/login`, { method: 'POST', cookie, headers: json, body: '{"user":"Ada"}' }),
      'another browser revokes it': async (ada) => {
        const handle = String((await ada.me())['handle']);
        const phone = new Visitor(sharedDemo().url);
        await phone.login(String((await ada.me())['user']));
        return phone.post(`/api/sessions/${handle}/revoke`);
      },
      'another browser logs out everywhere': async (ada) => {
        const phone = new Visitor(sharedDemo().url);
        await phone.login(String((await ada.me())['user']));
        return phone.post('/api/logout-everywhere');
      },
    };

    test.each(Object.keys(ends))(
      'a write under way while %s: the old cookie stays dead',
      { timeout: 120_000 },
      async (how) => {
        const round = async (number: number): Promise<void> => {
          const ada = new Visitor(sharedDemo().url);
          await ada.login(newcomer('Ada'));
          const cookie = ada.jar.header();
          const set = (delay: number): Promise<Answer> =>
            send(`${sharedDemo().url}/api/set/late?delay=${delay}`, {
              method: 'POST',
              cookie,
              headers: json,
              body: '{"value":"late"}',
            });
          const answers = await Promise.all([
            pause(10 + (number % 11) * 3).then(() => ends[how]?.(ada, cookie)),
            // One is surely late, one ends about when the session does.
            set(150),
            set(10 + (number % 7) * 5),
            pause(10 + (number % 13) * 3).then(() => send(`${sharedDemo().url}/api/count`, { method: 'POST', cookie })),
          ]);
          const statuses = answers.map((answer) => answer?.status);
          expect(statuses[0]).toBe(200);
          expect(statuses.filter((status) => status !== 200 && status !== 409)).toEqual([]);
          // A logout and a login leave an end marker: a late write makes no session of its own either. Without the
          // marker a request that came after the end is that of a stranger, and may begin a session.
          const lateCookies = answers.slice(1).flatMap((answer) => answer?.setCookies);
          expect(how.startsWith('one ') ? lateCookies : []).toEqual([]);
          const dead = { user: null, views: 0, keys: [] };
          expect(objectIn(await send(`${sharedDemo().url}/api/me`, { cookie }))).toMatchObject(dead);
        };
        await inParallel(
          times(100).map((number) => () => round(number)),
          25,
        );
      },
    );

    test('a redirect after a login finds the session, whichever worker it meets', { timeout: 60_000 }, async () => {
      const workers = new Set<string | undefined>();
      await inParallel(
        times(100).map((number) => async () => {
          const ada = new Visitor(sharedDemo().url);
          const { status, headers } = await ada.submit('/api/login', { user: `user-${number}` });
          expect(status).toBe(303);
          const page = await ada.get(String(headers.location));
          expect(page.text).toContain(`Logged in as user-${number}<`);
          workers.add(/data-worker="(\d+)"/.exec(page.text)?.[1]);
        }),
        8,
      );
      expect(workers.size).toBe(4);
    });
  });
}

/** Strangers cost nothing: no cookie, no record, no file. */
export function testAnonymous(description: DemoDescription): void {
  describe(`${description.framework} demo: strangers`, () => {
    test('10,000 requests leave no file and set no cookie', { timeout: 120_000 }, async () => {
      const demo = await startDemo(description, { store: 'fs' });
      try {
        expect(await new Visitor(demo.url).me()).toMatchObject({ store: 'fs' });
        const before = await demo.files();
        const paths = ['/', '/api/me', '/api/sessions', '/api/get/views'];
        const strange = [undefined, undefined, 'sid=made-up', `sid=${'a'.repeat(43)}.${'b'.repeat(43)}`, 'other=1'];
        let cookies = 0;
        const statuses = new Set<number>();
        await inParallel(
          times(10_000).map((index) => async () => {
            const path = paths[index % paths.length] ?? '/';
            const answer = await send(demo.url + path, { cookie: strange[index % strange.length] });
            cookies += answer.setCookies.length;
            statuses.add(answer.status);
          }),
          32,
        );
        expect({ cookies, statuses: [...statuses] }).toEqual({ cookies: 0, statuses: [200] });
        expect(await demo.files()).toEqual(before);

        // Control: one count makes a cookie and files.
        const ada = new Visitor(demo.url);
        expect((await ada.post('/api/count')).setCookies).toHaveLength(1);
        expect((await demo.files()).length).toBeGreaterThan(before.length);
      } finally {
        await demo.stop();
      }
    });
  });
}
