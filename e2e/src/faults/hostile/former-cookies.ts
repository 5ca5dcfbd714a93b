import { createHmac } from 'node:crypto';
import { type SessionStore, createSessions, memoryStore } from '@sess/core';
import { type FormerSessions, connectSid, cookieSession, ironSession, koaSession } from '@sess/core/formerly';
import fc from 'fast-check';
import { sealData, unsealData } from 'iron-session';
import { type HostileRow, almost, tryInputs } from './hostile-row.ts';

const secret = 'a secret for hostile input, of 32 bytes or more';
const password = 'a password of iron-session, of 32 characters or more';
const key = 'keyboard cat';

/** A header may cost this much, however it looks. */
const longestMs = 5;

/** A seal is opened by the thread pool in several steps, and each of them waits for its turn on a busy machine. */
const longestOfSealsMs = 100;

type Pair = readonly [name: string, value: string];

/** One library whose users are taken over, and the cookies of two of them. */
interface Library {
  readonly formerly: FormerSessions;
  readonly ada: readonly Pair[];
  readonly eve: readonly Pair[];
  /** What of a value counts: how it is written in a header may differ. */
  readonly read: (value: string) => string;
  readonly longestMs: number;
}

const base64 = (data: object): string => Buffer.from(JSON.stringify(data)).toString('base64');

const hmac = (by: 'sha1' | 'sha256', text: string, as: 'base64' | 'base64url'): string =>
  createHmac(by, key).update(text).digest(as);

/** As koa-session and cookie-session sign: in a second cookie. */
const keygrip = (name: string, value: string): Pair[] => [
  [name, value],
  [`${name}.sig`, hmac('sha1', `${name}=${value}`, 'base64url')],
];

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** How often a store was asked for anything. */
interface Asked {
  times: number;
}

/** The old store of express-session and koa-session, in which both users have a session. */
function oldStore(asked: Asked) {
  const sessionOf = (id: string): object | undefined =>
    id === 'ada' || id === 'eve' ? { cookie: {}, user: id } : undefined;
  return {
    get(id: string, callback?: unknown): unknown {
      asked.times += 1;
      return typeof callback === 'function' ? void callback(null, sessionOf(id)) : sessionOf(id);
    },
    destroy(_id: string, callback?: unknown): unknown {
      asked.times += 1;
      return typeof callback === 'function' ? void callback() : undefined;
    },
  };
}

async function libraries(asked: Asked): Promise<Library[]> {
  const store = oldStore(asked);
  const exact = (value: string): string => value;
  const of = async (
    formerly: FormerSessions,
    read: Library['read'],
    cookies: (user: string) => readonly Pair[] | Promise<readonly Pair[]>,
    mostMs = longestMs,
  ): Promise<Library> => ({
    formerly,
    read,
    ada: await cookies('ada'),
    eve: await cookies('eve'),
    longestMs: mostMs,
  });
  return [
    await of(connectSid({ secret: key, store }), decoded, (user) => [
      ['connect.sid', encodeURIComponent(`s:${user}.${hmac('sha256', user, 'base64').replace(/=+$/, '')}`)],
    ]),
    await of(koaSession({ keys: [key], store }), exact, (user) => keygrip('koa.sess', user)),
    await of(koaSession({ keys: [key] }), exact, (user) =>
      keygrip('koa.sess', base64({ user, _expire: 9e12, _maxAge: 86_400_000 })),
    ),
    await of(cookieSession({ keys: [key] }), exact, (user) => keygrip('session', base64({ user }))),
    await of(
      ironSession({ password, cookieName: 'app', unsealData }),
      // The version behind the seal is not sealed.
      (value) => decoded(value).replace(/~.*$/s, ''),
      async (user) => [['app', encodeURIComponent(await sealData({ user }, { password }))]],
      longestOfSealsMs,
    ),
  ];
}

/** Its calls are counted. */
function counted(store: SessionStore, asked: Asked): SessionStore {
  return {
    ...store,
    create: (...call) => ((asked.times += 1), store.create(...call)),
    read: (...call) => ((asked.times += 1), store.read(...call)),
    replace: (...call) => ((asked.times += 1), store.replace(...call)),
    destroy: (...call) => ((asked.times += 1), store.destroy(...call)),
  };
}

const headerOf = (pairs: readonly Pair[], between = '; '): string =>
  pairs.map(([name, value]) => `${name}=${value}`).join(between);

