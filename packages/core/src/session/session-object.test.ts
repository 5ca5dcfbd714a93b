import { inspect } from 'node:util';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { SessError } from '../errors.ts';
import { memoryStore } from '../storage/memory-store.ts';
import { currentSession } from '../web/current-exchange.ts';
import { SessionPrototype } from './session-prototype.ts';
import { type Sessions, createSessions } from '../sessions.ts';
import { type AnySession, anySession } from '../testing/test-app.ts';
import type { SessionStore } from '../store.ts';
import { keyOf } from '../cookie/token.ts';
import { recordOf, soon, writeElsewhere } from '../testing/other-process.ts';

const secret = 'PV3x8kN0qzq0m1Tt9yJ2bq7rGdLwXoEhYcUaSfIi4Zk';
const controls = Object.getOwnPropertyNames(SessionPrototype.prototype).filter((name) => name !== 'constructor');
const assignable = ['idleTimeoutMs', 'persistent', 'cookie'];

let now: number;
let store: SessionStore;
let sessions: Sessions;

beforeEach(() => {
  now = 1_700_000_000_000;
  store = memoryStore({ clock: () => now });
  sessions = createSessions({ store, secret, logger: false, env: {}, clock: () => now });
});

afterEach(async () => {
  await sessions.close();
});

async function fresh(): Promise<AnySession> {
  return anySession(await sessions.open(undefined));
}

/** A later request of the same browser. */
async function later(session: AnySession): Promise<AnySession> {
  const { setCookie = '' } = await sessions.commit(session);
  return anySession(await sessions.open(setCookie.split(';')[0]));
}

async function withData(data: Record<string, unknown> = { userId: 'u1', cart: { items: [1] } }): Promise<AnySession> {
  return later(Object.assign(await fresh(), data));
}

const refused = (code: string) => expect.objectContaining({ code });

