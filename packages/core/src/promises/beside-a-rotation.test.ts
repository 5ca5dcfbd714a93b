import { beforeEach, describe, expect, it } from 'vitest';

import { type Sessions, createSessions } from '../sessions.ts';
import type { Session } from '../session/session.ts';
import { type ProbeStore, type StoreCall, probeStore } from '../testing/probe-store.ts';
import { type AnySession, anySession, testSecret } from '../testing/test-app.ts';

const HOUR = 3_600_000;

/** Two workers that share a storage, and a user who is logged in. */
let store: ProbeStore;
let mine: Sessions;
let others: Sessions;
let cookie: string;

beforeEach(async () => {
  store = probeStore();
  const options = { store, secret: testSecret, logger: false, env: {} } as const;
  [mine, others] = [createSessions(options), createSessions(options)];
  const session = await open(mine);
  const next = anySession(await session.regenerate({ owner: 'ada' }));
  Object.assign(next, { one: 1, two: 1 });
  await commit(mine, next);
});

const open = async (sessions: Sessions): Promise<AnySession> => anySession(await sessions.open(cookie));

async function settings(): Promise<[number, boolean]> {
  const { idleTimeoutMs, persistent } = await open(others);
  return [idleTimeoutMs, persistent];
}

const add = (count: unknown): number => Number(count) + 1;

/** The browser gets the answer. */
async function commit(sessions: Sessions, session: Session): Promise<void> {
  const { setCookie } = await sessions.commit(session);
  cookie = setCookie?.split(';')[0] ?? cookie;
}