/** By the letter of RFC 6265: pairs between semicolons, whose names are trimmed of spaces and tabs and of nothing else. */
function pairsIn(header: string): Pair[] {
  return header.split(';').map((text) => {
    const [, name = '', value = ''] = /^[ \t]*([^=]*?)[ \t]*=[ \t]*(.*?)[ \t]*$/s.exec(text) ?? [];
    return [name, value];
  });
}

/** Cookies of libraries that went before: nobody becomes somebody, and no store is asked before a signature holds. */
export async function hostileFormerCookies(cases: number, seed: number): Promise<HostileRow> {
  const asked: Asked = { times: 0 };
  const store = counted(memoryStore(), asked);
  const all = await Promise.all(
    (await libraries(asked)).map(async (library) => {
      const { formerly } = library;
      const sessions = createSessions({ store, secret, formerly, cookie: { name: 'sid' }, logger: false, env: {} });
      const handleOf = async (pairs: readonly Pair[]): Promise<string> => (await sessions.open(headerOf(pairs))).handle;
      const handles = { ada: await handleOf(library.ada), eve: await handleOf(library.eve) };
      return { ...library, sessions, handles };
    }),
  );
  const arbitrary = fc.oneof(...all.map((library, at) => fc.tuple(fc.constant(at), headers(library))));
  return tryInputs('cookies of older libraries', { arbitrary, cases, seed }, async ([at, header], watch) => {
    const library = all[at];
    if (library === undefined) throw new Error('There is no such library.');
    const askedBefore = asked.times;
    let startedAt = performance.now();
    const session = await library.sessions.open(header);
    let tookMs = performance.now() - startedAt;
    const wasAsked = asked.times > askedBefore;
    for (let again = 0; again < 20 && tookMs > library.longestMs; again += 1) {
      startedAt = performance.now();
      await library.sessions.open(header);
      tookMs = performance.now() - startedAt;
    }
    if (tookMs > library.longestMs) throw new Error(`It took ${tookMs.toFixed(1)} ms.`);
    const given = pairsIn(header);
    const has = ([name, value]: Pair): boolean =>
      given.some((pair) => pair[0] === name && library.read(pair[1]) === library.read(value));
    const named = (['ada', 'eve'] as const).filter((user) => library[user].every(has));
    if (wasAsked && named.length === 0) throw new Error('A store was asked before a signature held.');
    if (Object.keys(session).length === 0) {
      if (header === headerOf(library.ada) || header === headerOf(library.eve))
        throw new Error('A valid cookie was not found.');
      return watch.saw('nobody', tookMs);
    }
    const user = named.find((one) => Reflect.get(session, 'user') === one);
    if (user === undefined) throw new Error(`It was taken for ${JSON.stringify(session)}.`);
    if (session.handle !== library.handles[user]) throw new Error('It is another session than by its own cookie.');
    watch.saw('known', tookMs);
  });
}

function headers({ ada, eve }: Library): fc.Arbitrary<string> {
  const pairOf = ([name, value]: Pair): fc.Arbitrary<Pair> =>
    fc.tuple(
      fc.oneof(
        { weight: 8, arbitrary: fc.constant(name) },
        fc.constantFrom(`${name} `, name.toUpperCase(), `_${name}`),
      ),
      fc.oneof(
        { weight: 4, arbitrary: fc.constant(value) },
        { weight: 4, arbitrary: almost(Buffer.from(value)).map((bytes) => bytes.toString('latin1')) },
        fc.constantFrom(
          `"${value}"`,
          `${value}x`,
          `${value}=`,
          `${value}~2`,
          `${value}.`,
          value.toLowerCase(),
          '',
          's:',
        ),
        fc.constantFrom(decoded(value), encodeURIComponent(value), value.slice(0, -2), value.replace(/~\d$/, '~02')),
        fc.string({ maxLength: 60 }),
      ),
    );
  const pair = fc.oneof(...[...ada, ...eve].map(pairOf));
  const some = fc
    .tuple(fc.array(pair, { maxLength: 5 }), fc.constantFrom('; ', ';', ';;', ', ', '\t;'))
    .map(([all, between]) => headerOf(all, between));
  const whole = fc.constantFrom(headerOf(ada), headerOf(eve));
  const many = fc
    .tuple(pair, fc.integer({ min: 50, max: 2_000 }))
    .map(([one, times]) => headerOf(Array(times).fill(one)));
  return fc.oneof({ weight: 450, arbitrary: some }, { weight: 50, arbitrary: whole }, { weight: 1, arbitrary: many });
}