describe('the data of a session', () => {
  it('are properties, and the next request has them', async () => {
    const session = await withData();
    expect(session['userId']).toBe('u1');
    expect(session['cart']).toEqual({ items: [1] });
    expect(session['missing']).toBe(undefined);
  });

  it('are all that is enumerated, in every way in which JavaScript enumerates', async () => {
    const session = await withData();
    const seen: string[] = [];
    for (const key in session) seen.push(key);
    expect(seen).toEqual(['userId', 'cart']);
    expect(Object.keys(session)).toEqual(['userId', 'cart']);
    expect(Object.getOwnPropertyNames(session)).toEqual(['userId', 'cart']);
    expect(Reflect.ownKeys(session)).toEqual(['userId', 'cart']);
    expect(Object.entries(session)).toEqual([
      ['userId', 'u1'],
      ['cart', { items: [1] }],
    ]);
    expect({ ...session }).toEqual({ userId: 'u1', cart: { items: [1] } });
    expect(Object.assign({}, session)).toEqual({ userId: 'u1', cart: { items: [1] } });
    expect(JSON.stringify(session)).toBe('{"userId":"u1","cart":{"items":[1]}}');
    expect(session.toJSON()).toEqual({ userId: 'u1', cart: { items: [1] } });
    expect(structuredClone({ ...session })).toEqual({ userId: 'u1', cart: { items: [1] } });
  });

  it('are found by in, hasOwn and delete', async () => {
    const session = await withData();
    expect('userId' in session).toBe(true);
    expect(Object.hasOwn(session, 'userId')).toBe(true);
    expect('missing' in session).toBe(false);
    expect(delete session['userId']).toBe(true);
    expect(delete session['missing']).toBe(true);
    expect('userId' in session).toBe(false);
    expect(Object.keys(session)).toEqual(['cart']);
  });

  it('can be assigned in bulk, and defined', async () => {
    const session = await withData({});
    Object.assign(session, { a: 1, b: [2] });
    Object.defineProperty(session, 'c', { value: 3, configurable: true, enumerable: true, writable: true });
    expect(Reflect.set(session, 'd', 4)).toBe(true);
    expect({ ...(await later(session)) }).toEqual({ a: 1, b: [2], c: 3, d: 4 });
  });

  it('have no accessors and no attributes: what could not be kept is refused before anything is set', async () => {
    const session = await fresh();
    expect(() => Object.defineProperty(session, 'x', { get: () => 1 })).toThrow(TypeError);
    for (const attribute of ['configurable', 'enumerable', 'writable'])
      expect(() => Object.defineProperty(session, 'x', { value: 1, [attribute]: false })).toThrow(TypeError);
    expect('x' in session).toBe(false);
  });

  it('cannot be frozen or sealed, and their prototype stays: a session that is not stored would look as if it were', async () => {
    const session = await withData();
    expect(() => Object.freeze(session)).toThrow(TypeError);
    expect(() => Object.seal(session)).toThrow(TypeError);
    expect(() => Object.preventExtensions(session)).toThrow(TypeError);
    expect(() => Object.setPrototypeOf(session, null)).toThrow(TypeError);
    expect(Object.isFrozen(session)).toBe(false);
    session['after'] = 1;
    expect(session['after']).toBe(1);
  });

  it('may have names that look like numbers, and names of Object.prototype', async () => {
    const session = await withData({ 7: 'seven', toString: 'text', hasOwnProperty: 'mine', '': 'empty' });
    expect({ ...session }).toEqual({ 7: 'seven', toString: 'text', hasOwnProperty: 'mine', '': 'empty' });
  });

  it('have no name with half a surrogate pair: stores keep names as UTF-8', async () => {
    const session = await withData({});
    expect(() => (session['\ud800'] = 1)).toThrow(refused('NOT_SERIALIZABLE'));
    session['😀'] = 1;
    const stored = await later(session);
    expect(stored['😀']).toBe(1);
    await expect(stored.update('\ud800', () => 1)).rejects.toMatchObject({ code: 'NOT_SERIALIZABLE' });
    await expect(Reflect.apply(stored.update, stored, [7, () => 1])).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('the reserved names', () => {
  const reserved = [
    ...controls.filter((name) => !assignable.includes(name)),
    '__proto__',
    'constructor',
    'prototype',
    'then',
  ];

  it.each(reserved)('%s cannot be assigned', async (name) => {
    const session = await fresh();
    expect(() => (session[name] = 'x')).toThrow(refused('RESERVED_KEY'));
    expect(() => Object.assign(session, JSON.parse(`{"${name}":"x"}`))).toThrow(refused('RESERVED_KEY'));
    expect(() => Object.defineProperty(session, name, { value: 'x' })).toThrow(refused('RESERVED_KEY'));
    await expect(session.update(name, () => 'x')).rejects.toMatchObject({ code: 'RESERVED_KEY', status: 400 });
    expect(Object.keys(session)).toEqual([]);
  });

  it.each(assignable)('%s cannot hold data', async (name) => {
    const session = await fresh();
    expect(() => (session[name] = 'x')).toThrow(SessError);
    await expect(session.update(name, () => 'x')).rejects.toMatchObject({ code: 'RESERVED_KEY' });
  });

  it('never shadow a control when they are stored by whoever writes to the store', async () => {
    const names = [...controls, '__proto__', 'constructor', 'prototype', 'then'];
    const first = await withData({ mine: 1 });
    const fields: Record<string, string> = Object.create(null);
    for (const name of names) fields[name] = '{"admin":true}';
    await writeElsewhere(store, first.handle, { set: fields });
    const record = await recordOf(store, first.handle);
    expect(Object.keys(Object(record).fields).length).toBeGreaterThan(names.length - 2);

    const session = first;
    await session.reload();
    expect(Object.keys(session)).toEqual(['mine']);
    expect({ ...session }).toEqual({ mine: 1 });
    expect(JSON.stringify(session)).toBe('{"mine":1}');
    expect(session.handle).toMatch(/^[0-9a-f]{64}$/);
    expect(session.save).toBeInstanceOf(Function);
    expect(session['then']).toBe(undefined);
    expect(session['admin']).toBe(undefined);
    expect(Object.getPrototypeOf(session)).toBe(SessionPrototype.prototype);
    expect(Reflect.get({}, 'admin')).toBe(undefined);
  });

  it('are left alone by delete', async () => {
    const session = await fresh();
    expect(Reflect.deleteProperty(session, 'save')).toBe(true);
    expect(session.save).toBeInstanceOf(Function);
  });
});

describe('the controls', () => {
  it('are on the prototype and not enumerable', async () => {
    const session = await fresh();
    for (const name of controls) {
      expect(name in session).toBe(true);
      expect(Object.hasOwn(session, name)).toBe(false);
      expect(Object.prototype.propertyIsEnumerable.call(Object.getPrototypeOf(session), name)).toBe(false);
    }
  });

  it('that take a callback have it in their arity: other middleware looks there', async () => {
    const session = await fresh();
    for (const name of ['save', 'regenerate', 'destroy', 'reload', 'update'] as const)
      expect(session[name].length).toBeGreaterThanOrEqual(1);
  });

  it('call back with nothing when it went well, and return the session', async () => {
    const session = await fresh();
    session['a'] = 1;
    const answers: unknown[][] = [];
    for (const name of ['save', 'reload', 'regenerate'] as const) {
      await new Promise<void>((resolve) => {
        const returned = session[name]((...args: unknown[]) => {
          answers.push(args);
          resolve();
        });
        expect(returned).toBe(session);
      });
    }
    const next = anySession(currentSession(session));
    await new Promise<void>((resolve) => {
      expect(next.destroy(() => resolve())).toBe(next);
    });
    expect(answers).toEqual([[], [], []]);
  });

  it('call back with the error when it did not', async () => {
    const session = await fresh();
    session['a'] = 1;
    await session.save();
    await store.destroy(session.handle, {}, soon());
    session['a'] = 2;
    const error = await new Promise((resolve) => session.save(resolve));
    expect(error).toMatchObject({ code: 'SESSION_GONE', status: 409 });
  });

  it('keep a list of keys or all of them: a text would keep what is a part of it', async () => {
    const session = await fresh();
    for (const keep of ['cart', false, null, { cart: true }])
      await expect(Reflect.apply(session.regenerate, session, [{ keep }])).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
      });
  });

  it('log nobody in whose id is no text, or undefined', async () => {
    const session = await fresh();
    for (const owner of [42, '', null, undefined])
      await expect(Reflect.apply(session.regenerate, session, [{ owner }])).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('String(id)'),
      });
  });

  it('are chained by touch and resetMaxAge', async () => {
    const session = await fresh();
    expect(session.touch()).toBe(session);
    expect(session.resetMaxAge()).toBe(session);
  });

  it('tell when the session began, was touched and ends, whose it is and whether it is stored', async () => {
    const session = await fresh();
    expect(session).toMatchObject({ isNew: true, owner: undefined, persistent: true, idleTimeoutMs: 86_400_000 });
    expect(session.createdAt).toEqual(new Date(now));
    expect(session.expiresAt).toEqual(new Date(now + 86_400_000));
    session['a'] = 1;
    const stored = await later(session);
    expect(stored.isNew).toBe(false);
    expect(stored.handle).toBe(session.handle);
    expect(stored.id).toBe(stored.handle);
    expect(stored.touchedAt).toEqual(new Date(now));
  });

  it('are not a promise: await session gives the session', async () => {
    const session = await withData();
    // As from any async function that returns the session.
    expect(await Promise.resolve(session)).toBe(session);
    expect('then' in session).toBe(false);
  });
});