describe('beside a rotation', () => {
  it('a setting of a request that rotates too, and comes second, stays', async () => {
    const [first, second] = [await open(others), await open(mine)];
    second.idleTimeoutMs = HOUR;
    const rotated = await second.rotate();
    rotated.persistent = false;
    await commit(others, await first.rotate());
    await commit(mine, rotated);
    expect(await settings()).toEqual([HOUR, false]);
  });

  it('of two changes of a setting the later one stays, and one of another setting too', async () => {
    const [first, second] = [await open(others), await open(mine)];
    const rotated = await second.rotate();
    rotated.idleTimeoutMs = HOUR;
    Object.assign(first, { idleTimeoutMs: 2 * HOUR, persistent: false });
    await others.commit(first);
    await commit(mine, rotated);
    expect(await settings()).toEqual([HOUR, false]);
  });

  it('the answer that rotates says what another request has set of the cookie meanwhile', async () => {
    const [session, other] = [await open(mine), await open(others)];
    const rotated = await session.rotate();
    Object.assign(other, { persistent: false, idleTimeoutMs: HOUR });
    await others.commit(other);
    expect((await mine.commit(rotated)).setCookie).not.toMatch(/Max-Age|Expires/);
    expect([rotated.persistent, rotated.idleTimeoutMs]).toEqual([false, HOUR]);
  });

  it('a change that another request makes and takes back meanwhile stays taken back', async () => {
    const rotated = await (await open(mine)).rotate();
    const values = [2, 1];
    let isOthers = false;
    store.before = async ({ verb }) => {
      if (verb !== 'replace' || isOthers || values.length === 0) return;
      isOthers = true;
      const other = await open(others);
      other['two'] = values.shift();
      await others.commit(other);
      isOthers = false;
    };
    await commit(mine, rotated);
    expect(values).toEqual([]);
    expect({ ...(await open(others)) }).toEqual({ one: 1, two: 1 });
  });

  it.each(['rotate', 'regenerate'] as const)(
    'what another request had stored before a save of this one is kept by a %s()',
    async (verb) => {
      const session = await open(mine);
      const other = await open(others);
      other['two'] = 2;
      await others.commit(other);
      session['one'] = 2;
      await session.save();
      await commit(mine, verb === 'rotate' ? await session.rotate() : await session.regenerate({ keep: true }));
      expect({ ...(await open(others)) }).toEqual({ one: 2, two: 2 });
    },
  );

  it('a key that was assigned before and deleted after the rotation is not stored by a request that comes second', async () => {
    const [first, second] = [await open(others), await open(mine)];
    second['three'] = 3;
    const rotated = anySession(await second.rotate());
    delete rotated['three'];
    delete rotated['two'];
    await commit(others, await first.rotate());
    await commit(mine, rotated);
    expect({ ...(await open(others)) }).toEqual({ one: 1 });
  });

  it('an update() that nobody waits for before save() is stored, and counted', async () => {
    for (let count = 0; count < 3; count += 1) {
      const session = await open(mine);
      const rotated = anySession(await session.rotate());
      void rotated.update('one', add);
      await rotated.save();
      await commit(mine, rotated);
    }
    expect({ ...(await open(others)) }).toEqual({ one: 4, two: 1 });
  });

  it('a save without a change costs nothing after the one that stored a rotation or a persistence', async () => {
    const session = await open(mine);
    session.persistent = false;
    store.took();
    for (let count = 0; count < 3; count += 1) await session.save();
    expect(store.took()).toEqual(['replace']);
    await commit(mine, session);
    expect(store.took()).toEqual(['replace']);
    await session.save();
    expect(store.took()).toEqual([]);
  });

  it.each(['before it', 'by a rotation', 'by an update'])(
    'an update() after rotate() counts beside what another request stores %s',
    async (how) => {
      const session = await open(mine);
      const other = anySession(how === 'by a rotation' ? await (await open(others)).rotate() : await open(others));
      if (how !== 'before it') await other.update('one', add);
      if (how === 'by a rotation') await commit(others, other);
      const rotated = anySession(await session.rotate());
      await Promise.all([rotated.update('one', add), rotated.update('one', add)]);
      if (how === 'before it') await other.update('one', add);
      expect(rotated['one']).toBe(how === 'before it' ? 3 : 4);
      await commit(mine, rotated);
      expect({ ...(await open(others)) }).toEqual({ one: 4, two: 1 });
      expect(await others.list('ada')).toHaveLength(1);
    },
  );

  it('an update() after rotate() begins with what the request itself has assigned', async () => {
    const session = await open(mine);
    session['one'] = 5;
    const rotated = anySession(await session.rotate());
    rotated['two'] = 5;
    expect([await rotated.update('one', add), await rotated.update('two', add)]).toEqual([6, 6]);
    await commit(mine, rotated);
    expect({ ...(await open(others)) }).toEqual({ one: 6, two: 6 });
  });

  it('an update() after rotate() keeps the settings that it finds, and those of its own request', async () => {
    const [session, other] = [await open(mine), await open(others)];
    session.idleTimeoutMs = HOUR;
    const rotated = anySession(await session.rotate());
    other.persistent = false;
    await others.commit(other);
    await rotated.update('one', add);
    await commit(mine, rotated);
    expect(await settings()).toEqual([HOUR, false]);
  });

  it('an update() after rotate() of a session that has ended says so', async () => {
    const rotated = anySession(await (await open(mine)).rotate());
    await others.revokeAll('ada');
    await expect(rotated.update('one', add)).rejects.toMatchObject({ code: 'SESSION_GONE' });
    await commit(mine, rotated);
    expect(await others.list('ada')).toEqual([]);
  });

  it('a reload() after rotate() brings what others have stored, and the rotation goes on', async () => {
    const [session, other] = [await open(mine), await open(others)];
    session['one'] = 2;
    const rotated = anySession(await session.rotate());
    rotated['three'] = 3;
    Object.assign(other, { two: 2, persistent: false });
    await others.commit(other);
    await rotated.reload();
    expect([{ ...rotated }, rotated.persistent]).toEqual([{ one: 1, two: 2 }, false]);
    rotated['three'] = 4;
    const before = cookie;
    await commit(mine, rotated);
    expect(cookie).not.toBe(before);
    expect({ ...(await open(others)) }).toEqual({ one: 1, two: 2, three: 4 });
    expect(await settings()).toEqual([24 * HOUR, false]);
    await others.revokeAll('ada');
    const ended = await (await open(mine)).regenerate({ owner: 'ada' });
    await commit(mine, ended);
    const again = await (await open(mine)).rotate();
    await others.revokeAll('ada');
    await expect(again.reload()).rejects.toMatchObject({ code: 'SESSION_GONE' });
  });

  describe('where the store failed in between', () => {
    /** The next call of this kind fails, and nothing is done. */
    function failOnce(isMeant: (call: StoreCall) => boolean): void {
      store.before = (call) => {
        if (!isMeant(call)) return;
        store.before = undefined;
        throw new Error('connect ECONNREFUSED');
      };
    }

    it.each([false, true])('what others have stored is taken over by the next try (rotates: %s)', async (rotates) => {
      const [session, other] = [await open(mine), await open(others)];
      const next = rotates ? await session.rotate() : await session.regenerate({ keep: true });
      other['two'] = 2;
      await others.commit(other);
      failOnce(({ verb, key, record }) => verb === 'replace' && record !== undefined && key === next.handle);
      await expect(next.save()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await commit(mine, next);
      expect({ ...(await open(others)) }).toEqual({ one: 1, two: 2 });
    });

    it('what could not be added to the session that another request had rotated is added by the next try', async () => {
      const [session, other] = [await open(mine), await open(others)];
      const next = anySession(await session.rotate());
      next['two'] = 2;
      next.persistent = false;
      const rotated = await other.rotate();
      await commit(others, rotated);
      failOnce(({ key, record }) => key === rotated.handle && record !== undefined);
      await expect(next.save()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await next.save();
      expect({ ...(await open(others)) }).toEqual({ one: 1, two: 2 });
      expect(await settings()).toEqual([24 * HOUR, false]);
      expect((await mine.commit(next)).setCookie).toBe(undefined);
    });

    it('a logout after it could not join that of another request ends what that one had put there', async () => {
      const [session, other] = [await open(mine), await open(others)];
      const next = anySession(await session.rotate());
      next['two'] = 2;
      await commit(others, await other.rotate());
      failOnce(({ verb, key }) => verb === 'destroy' && key === next.handle);
      await expect(next.save()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await next.destroy();
      expect(await mine.commit(next)).toMatchObject({ setCookie: expect.stringContaining('Max-Age=0') });
      expect((await open(others)).isNew).toBe(true);
      expect(await others.list('ada')).toEqual([]);
    });

    it('an update() that carries it out asks again before the answer sends its cookie', async () => {
      const [session, other] = [await open(mine), await open(others)];
      const next = anySession(await session.rotate());
      failOnce((call) => call.next !== undefined);
      await expect(next.save()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await next.update('one', add);
      await other.destroy();
      await others.commit(other);
      expect((await mine.commit(next)).setCookie).toBe(undefined);
    });

    it.each([false, true])(
      'what the request changes before the next try is kept (rotated elsewhere: %s)',
      async (isRotated) => {
        const [session, other] = [await open(mine), await open(others)];
        const next = anySession(await session.rotate());
        failOnce((call) => call.next !== undefined);
        await expect(next.save()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
        await other.update('one', add);
        if (isRotated) await commit(others, await other.rotate());
        next['two'] = 2;
        next.persistent = false;
        failOnce((call) => call.next !== undefined);
        await next.save().catch(() => {});
        expect(await next.update('one', add)).toBe(3);
        await commit(mine, next);
        expect({ ...(await open(others)) }).toEqual({ one: 3, two: 2 });
        expect((await settings())[1]).toBe(false);
      },
    );
  });

  it.each<[string, (session: AnySession) => Promise<unknown>]>([
    ['rotated', (session) => session.rotate()],
    ['logged in', (session) => session.regenerate({ owner: 'ada' })],
    ['logged out', (session) => session.destroy()],
  ])(
    'the cookie that a save() made due is not sent over that of a request that %s before the answer',
    async (_what, end) => {
      const session = await open(mine);
      session.persistent = false;
      await session.save();
      session.touch();
      await session.save();
      const other = await open(others);
      await end(other);
      await others.commit(other);
      expect((await mine.commit(session)).setCookie).toBe(undefined);
    },
  );

  it.each<[string, (session: AnySession) => Promise<unknown>]>([
    ['logged in', (session) => session.regenerate({ owner: 'ada' })],
    ['logged out', (session) => session.destroy()],
  ])('nor is that of a saved rotation over that of a request with the old cookie that %s', async (_what, end) => {
    for (const isReplacedAgain of [false, true]) {
      const session = await open(mine);
      const other = await open(others);
      const rotated = await session.rotate();
      await rotated.save();
      if (isReplacedAgain) await rotated.regenerate({ keep: true });
      await end(other);
      const { setCookie } = await others.commit(other);
      expect((await mine.commit(session)).setCookie).toBe(undefined);
      cookie = setCookie?.split(';')[0] ?? '';
    }
  });

  it('the cookie that a save() made due is sent where nothing came between, also if the store cannot be asked again', async () => {
    for (const isDown of [false, true]) {
      const session = await open(mine);
      session.persistent = isDown;
      await session.save();
      if (isDown)
        store.before = () => {
          throw new Error('connect ECONNREFUSED');
        };
      expect((await mine.commit(session)).setCookie?.includes('Max-Age')).toBe(isDown);
    }
  });

  it('so is what it stored between a touch and a later one', async () => {
    const session = await open(mine);
    const other = await open(others);
    delete other['two'];
    await others.commit(other);
    session.touch();
    await session.save();
    await commit(mine, await session.rotate());
    expect({ ...(await open(others)) }).toEqual({ one: 1 });
  });
});

it('an update() whose function throws at what is outdated is tried with what is stored', async () => {
  const [session, other] = [await open(mine), await open(others)];
  other['one'] = 2;
  await others.commit(other);
  const next = (one: unknown): number => {
    if (one === 1) throw new Error('outdated');
    return Number(one) + 1;
  };
  expect(await session.update('one', next)).toBe(3);
  expect((await open(others))['one']).toBe(3);
});
