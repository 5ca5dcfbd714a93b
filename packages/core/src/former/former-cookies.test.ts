import { createHmac } from 'node:crypto';

import { sign } from 'cookie-signature';
import fc from 'fast-check';
import { sealData, unsealData } from 'iron-session';
import { describe, expect, it } from 'vitest';

import { type FormerSessions, connectSid, cookieSession, ironSession, koaSession } from '../formerly.ts';
import { createSessions, memoryStore } from '../index.ts';
import { anySession } from '../testing/test-app.ts';

const secret = 'PV3x8kN0qzq0m1Tt9yJ2bq7rGdLwXoEhYcUaSfIi4Zk';
const password = 'a password of iron-session, which is long';
const keys = ['old key'];
const pair = (setCookie = ''): string => setCookie.split(';')[0] ?? '';
const signed = (name: string, value: string): string =>
  `${name}=${value}; ${name}.sig=${createHmac('sha1', 'old key').update(`${name}=${value}`).digest('base64url')}`;
const base64 = (data: object): string => Buffer.from(JSON.stringify(data)).toString('base64');
const iron = ironSession({ password, cookieName: 'app', unsealData });

describe('a session that only its cookie holds', () => {
  const libraries: [string, FormerSessions, () => Promise<string>][] = [
    ['cookie-session', cookieSession({ keys }), async () => signed('session', base64({ user: 'u1' }))],
    [
      'koa-session',
      koaSession({ keys }),
      async () => signed('koa.sess', base64({ user: 'u1', _expire: 9e12, _maxAge: 86_400_000 })),
    ],
    ['iron-session', iron, async () => `app=${encodeURIComponent(await sealData({ user: 'u1' }, { password }))}`],
  ];

  it.each(libraries)('of %s goes on, and its cookie is nobody after a logout', async (_, formerly, make) => {
    const cookie = await make();
    const clock = { now: Date.now() };
    const store = memoryStore({ clock: () => clock.now });
    const sessions = createSessions({ store, secret, formerly, logger: false, env: {}, clock: () => clock.now });
    const opened = await Promise.all([sessions.open(cookie), sessions.open(cookie)]);
    expect(opened.map((session) => session.toJSON())).toEqual([{ user: 'u1' }, { user: 'u1' }]);
    const headers = await Promise.all(opened.map((session) => sessions.commit(session)));
    expect(new Set(headers.map(({ setCookie }) => pair(setCookie))).size).toBe(1);
    expect(headers[0]?.alsoClear?.length).toBe(cookie.includes('.sig') ? 2 : 1);
    const next = await sessions.open(pair(headers[0]?.setCookie));
    await next.destroy();
    await sessions.commit(next);
    // Past the end marker, and for as long as its library would take it.
    for (const laterMs of [0, 61_000, 22 * 3_600_000]) {
      clock.now += laterMs;
      expect((await sessions.open(cookie)).isNew).toBe(true);
    }
  });

  it('of iron-session is the same one whatever version somebody writes behind its seal', async () => {
    const seal = await sealData({ user: 'u1' }, { password });
    const sessions = createSessions({ store: memoryStore(), secret, formerly: iron, logger: false, env: {} });
    const session = await sessions.open(`app=${seal}`);
    expect(anySession(session)['user']).toBe('u1');
    const { setCookie } = await sessions.commit(session);
    const next = await sessions.open(pair(setCookie));
    await next.destroy();
    await sessions.commit(next);
    for (const version of ['~2', '~02', '~2x', '~2~2', '~2 '])
      expect((await sessions.open(`app=${seal.replace('~2', version)}`)).isNew).toBe(true);
  });

  it('of koa-session keeps its deadline', async () => {
    const expires = Date.now() + 5_000;
    const cookie = signed('koa.sess', base64({ user: 'u1', _expire: expires, _maxAge: 60_000 }));
    const sessions = createSessions({
      store: memoryStore(),
      secret,
      formerly: koaSession({ keys }),
      logger: false,
      env: {},
    });
    const session = await sessions.open(cookie);
    expect([session.expiresAt.getTime(), session.idleTimeoutMs]).toEqual([expires, 60_000]);
    expect((await sessions.open(signed('koa.sess', base64({ user: 'u1', _expire: 1, _maxAge: 60_000 })))).isNew).toBe(
      true,
    );
  });
});