describe('what is logged of a session', () => {
  it('is its data, and never its token or secret', async () => {
    const session = await fresh();
    session['userId'] = 'u1';
    const { setCookie = '' } = await sessions.commit(session);
    const token = setCookie.split(/[=.]/)[1] ?? '';
    expect(keyOf(token)).toBe(session.handle);
    for (const options of [
      {},
      { showHidden: true },
      { showProxy: true },
      { depth: 20, showHidden: true, getters: true },
    ]) {
      const seen = inspect(session, options) + inspect({ session }, options);
      expect(seen).toContain("userId: 'u1'");
      expect(seen).not.toContain(token);
      expect(seen).not.toContain(secret);
    }
    expect(Object.prototype.toString.call(session)).toBe('[object Object]');
  });

  it('does not throw for a value that is torn, and does not pass a fault off as an empty session', async () => {
    const session = await withData({ fine: 1 });
    await writeElsewhere(store, session.handle, { set: { torn: '{' } });
    await session.reload();
    expect(inspect(session)).toMatch(/fine: 1[^]*STORE_CORRUPT/);
    const down = createSessions({
      store: {
        ...memoryStore(),
        async read() {
          throw new SessError('STORE_UNAVAILABLE', 'The store is down.');
        },
      },
      secret,
      logger: false,
      env: {},
    });
    const { setCookie = '' } = await sessions.commit(Object.assign(await fresh(), { a: 1 }));
    const unavailable = await down.open(setCookie.split(';')[0]);
    expect(inspect(unavailable)).toBe('Session [STORE_UNAVAILABLE]');
    expect(() => Object.keys(unavailable)).toThrow(refused('STORE_UNAVAILABLE'));
  });
});

