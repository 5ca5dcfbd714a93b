import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { cookieCarrier, cookieSessions } from './cookie-sessions.ts';
import { onSessionEvent } from '../events.ts';
import { createKeyring } from './keyring.ts';
import { type Sessions, createSessions } from '../sessions.ts';
import type { SessionsOptions } from '../sessions-options.ts';
import { cookieFrame } from '../testing/cookie-frame.ts';
import { type AnySession, anySession } from '../testing/test-app.ts';
import { keyOf } from './token.ts';

const secret = 'PV3x8kN0qzq0m1Tt9yJ2bq7rGdLwXoEhYcUaSfIi4Zk';
const newSecret = 'Kq7rGdLwXoEhYcUaSfIi4ZkPV3x8kN0qzq0m1Tt9yJ2b';

let now: number;
const stops: (() => void)[] = [];

beforeEach(() => {
  now = 1_700_000_000_000;
});

afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

function make(encrypt = false, options: Partial<SessionsOptions> = {}): Sessions {
  return createSessions({
    store: cookieSessions({ encrypt }),
    secret,
    logger: false,
    env: {},
    clock: () => now,
    ...options,
  });
}

const open = async (sessions: Sessions, cookie?: string): Promise<AnySession> =>
  anySession(await sessions.open(cookie));

/** Commits, and gives what the browser sends from then on. */
async function cookieAfter(sessions: Sessions, session: AnySession): Promise<string> {
  const { setCookie } = await sessions.commit(session);
  return setCookie?.split(';')[0] ?? '';
}

async function cookieWith(sessions: Sessions, data: object): Promise<string> {
  return cookieAfter(sessions, Object.assign(await open(sessions), data));
}

function events(name: 'badSignature' | 'ambiguousCookie' | 'unknownCookie'): unknown[] {
  const heard: unknown[] = [];
  stops.push(onSessionEvent(name, (event) => heard.push(event)));
  return heard;
}

