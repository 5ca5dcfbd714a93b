import { beforeEach, describe, expect, it } from 'vitest';

import { SessError } from '../errors.ts';
import { onSessionEvent } from '../events.ts';
import { type MemoryStore, memoryStore } from './memory-store.ts';
import { type Sessions, createSessions } from '../sessions.ts';
import type { SessionsOptions } from '../sessions-options.ts';
import type { SessionStore } from '../store.ts';
import type { OwnerPage } from '../store-abilities.ts';
import { keyOf } from '../cookie/token.ts';
import { soon } from '../testing/other-process.ts';

const secret = 'PV3x8kN0qzq0m1Tt9yJ2bq7rGdLwXoEhYcUaSfIi4Zk';
const HOUR = 3_600_000;

let now: number;
let store: MemoryStore;
let sessions: Sessions;

beforeEach(() => {
  now = 1_700_000_000_000;
  store = memoryStore({ clock: () => now });
  sessions = over(store);
});

const over = (given: SessionStore, options: SessionsOptions = {}): Sessions =>
  createSessions({ store: given, secret, logger: false, env: {}, clock: () => now, ...options });

async function stored(name: string, owner?: string, changes: { createdAt?: number; expiresAt?: number } = {}) {
  const times = { createdAt: now, touchedAt: now, expiresAt: now + HOUR, ...changes };
  await store.create(
    keyOf(name),
    { fields: {}, writeIds: [], ...times, ...(owner === undefined ? {} : { owner }) },
    soon(),
  );
  return keyOf(name);
}

/** As a regenerate does it. */
async function rotate(from: string, to: string): Promise<void> {
  await stored(to, 'u1');
  await store.destroy(keyOf(from), { endMarkerMs: 60_000 }, soon());
}

/** An index that shows these pages. */
const pagesOf = (pages: string[][], forget: OwnerPage['forget']): MemoryStore['keysByOwner'] =>
  async function* shown() {
    for (const keys of pages) yield { keys, forget };
  };

async function handlesOf(owner: string): Promise<string[]> {
  return (await sessions.list(owner)).map(({ handle }) => handle);
}