describe('any look at the session', () => {
  const looks: [string, (session: AnySession) => unknown][] = [
    ['reading a key', (session) => session['a']],
    ['in', (session) => 'a' in session],
    ['hasOwn', (session) => Object.hasOwn(session, 'a')],
    ['keys', (session) => Object.keys(session)],
    ['for in', (session) => Object.entries(session).length],
    ['spread', (session) => ({ ...session })],
    ['JSON', (session) => JSON.stringify(session)],
    ['a control', (session) => session.isNew],
    ['the cookie', (session) => session.cookie],
    ['an assignment', (session) => (session['a'] = 1)],
    ['delete', (session) => delete session['a']],
    ['save', (session) => session.save()],
  ];
  it.each(looks)('makes the answer depend on the cookie: %s (CVE-2026-27205)', async (_, look) => {
    const session = await fresh();
    await look(session);
    expect((await sessions.commit(session)).vary).toBe(true);
  });

  it('is not made by carrying the session around, awaiting or comparing it', async () => {
    const session = await fresh();
    const carried = { session };
    expect((await Promise.resolve(carried.session)) === session).toBe(true);
    expect(typeof session).toBe('object');
    expect(inspect(carried)).toBe('{ session: Session {} }');
    expect((await sessions.commit(session)).vary).toBe(false);
  });
});

describe('the cookie accessor, for users of express-session', () => {
  it('shows lifetime and attributes', async () => {
    const { cookie } = await fresh();
    expect(cookie).toMatchObject({ maxAge: 86_400_000, originalMaxAge: 86_400_000, httpOnly: true, path: '/' });
    expect(cookie.expires).toEqual(new Date(now + 86_400_000));
    expect(JSON.parse(JSON.stringify(cookie))).toEqual({
      originalMaxAge: 86_400_000,
      expires: new Date(now + 86_400_000).toISOString(),
      httpOnly: true,
      path: '/',
      secure: false,
      sameSite: 'lax',
    });
  });

  it('refuses what is the same for all sessions, in one sentence', async () => {
    const session = await fresh();
    for (const attribute of ['httpOnly', 'path', 'domain', 'secure', 'sameSite', 'partitioned', 'priority'])
      expect(() => Reflect.set(session.cookie, attribute, 'x')).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(`cookie.${attribute} is`) }),
      );
  });

  it('sets the idle timeout by maxAge and by expires', async () => {
    const session = await fresh();
    session.cookie.maxAge = 60_000;
    expect(session).toMatchObject({ idleTimeoutMs: 60_000, persistent: true });
    session.cookie.expires = new Date(now + 5000);
    expect(session.idleTimeoutMs).toBe(5000);
    expect(session.expiresAt).toEqual(new Date(now + 5000));
  });

  it('makes the cookie end with the browser by null and false', async () => {
    for (const change of [
      (session: AnySession) => (session.cookie.maxAge = null),
      (session: AnySession) => (session.cookie.expires = false),
      (session: AnySession) => (session.cookie = { maxAge: null }),
    ]) {
      const session = await fresh();
      change(session);
      session['a'] = 1;
      expect(session.cookie).toMatchObject({ maxAge: null, expires: null, originalMaxAge: null });
      expect((await sessions.commit(session)).setCookie).not.toMatch(/max-age|expires/i);
    }
  });

  it('takes over the lifetime of another session’s cookie, as passport copies it', async () => {
    const session = await fresh();
    const other = await fresh();
    other.cookie.maxAge = 60_000;
    session.cookie = other.cookie;
    expect(session.idleTimeoutMs).toBe(60_000);
    session.cookie = JSON.parse(JSON.stringify(other.cookie));
    expect(session.idleTimeoutMs).toBe(60_000);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 0, -1, '60000', {}])('refuses a lifetime of %s', async (value) => {
    const session = await fresh();
    expect(() => Reflect.set(session.cookie, 'maxAge', value)).toThrow(refused('CONFIG_INVALID'));
    expect(() => Reflect.set(session, 'idleTimeoutMs', value)).toThrow(refused('CONFIG_INVALID'));
    expect(() => (session.cookie.expires = new Date(Number(value)))).toThrow(refused('CONFIG_INVALID'));
    expect(session.idleTimeoutMs).toBe(86_400_000);
  });

  it('is never data', async () => {
    const session = await fresh();
    expect(() => Reflect.set(session, 'cookie', 'x')).toThrow(refused('RESERVED_KEY'));
    expect(Object.keys(session)).not.toContain('cookie');
  });
});

describe('what is no session', () => {
  it('is told by commit and currentSession', async () => {
    for (const other of [undefined, null, 7, {}, { save() {} }]) {
      await expect(Reflect.apply(sessions.commit, sessions, [other])).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
      expect(() => Reflect.apply(currentSession, undefined, [other])).toThrow(refused('CONFIG_INVALID'));
    }
  });
});