describe.each([
  ['signed', false],
  ['encrypted', true],
])('a %s cookie session', (_, encrypt) => {
  it('keeps its data from request to request', async () => {
    const sessions = make(encrypt);
    const cookie = await cookieWith(sessions, { userId: 'u1', cart: ['é', '€'] });
    const session = await open(sessions, cookie);
    expect({ ...session }).toEqual({ userId: 'u1', cart: ['é', '€'] });
    session['cart'] = [];
    const next = await open(sessions, await cookieAfter(sessions, session));
    expect({ ...next }).toEqual({ userId: 'u1', cart: [] });
    expect(next.handle).toBe(session.handle);
  });

  it('sends no cookie when it is only read', async () => {
    const sessions = make(encrypt);
    const session = await open(sessions, await cookieWith(sessions, { a: 1 }));
    expect(session['a']).toBe(1);
    expect((await sessions.commit(session)).setCookie).toBe(undefined);
  });

  it('ends by the time that is inside, whatever the browser does with the cookie', async () => {
    const sessions = make(encrypt, { idleTimeoutMs: 60_000, absoluteTimeoutMs: 100_000 });
    const cookie = await cookieWith(sessions, { a: 1 });
    now += 59_999;
    expect((await open(sessions, cookie))['a']).toBe(1);
    now += 1;
    const unknown = events('unknownCookie');
    const late = await open(sessions, cookie);
    expect(late['a']).toBe(undefined);
    expect(late.isNew).toBe(true);
    expect(unknown).toHaveLength(1);
  });

  it('ends at its absolute timeout, however often it is used', async () => {
    const sessions = make(encrypt, { idleTimeoutMs: 60_000, absoluteTimeoutMs: 100_000 });
    let cookie = await cookieWith(sessions, { a: 1 });
    for (now += 40_000; now < 1_700_000_100_000; now += 40_000) {
      const session = await open(sessions, cookie);
      expect(session['a']).toBe(1);
      cookie = (await cookieAfter(sessions, session)) || cookie;
    }
    expect((await open(sessions, cookie))['a']).toBe(undefined);
  });

  it('is none after any character of the cookie was changed', async () => {
    const sessions = make(encrypt);
    const cookie = await cookieWith(sessions, { a: 1 });
    const bad = events('badSignature');
    let count = 0;
    for (let at = 'sid='.length; at < cookie.length; at += 1, count += 1) {
      const other = cookie[at] === 'A' ? 'B' : 'A';
      const session = await open(sessions, `${cookie.slice(0, at)}${other}${cookie.slice(at + 1)}`);
      if (session['a'] !== undefined) throw new Error(`character ${at} can be changed`);
    }
    expect(bad).toHaveLength(count);
    expect(count).toBeGreaterThan(200);
  });

  it('is none without a signature, in any encoding (CVE-2026-39324)', async () => {
    const sessions = make(encrypt);
    const record = { fields: { admin: 'true' }, createdAt: now, touchedAt: now, expiresAt: now + 1000 };
    const payload = JSON.stringify([1, keyOf('x'), record]);
    const encoded = Buffer.from(payload).toString('base64url');
    for (const value of [
      payload,
      encoded,
      `${encoded}.`,
      `${encoded}.${encoded}`,
      Buffer.from(payload).toString('base64'),
    ])
      expect((await open(sessions, `sid=${value}`))['admin']).toBe(undefined);
  });

  it('goes on while the secret is rotated in two deploys', async () => {
    const stages = [[secret], [secret, newSecret], [newSecret, secret]] as const;
    let cookie = await cookieWith(make(encrypt), { count: 0 });
    for (const secrets of [...stages, ...stages.slice(1)]) {
      const sessions = make(encrypt, { secret: secrets });
      const session = await open(sessions, cookie);
      session['count'] = Number(session['count']) + 1;
      cookie = await cookieAfter(sessions, session);
    }
    const sessions = make(encrypt, { secret: newSecret });
    expect((await open(sessions, cookie))['count']).toBe(5);
    expect((await open(make(encrypt), cookie))['count']).toBe(undefined);
  });

  it('is none under another cookie name, nor in the other mode', async () => {
    const cookie = await cookieWith(make(encrypt), { a: 1 });
    const other = make(encrypt, { cookie: { name: 'other' } });
    expect((await open(other, cookie.replace('sid=', 'other=')))['a']).toBe(undefined);
    expect((await open(make(!encrypt), cookie))['a']).toBe(undefined);
  });

  it('is none when two states of it are in one header: which one is newer cannot be known', async () => {
    const sessions = make(encrypt);
    const cookie = await cookieWith(sessions, { step: 1 });
    const session = await open(sessions, cookie);
    session['step'] = 2;
    const newer = await cookieAfter(sessions, session);
    const ambiguous = events('ambiguousCookie');
    expect((await open(sessions, `${cookie}; ${newer}`))['step']).toBe(undefined);
    expect(ambiguous).toEqual([{ handles: [session.handle, session.handle] }]);
    expect((await open(sessions, `${newer}; ${newer}`))['step']).toBe(2);
    expect((await open(sessions, `sid=forged; ${newer}`))['step']).toBe(2);
  });

  it('above 4096 bytes is a clear error, and the browser keeps what it has', async () => {
    const sessions = make(encrypt);
    const cookie = await cookieWith(sessions, { small: 1 });
    const session = await open(sessions, cookie);
    session['large'] = 'x'.repeat(4096);
    await expect(sessions.commit(session)).rejects.toMatchObject({
      code: 'COOKIE_TOO_LARGE',
      status: 500,
      message: expect.stringMatching(/would have \d+ bytes; browsers keep at most 4096/),
    });
    expect({ ...(await open(sessions, cookie)) }).toEqual({ small: 1 });
  });

  it('is cleared by destroy, and regenerate gives it another handle', async () => {
    const sessions = make(encrypt);
    const session = await open(sessions, await cookieWith(sessions, { a: 1, b: 2 }));
    const next = anySession(await session.regenerate({ owner: 'u1', keep: ['b'] }));
    const kept = await open(sessions, await cookieAfter(sessions, session));
    expect({ ...kept }).toEqual({ b: 2 });
    expect(kept).toMatchObject({ owner: 'u1', handle: next.handle });
    expect(kept.handle).not.toBe(session.handle);
    await kept.destroy();
    expect((await sessions.commit(kept)).setCookie).toMatch(/^sid=; Max-Age=0/);
  });

  it('updates its own copy, as many times as one likes', async () => {
    const sessions = make(encrypt);
    const session = await open(sessions, await cookieWith(sessions, { n: 0 }));
    const add = (value: unknown): number => Number(value) + 1;
    await Promise.all(Array.from({ length: 50 }, () => session.update('n', add)));
    await session.update('n', add);
    expect((await open(sessions, await cookieAfter(sessions, session)))['n']).toBe(51);
  });

  it('is no larger for having been changed often', async () => {
    const sessions = make(encrypt);
    let cookie = await cookieWith(sessions, { n: 10 });
    const lengths: number[] = [];
    for (let count = 0; count < 14; count += 1) {
      const session = await open(sessions, cookie);
      await session.update('n', (value) => Number(value) + 1);
      cookie = await cookieAfter(sessions, session);
      lengths.push(cookie.length);
    }
    expect(new Set(lengths).size).toBe(1);
  });

  it('is not renewed when its deadline passes during the request', async () => {
    let time = 1_700_000_000_000;
    const sessions = make(encrypt, { clock: () => time });
    for (const late of [{ user: 'late' }, undefined]) {
      const session = await open(sessions, await cookieWith(sessions, { user: 'ada' }));
      Object.assign(session, late);
      time += 24 * 3_600_000;
      expect(await sessions.commit(session)).not.toHaveProperty('setCookie');
    }
  });

  it('cannot be listed or revoked, and the error names the store for tests that need it', async () => {
    const sessions = make(encrypt);
    const refused = { code: 'UNSUPPORTED', message: expect.stringContaining('memoryStore()') };
    await expect(sessions.list('u1')).rejects.toMatchObject(refused);
    await expect(sessions.revoke(keyOf('x'))).rejects.toMatchObject(refused);
    await expect(sessions.revokeAll('u1')).rejects.toMatchObject(refused);
  });
});