describe('the name of a device', () => {
  async function logIn(label: unknown): Promise<void> {
    const session = await sessions.open(undefined);
    await session.regenerate({ owner: 'u1', label: label as string });
    await sessions.commit(session);
  }
  const labels = async (): Promise<unknown[]> => (await sessions.list('u1')).map(({ label }) => label);

  it('is listed as the login gave it, and left out where there was none', async () => {
    await logIn('Zoë’s “phone” 📱');
    now += 1000;
    await logIn(undefined);
    const [second, first] = await sessions.list('u1');
    expect(first?.label).toBe('Zoë’s “phone” 📱');
    expect(second).not.toHaveProperty('label');
  });

  it('is one line of at most 200 characters, whatever a browser sends', async () => {
    await logIn(`\u0000a\r\nb\u2028c\uD800 ${'🙂'.repeat(300)}`);
    expect(await labels()).toEqual([`a b c\uFFFD ${'🙂'.repeat(193)}`]);
    await sessions.revokeAll('u1');
    await logIn(' \n');
    expect(await labels()).toEqual([undefined]);
  });

  it('stays through a rotation and a changed setting', async () => {
    await logIn('phone');
    const session = await sessions.open(undefined);
    await session.regenerate({ owner: 'u1', label: 'laptop' });
    const { setCookie = '' } = await sessions.commit(session);
    const again = await sessions.open(setCookie.split(';', 1)[0]);
    again.idleTimeoutMs = HOUR;
    await again.rotate();
    await sessions.commit(again);
    expect(new Set(await labels())).toEqual(new Set(['laptop', 'phone']));
  });

  it('is refused without an owner, and where it is no text', async () => {
    const session = await sessions.open(undefined);
    await expect(session.regenerate({ label: 'phone' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(logIn(42)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('the list of an owner’s sessions', () => {
  it('has theirs and nobody else’s, the last used first, with times and no data', async () => {
    const first = await stored('first', 'u1');
    now += 1000;
    const second = await stored('second', 'u1');
    await stored('other', 'u2');
    await stored('nobody’s');
    expect(await sessions.list('u1')).toEqual([
      { handle: second, createdAt: new Date(now), touchedAt: new Date(now), expiresAt: new Date(now + HOUR) },
      {
        handle: first,
        createdAt: new Date(now - 1000),
        touchedAt: new Date(now - 1000),
        expiresAt: new Date(now - 1000 + HOUR),
      },
    ]);
    expect(await sessions.list('u3')).toEqual([]);
  });

  it('has a session from its login on, until its logout', async () => {
    const session = await sessions.open(undefined);
    await session.regenerate({ owner: 'u1' });
    const { setCookie = '' } = await sessions.commit(session);
    const next = await sessions.open(setCookie.split(';')[0]);
    expect(await handlesOf('u1')).toEqual([next.handle]);
    await next.destroy();
    expect(await handlesOf('u1')).toEqual([]);
  });

  it('has no session whose deadline is over in the store', async () => {
    await stored('idle', 'u1', { expiresAt: now + 10 });
    const lasting = await stored('lasting', 'u1');
    expect(await handlesOf('u1')).toHaveLength(2);
    now += 10;
    expect(await handlesOf('u1')).toEqual([lasting]);
  });

  it('believes no entry of the index without the session: what is stale is forgotten', async () => {
    const mine = await stored('mine', 'u1');
    const other = await stored('other', 'u2');
    const forgotten: string[] = [];
    const stale: MemoryStore = {
      ...store,
      keysByOwner: pagesOf([[mine, other], [keyOf('gone')]], async (keys) => void forgotten.push(...keys)),
    };
    const listed = await over(stale).list('u1');
    expect(listed.map(({ handle }) => handle)).toEqual([mine]);
    expect(forgotten).toEqual([other, keyOf('gone')]);
  });

  it('can be had, and everybody logged out, from a store that is too full to be tidied', async () => {
    const mine = await stored('mine', 'u1');
    const full: MemoryStore = {
      ...store,
      keysByOwner: pagesOf([[mine, keyOf('gone')]], async () => {
        throw new SessError('STORE_FULL', 'No room.');
      }),
    };
    expect(await over(full).list('u1')).toHaveLength(1);
    expect(await over(full).revokeAll('u1')).toBe(1);
    expect(await store.read(mine, soon())).toBe(undefined);
  });

  it('of more sessions than are read at once is complete', async () => {
    const handles = await Promise.all(Array.from({ length: 100 }, (_, index) => stored(`s${index}`, 'u1')));
    expect((await handlesOf('u1')).toSorted()).toEqual(handles.toSorted());
    expect(await sessions.revokeAll('u1')).toBe(100);
  });

  it('is an error when a session cannot be read: an incomplete list would look like a safe account', async () => {
    await stored('mine', 'u1');
    const faulty: MemoryStore = {
      ...store,
      async read() {
        throw new SessError('STORE_UNAVAILABLE', 'It is down.');
      },
    };
    await expect(over(faulty).list('u1')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it.each([undefined, null, '', 7, {}])('of %s is refused: it would be everybody without an owner', async (owner) => {
    await expect(Reflect.apply(sessions.list, sessions, [owner])).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(Reflect.apply(sessions.revokeAll, sessions, [owner])).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });

  it('needs a store with an index, and says so', async () => {
    const { create, read, replace, destroy } = store;
    const plain = over({ create, read, replace, destroy });
    await expect(plain.list('u1')).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await expect(plain.revokeAll('u1')).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    const handle = await stored('mine', 'u1');
    expect(await plain.revoke(handle)).toBe(true);
  });
});

describe('revoking', () => {
  it('ends one session by its handle, and says whether there was one', async () => {
    const handle = await stored('mine', 'u1');
    expect(await sessions.revoke(handle)).toBe(true);
    expect(await sessions.revoke(handle)).toBe(false);
    expect(await store.read(handle, soon())).toBe(undefined);
  });

  it('takes what is no handle for no session, without asking the store', async () => {
    for (const handle of ['', '../../etc/passwd', keyOf('x').toUpperCase(), `${keyOf('x')}\n`, undefined, null, 7])
      expect(await Reflect.apply(sessions.revoke, sessions, [handle])).toBe(false);
  });

  it('is an event', async () => {
    const handle = await stored('mine', 'u1');
    const heard: unknown[] = [];
    const stop = onSessionEvent('destroyed', (event) => heard.push(event));
    await sessions.revoke(handle);
    stop();
    expect(heard).toEqual([{ handle, by: 'revoke' }]);
  });

  it('all of an owner’s leaves the one that is excepted, and everybody else', async () => {
    const here = await stored('here', 'u1');
    await stored('phone', 'u1');
    await stored('tablet', 'u1');
    const other = await stored('other', 'u2');
    expect(await sessions.revokeAll('u1', { except: here })).toBe(2);
    expect(await handlesOf('u1')).toEqual([here]);
    expect(await handlesOf('u2')).toEqual([other]);
    expect(await sessions.revokeAll('u1')).toBe(1);
    expect(await sessions.revokeAll('u1')).toBe(0);
  });

  it('all finds the login that ran beside it', async () => {
    await stored('first', 'u1');
    let logins = 3;
    const racing: MemoryStore = {
      ...store,
      async destroy(key, options) {
        if (logins > 0) await stored(`login ${(logins -= 1)}`, 'u1');
        return store.destroy(key, options, soon());
      },
    };
    expect(await over(racing).revokeAll('u1')).toBe(4);
    expect(await handlesOf('u1')).toEqual([]);
  });

  it('all finds the session that was rotated when its old key had been listed', async () => {
    await stored('before', 'u1');
    let isRotated = false;
    const racing: MemoryStore = {
      ...store,
      async read(key) {
        if (!isRotated) await rotate('before', 'after');
        isRotated = true;
        return store.read(key, soon());
      },
    };
    await over(racing).revokeAll('u1');
    expect(await handlesOf('u1')).toEqual([]);
  });

  it('all looks again at a key that was listed before its session was stored', async () => {
    const [before, after] = [await stored('before', 'u1'), keyOf('after')];
    const racing: MemoryStore = {
      ...store,
      // Entries are written first, and what a page shows is in no order.
      keysByOwner: pagesOf([[after], [before]], async () => {}),
      async read(key) {
        if (key === before && (await store.read(after, soon())) === undefined) await rotate('before', 'after');
        return store.read(key, soon());
      },
    };
    await over(racing).revokeAll('u1');
    expect(await store.read(after, soon())).toBe(undefined);
  });

  it('all leaves the entry of a session that was just rotated: another revocation may be at its list', async () => {
    const [live, ended] = [await stored('live', 'u1'), await stored('ended', 'u1')];
    await store.destroy(ended, { endMarkerMs: 60_000 }, soon());
    const forgotten: string[] = [];
    const indexed = { ...store, keysByOwner: pagesOf([[live, ended]], async (keys) => void forgotten.push(...keys)) };
    await over(indexed).list('u1');
    await over(indexed).revokeAll('u1');
    expect(forgotten).toEqual([live]);
  });

  it('all ends the others when one cannot be read, and tells of that one', async () => {
    const torn = await stored('torn', 'u1');
    for (let count = 0; count < 40; count += 1) await stored(`s${count}`, 'u1');
    const damaged: MemoryStore = {
      ...store,
      async read(key) {
        if (key === torn) throw new SessError('STORE_TOO_NEW', 'A newer version wrote it.');
        return store.read(key, soon());
      },
    };
    await expect(over(damaged).revokeAll('u1')).rejects.toMatchObject({ code: 'STORE_TOO_NEW' });
    expect(await handlesOf('u1')).toEqual([torn]);
  });

  it('all gives up on somebody who logs in in a loop, and says so', async () => {
    await stored('first', 'u1');
    let logins = 0;
    let isLooping = false;
    const looping: MemoryStore = {
      ...store,
      async destroy(key, options) {
        if (isLooping) await stored(`login ${(logins += 1)}`, 'u1');
        return store.destroy(key, options, soon());
      },
    };
    const sessions = over(looping);
    await sessions.ready();
    isLooping = true;
    await expect(sessions.revokeAll('u1')).rejects.toMatchObject({
      code: 'SESSION_CONFLICT',
      message: expect.stringContaining('100 were revoked'),
    });
  });
});

describe('revoking a session of an owner', () => {
  it('ends theirs, and nobody else’s', async () => {
    const [mine, theirs, nobodys] = [
      await stored('mine', 'u1'),
      await stored('theirs', 'u2'),
      await stored('nobody’s'),
    ];
    for (const handle of [theirs, nobodys, keyOf('none'), '../../etc/passwd'])
      expect(await sessions.revoke(handle, { owner: 'u1' })).toBe(false);
    expect(await sessions.revoke(mine, { owner: 'u1' })).toBe(true);
    expect(await sessions.revoke(mine, { owner: 'u1' })).toBe(false);
    expect(await handlesOf('u2')).toEqual([theirs]);
    expect(await store.read(nobodys, soon())).toBeDefined();
  });

  it.each([undefined, null, '', 7])('that is named and is %s is refused: it is not everybody’s', async (owner) => {
    const handle = await stored('mine', 'u1');
    await expect(Reflect.apply(sessions.revoke, sessions, [handle, { owner }])).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
    expect(await handlesOf('u1')).toEqual([handle]);
  });
});

describe('a host whose idea of old is another one', () => {
  const hosts: Record<string, () => Sessions> = {
    'whose clock is 40 days ahead': () => over(store, { clock: () => now + 40 * 24 * HOUR }),
    'with a shorter absolute timeout': () => over(store, { idleTimeoutMs: HOUR, absoluteTimeoutMs: HOUR }),
  };
  for (const [what, host] of Object.entries(hosts)) {
    it(`${what} lists and ends what the store still holds`, async () => {
      const handles = [await stored('first', 'u1', { createdAt: now - 2 * HOUR }), await stored('second', 'u1')];
      const listed = await host().list('u1');
      expect(listed.map(({ handle }) => handle).toSorted()).toEqual(handles.toSorted());
      expect(await host().revoke(handles[0] ?? '', { owner: 'u1' })).toBe(true);
      expect(await host().revokeAll('u1')).toBe(1);
      expect(await handlesOf('u1')).toEqual([]);
    });
  }

  it('and whose store goes by that clock too ends for good what it takes for expired', async () => {
    const handle = await stored('mine', 'u1');
    now += 40 * 24 * HOUR;
    await sessions.revokeAll('u1');
    now -= 40 * 24 * HOUR;
    expect(await store.read(handle, soon())).toBe(undefined);
  });
});