describe('a cookie that nobody has signed', () => {
  let asked = 0;
  const untouched = {
    get: (): void => void (asked += 1),
    destroy: (): void => void (asked += 1),
  };
  const libraries: [string, FormerSessions][] = [
    ['connect.sid', connectSid({ secret: ['keyboard cat', 'dog'], store: untouched })],
    ['koa.sess', koaSession({ keys, store: untouched })],
    ['koa.sess', koaSession({ keys })],
    ['session', cookieSession({ keys })],
    ['app', iron],
  ];
  const genuine = fc.constantFrom(
    encodeURIComponent(`s:${sign('abc', 'keyboard cat')}`),
    `s:${sign('abc', 'keyboard cat')}`,
    base64({ user: 'u1' }),
    'Fe26.2*1*0a*0b*0c*99999999999999*0d*0e~2',
    's:',
    's:.',
    '%E0%A4%A',
  );
  const pieces = [
    's:',
    '.',
    '%',
    '%3A',
    '=',
    ';',
    '*',
    '~',
    '"',
    '\\',
    ' ',
    '\t',
    ',',
    '{',
    '_',
    '-',
    '0',
    'é',
    '\u0000',
  ];
  // Pieces of genuine cookies, and whatever else fits in a header.
  const text = fc.string({ unit: fc.constantFrom(...pieces), maxLength: 60 });
  const value = fc.oneof(
    text,
    fc.string(),
    fc.tuple(genuine, fc.nat(80), text).map(([whole, at, piece]) => `${whole.slice(0, at)}x${piece}${whole.slice(at)}`),
  );

  it('is nobody: nothing throws, and no store is asked', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(libraries.length - 1), value, value, async (index, given, signature) => {
        const [name, library] = libraries[index] ?? ['app', iron];
        for (const header of [`${name}=${given}; ${name}.sig=${signature}`, `a=b;${name}=${given}`, given])
          expect(await library.find(header)).toBeUndefined();
      }),
      { numRuns: 3_000 },
    );
    expect(asked).toBe(0);
  });

  it('costs no more than four seals that are opened, however many a header has', async () => {
    let opened = 0;
    const counting: typeof unsealData = (...call) => ((opened += 1), unsealData(...call));
    const library = ironSession({ password, cookieName: 'app', unsealData: counting });
    const forged = `${(await sealData({ user: 'u1' }, { password })).slice(0, -9)}AAAAAAA~2`;
    expect(await library.find(Array(50).fill(`app=${forged}`).join('; '))).toBeUndefined();
    expect(opened).toBe(4);
  });

  it('makes no sessions of data that is not an object, though its key has signed it', async () => {
    const formerly = [cookieSession({ keys }), koaSession({ keys })];
    const sessions = createSessions({ store: memoryStore(), secret, formerly, logger: false, env: {} });
    for (const name of ['session', 'koa.sess'])
      for (const text of ['', 'null', '7', '"text"', '[1]', '{', '\u0000'])
        expect((await sessions.open(signed(name, Buffer.from(text).toString('base64')))).toJSON()).toEqual({});
    const polluting = Buffer.from('{"__proto__":{"a":1},"constructor":{"prototype":{}},"user":"u1"}').toString(
      'base64',
    );
    const session = anySession(await sessions.open(signed('session', polluting)));
    expect([session['user'], session['a'], Object.keys(session)]).toEqual(['u1', undefined, ['user']]);
  });
});

describe('a configuration that can take nobody over', () => {
  const store = { get: () => {}, destroy: () => {} };
  it.each([
    ['connectSid', () => connectSid({ secret: '', store })],
    ['connectSid', () => connectSid({ secret: [], store })],
    ['connectSid', () => connectSid({ secret: 'x', store: {} as never })],
    ['koaSession', () => koaSession({ keys: [] })],
    ['cookieSession', () => cookieSession({ keys: [''] })],
    ['ironSession', () => ironSession({ password: 'short', cookieName: 'app', unsealData })],
    ['ironSession', () => ironSession({ password: {}, cookieName: 'app', unsealData })],
    ['ironSession', () => ironSession({ password, cookieName: '', unsealData })],
    ['ironSession', () => ironSession({ password, cookieName: 'app', unsealData: undefined as never })],
  ])('is refused by %s at the start', (name, make) => {
    expect(make).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(`${name}({`) }),
    );
  });
});