describe('an encrypted cookie', () => {
  it('shows nothing of the data, and is another one each time', async () => {
    const sessions = make(true);
    const cookies = [await cookieWith(sessions, { card: 'canary' }), await cookieWith(sessions, { card: 'canary' })];
    for (const cookie of cookies) {
      const bytes = Buffer.from(cookie.slice('sid='.length).split('.')[0] ?? '', 'base64url').toString('latin1');
      expect(bytes).not.toContain('canary');
      expect(bytes).not.toContain('fields');
    }
    expect(cookies[0]).not.toBe(cookies[1]);
  });
});

describe('what our secret signed', () => {
  const carrier = (encrypt: boolean) =>
    cookieCarrier(
      [secret],
      encrypt,
      cookieFrame(() => now),
    );

  it('but is no session of this version counts as none', () => {
    const keyring = createKeyring([secret], 'sid', 'session');
    const record = { fields: {}, createdAt: now, touchedAt: now, expiresAt: now + 1 };
    const sign = (payload: unknown): string =>
      keyring.sign(Buffer.from(JSON.stringify(payload) ?? '').toString('base64url'));
    expect(carrier(false).verify(sign([1, keyOf('x'), record]))?.key).toBe(keyOf('x'));
    const others = [
      undefined,
      null,
      {},
      [],
      [2, keyOf('x'), record],
      ['1', keyOf('x'), record],
      [1, 'x', record],
      [1, keyOf('x')],
      [1, keyOf('x'), null],
      [1, keyOf('x'), { ...record, fields: null }],
      [1, keyOf('x'), { ...record, expiresAt: '9e15' }],
      [1, keyOf('x'), { ...record, createdAt: null }],
      [1, keyOf('x'), { ...record, touchedAt: undefined }],
    ];
    expect(others.filter((payload) => carrier(false).verify(sign(payload)) !== undefined)).toEqual([]);
  });

  it('in encrypted mode needs to be encrypted too, whatever bytes it is', () => {
    const keyring = createKeyring([secret], 'sid', 'encrypted-session');
    const property = fc.property(
      fc.uint8Array({ maxLength: 80 }),
      (bytes) => carrier(true).verify(keyring.sign(Buffer.from(bytes).toString('base64url'))) === undefined,
    );
    expect(fc.check(property)).toMatchObject({ failed: false, counterexample: null });
  });
});
