import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, Visitor, objectIn, send } from './http-client.ts';
import { type DemoDescription, type RunningDemo, startDemo } from './start-demo.ts';

/** 256 bits, a dot, and as many of the signature. */
const value = '[\\w-]{43}\\.[\\w-]{43}';
/** 30 days, less the moment that has passed since the session began. */
const lifetime = '(2592000|25919\\d\\d)';
const setLine = new RegExp(`^sid=${value}; Max-Age=${lifetime}; Path=/; HttpOnly; SameSite=Lax$`);

/** What goes over the wire for a session, to the letter: the same from every framework. */
export function testCookies(description: DemoDescription, store: 'fs' | 'redis'): void {
  describe(`${description.framework} demo on ${store}: cookies and caches`, () => {
    let demo: RunningDemo;
    let ada: Visitor;
    let cookie: string;
    beforeAll(async () => {
      demo = await startDemo(description, { store, workers: 2 });
      ada = new Visitor(demo.url);
      await ada.login('Ada');
      cookie = String(ada.jar.header());
    }, 30_000);
    afterAll(() => demo.stop());

    /** Without what the framework itself varies by. */
    const varyOf = ({ headers }: Answer): string => {
      const names = (headers.vary ?? '').split(',').map((name) => name.trim());
      return names.filter((name) => description.variesBy?.includes(name) !== true).join(', ');
    };

    test('a login, a first change and a logout say this, and nobody keeps the answer', async () => {
      const visitor = new Visitor(demo.url);
      const lines: string[] = [];
      for (const [path, body] of [
        ['/api/count', undefined],
        ['/api/login', { user: 'Grace' }],
        ['/api/logout', undefined],
      ] as const) {
        const answer = await visitor.post(path, body);
        expect(answer.status).toBe(200);
        expect(answer.headers['cache-control']).toBe('private, no-store');
        expect(varyOf(answer)).toBe('Cookie');
        lines.push(...answer.setCookies);
      }
      expect(lines).toHaveLength(3);
      expect(lines[0]).toMatch(setLine);
      expect(lines[1]).toMatch(setLine);
      expect(lines[1]).not.toBe(lines[0]);
      expect(lines[2]).toBe('sid=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax');
    });

    test('a change and a read of a session that is there send no cookie', async () => {
      for (const answer of [await ada.post('/api/count'), await ada.get('/api/me')]) {
        expect([answer.status, answer.setCookies, varyOf(answer)]).toEqual([200, [], 'Cookie']);
      }
      // A page that the framework draws has the framework's own headers.
      const page = await ada.get('/');
      const drawn = description.drawsPage === true;
      expect([page.status, page.setCookies]).toEqual([200, []]);
      expect(drawn ? page.headers['cache-control'] : varyOf(page)).toMatch(drawn ? /private.*no-store/ : /^Cookie$/);
    });

    test('what does not look at the session says nothing of cookies, so a cache may keep it', async () => {
      const answer = await ada.get('/style.css');
      expect([answer.status, answer.setCookies]).toEqual([200, []]);
      expect(answer.headers.vary ?? '').not.toMatch(/cookie/i);
    });

    const damages: Record<string, (whole: string) => string> = {
      'another token': (whole) => whole.replace(/=(.)/, (_, first: string) => (first === 'A' ? '=B' : '=A')),
      'another signature': (whole) => whole.replace(/\.(.)/, (_, first: string) => (first === 'A' ? '.B' : '.A')),
      'no signature': (whole) => whole.replace(/\..*/, ''),
      'an empty signature': (whole) => whole.replace(/\..*/, '.'),
      'half of it': (whole) => whole.slice(0, whole.length / 2),
      'something behind it': (whole) => `${whole}x`,
      nothing: () => 'sid=',
      'quotes around it': (whole) => whole.replace(/=(.*)/, '="$1"'),
      'percent signs': (whole) => whole.replace('.', '%2E'),
      'a broken percent sign': (whole) => `${whole}%`,
      'the cookie of express-session': (whole) => whole.replace('sid=', 'sid=s%3A'),
      'eight kilobytes': () => `sid=${'a'.repeat(8_000)}`,
      'bytes that are no text': () => 'sid=\u00ff\u00fe.\u0080',
    };

    test.each(Object.keys(damages))('a cookie with %s is a stranger\u2019s, and is left alone', async (how) => {
      const damaged = damages[how]?.(cookie) ?? '';
      expect(damaged).not.toBe(cookie);
      const answer = await send(`${demo.url}/api/me`, { cookie: damaged });
      expect([answer.status, objectIn(answer)['user'], answer.setCookies]).toEqual([200, null, []]);
      expect(await ada.me()).toMatchObject({ user: 'Ada' });
    });

    test('beside a good cookie, damaged and foreign ones do no harm', async () => {
      const forged = damages['another signature']?.(cookie);
      for (const header of [
        `${forged}; ${cookie}`,
        `a=b; ${cookie}; sidecar=1`,
        `${cookie}; ${cookie}`,
        `=; ;${cookie}`,
      ])
        expect(objectIn(await send(`${demo.url}/api/me`, { cookie: header }))).toMatchObject({ user: 'Ada' });
    });

    test('two good cookies are none: whose session it is cannot be known', async () => {
      const mallory = new Visitor(demo.url);
      await mallory.login('Mallory');
      const answer = await send(`${demo.url}/api/me`, { cookie: `${mallory.jar.header()}; ${cookie}` });
      expect([answer.status, objectIn(answer)['user'], answer.setCookies]).toEqual([200, null, []]);
    });

    test('whoever changes something with a damaged cookie begins a session of their own', async () => {
      const damaged = damages['another signature']?.(cookie);
      const answer = await send(`${demo.url}/api/count`, { method: 'POST', cookie: damaged });
      expect([answer.status, objectIn(answer)]).toEqual([200, { views: 1 }]);
      expect(answer.setCookies).toEqual([expect.stringMatching(setLine)]);
      expect(answer.setCookies[0]?.split(';')[0]).not.toBe(damaged);
    });
  });
}
