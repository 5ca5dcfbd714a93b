import { AsyncLocalStorage } from 'node:async_hooks';

import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { onSessionEvent } from '../events.ts';
import { cookieSessions } from '../cookie/cookie-sessions.ts';
import { type Sessions, createSessions } from '../sessions.ts';
import type { SessionsOptions } from '../sessions-options.ts';
import { type MemoryStore, memoryStore } from '../storage/memory-store.ts';
import type { Session } from '../session/session.ts';
import type { SessionKey, SessionStore } from '../store.ts';
import { Gate, type ProbeStore, probeStore } from '../testing/probe-store.ts';
import { anySession, testSecret } from '../testing/test-app.ts';

const everyMs = 50;

/** Two workers that share a storage: what one does, the other has to find out. */
let store: ProbeStore;
let mine: Sessions;
let others: Sessions;

function worker(options: SessionsOptions): Sessions {
  const sessions = createSessions({ secret: testSecret, logger: false, env: {}, watchEveryMs: everyMs, ...options });
  onTestFinished(() => sessions.close());
  return sessions;
}

beforeEach(async () => {
  store = probeStore();
  mine = worker({ store });
  others = worker({ store });
  await mine.ready();
  await others.ready();
});

/** A store whose versions are counts: two sessions have the same ones. */
function countingStore(): MemoryStore {
  const inner = memoryStore();
  const versions = new Map<SessionKey, unknown[]>();
  const counted = (key: SessionKey, version: unknown): number => {
    const known = versions.get(key) ?? [];
    versions.set(key, known);
    return known.includes(version) ? known.indexOf(version) : known.push(version) - 1;
  };
  return {
    ...inner,
    async create(key, record, by) {
      const created = await inner.create(key, record, by);
      return created && { version: counted(key, created.version) };
    },
    async read(key, by) {
      const found = await inner.read(key, by);
      return found !== undefined && 'record' in found ? { ...found, version: counted(key, found.version) } : found;
    },
    async replace(key, version, next, by) {
      const outcome = await inner.replace(key, versions.get(key)?.[Number(version)], next, by);
      if (outcome.verdict === 'replaced') return { ...outcome, version: counted(key, outcome.version) };
      if (outcome.verdict === 'gone') return outcome;
      const { stored } = outcome;
      return { ...outcome, stored: { ...stored, version: counted(key, stored.version) } };
    },
  };
}

/** Logs a user in. @returns the cookie */
async function login(owner = 'ada'): Promise<string> {
  const session = await mine.open(undefined);
  return cookieOf(mine, await session.regenerate({ owner }));
}

async function cookieOf(sessions: Sessions, session: Session): Promise<string> {
  const { setCookie } = await sessions.commit(session);
  return setCookie?.split(';')[0] ?? '';
}

/** Watches a cookie's session, as a connection of the first worker. */
async function connection(cookie: string): Promise<{ ended: number; stop: () => void; handle: string }> {
  const session = await mine.open(cookie);
  const seen = { ended: 0, stop: (): void => {}, handle: session.handle };
  seen.stop = mine.watch(session, () => (seen.ended += 1));
  return seen;
}

/** So many looks at every session have begun and ended. */
async function looks(count = 3): Promise<void> {
  for (let left = count; left > 0; left -= 1) {
    const before = store.calls.filter(({ verb }) => verb === 'read').length;
    await vi.waitFor(
      () => expect(store.calls.filter(({ verb }) => verb === 'read').length).toBeGreaterThan(before),
      10_000,
    );
  }
}

const told = (connection: { ended: number }) => vi.waitFor(() => expect(connection.ended).toBe(1), 10_000);

describe('sessions.watch()', () => {
  it.each<[string, (cookie: string, handle: string) => Promise<unknown>]>([
    ['a logout', async (cookie) => (await others.open(cookie)).destroy()],
    ['a revocation', (_cookie, handle) => others.revoke(handle)],
    ['"log out everywhere"', () => others.revokeAll('ada')],
    [
      'a login in its place',
      async (cookie) => {
        const session = await others.open(cookie);
        await cookieOf(others, await session.regenerate({ owner: 'ada', keep: true }));
      },
    ],
  ])('tells of %s in another worker, once, and of nothing else', async (_what, end) => {
    const other = await connection(await login('eve'));
    const cookie = await login();
    const ending = await connection(cookie);
    await looks();
    expect([ending.ended, other.ended]).toEqual([0, 0]);
    await end(cookie, ending.handle);
    await told(ending);
    await looks();
    expect([ending.ended, other.ended]).toEqual([1, 0]);
  });

  it('tells of a logout in its own worker without waiting for a look', async () => {
    const slow = worker({ store, watchEveryMs: 3_600_000 });
    const cookie = await login();
    const ended = vi.fn<() => void>();
    slow.watch(await slow.open(cookie), ended);
    await (await slow.open(cookie)).destroy();
    await vi.waitFor(() => expect(ended).toHaveBeenCalledTimes(1), 10_000);
  });

  it('tells of a session whose time is over, by the store or by the absolute timeout', async () => {
    let now = 1_700_000_000_000;
    const clock = () => now;
    const timed = probeStore(memoryStore({ clock }));
    const hour = 3_600_000;
    const options = { store: timed, clock, idleTimeoutMs: hour, absoluteTimeoutMs: 2 * hour };
    [store, mine] = [timed, worker(options)];
    const idle = await connection(await login());
    now += hour;
    await told(idle);

    // A configuration with a longer life has written it: this worker's own timeout counts for its requests, too.
    const cookie = await login();
    [store, mine] = [timed, worker({ ...options, absoluteTimeoutMs: 4 * hour, idleTimeoutMs: 4 * hour })];
    const touching = await mine.open(cookie);
    touching.touch();
    await mine.commit(touching);
    mine = worker(options);
    const old = await connection(cookie);
    await looks();
    expect(old.ended).toBe(0);
    now += 2 * hour;
    await told(old);
  });

  it('follows a rotation, also by requests with the old cookie, and tells of the end of what it became', async () => {
    const cookie = await login();
    const live = await connection(cookie);
    const rotating = await others.open(cookie);
    await rotating.rotate();
    const next = await cookieOf(others, rotating);
    expect(next).not.toBe('');
    await looks(4);
    expect(live.ended).toBe(0);
    await (await others.open(next)).destroy();
    await told(live);
  });

  it('goes on with a rotated session when the store has forgotten the rotation', async () => {
    let now = 1_700_000_000_000;
    const clock = () => now;
    store = probeStore(memoryStore({ clock }));
    [mine, others] = [worker({ store, clock }), worker({ store, clock })];
    const cookie = await login();
    const live = await connection(cookie);
    const rotating = await others.open(cookie);
    await rotating.rotate();
    const next = await cookieOf(others, rotating);
    await looks(4);
    now += 3_600_000;
    await looks(4);
    expect(live.ended).toBe(0);
    await (await others.open(next)).destroy();
    await told(live);
  });

  it('follows a rotation whose end marker is gone before the next look was due', async () => {
    const options = { store, endMarkerMs: 400, watchEveryMs: 1_000 };
    const [watching, rotating] = [worker(options), worker(options)];
    const cookie = await login();
    const ended = vi.fn<() => void>();
    const watched = await watching.open(cookie);
    watching.watch(watched, ended);
    const session = await rotating.open(cookie);
    await session.rotate();
    const next = await cookieOf(rotating, session);
    await new Promise((resolve) => setTimeout(resolve, 600));
    watching.watch(await watching.open(next), () => {});
    await looks(2);
    expect(ended).not.toHaveBeenCalled();
  });

  it('lets the connection use and end a rotated session when the store has forgotten the rotation', async () => {
    let now = 1_700_000_000_000;
    const clock = () => now;
    store = probeStore(memoryStore({ clock }));
    [mine, others] = [worker({ store, clock }), worker({ store, clock })];
    const cookie = await login();
    const session = anySession(await mine.open(cookie));
    const [ended, before] = [vi.fn<() => void>(), session.handle];
    mine.watch(session, ended);
    const rotating = anySession(await others.open(cookie));
    rotating['seen'] = 1;
    const rotated = await rotating.rotate();
    const next = await cookieOf(others, rotated);
    await vi.waitFor(() => expect(session.handle).not.toBe(before), 10_000);
    now += 3_600_000;
    expect(await session.update('seen', (seen) => Number(seen) + 1)).toBe(2);
    expect(anySession(await others.open(next))['seen']).toBe(2);
    await session.destroy();
    await vi.waitFor(() => expect(ended).toHaveBeenCalledTimes(1), 10_000);
    expect(await others.list('ada')).toEqual([]);
  });

  /** The store has written `one` and not answered yet, when another worker rotates the session. */
  async function rotatedDuringSave() {
    const cookie = await login();
    const session = anySession(await mine.open(cookie));
    mine.watch(session, () => {});
    const gate = new Gate();
    store.after = ({ verb, record }) => (verb === 'replace' && record !== undefined ? gate.pass() : undefined);
    session['one'] = 1;
    const saving = session.save();
    await gate.reached;
    store.after = undefined;
    const rotating = anySession(await others.open(cookie));
    const { handle } = await rotating.rotate();
    return { session, saving, gate, handle, next: await cookieOf(others, rotating) };
  }

  it('does not take what a slow write had stored before a rotation for the rotated session', async () => {
    store = probeStore(countingStore());
    [mine, others] = [worker({ store }), worker({ store })];
    const { session, saving, gate, handle, next } = await rotatedDuringSave();
    const rotated = anySession(await others.open(next));
    rotated['three'] = 3;
    await others.commit(rotated);
    await vi.waitFor(() => expect(session.handle).toBe(handle), 10_000);
    gate.open();
    await saving;
    session['two'] = 2;
    await session.save();
    expect({ ...(await others.open(next)) }).toEqual({ one: 1, two: 2, three: 3 });
  });

  it('goes on under the new key after a slow write of the old one, also when the store has forgotten the rotation', async () => {
    let now = 1_700_000_000_000;
    const clock = () => now;
    store = probeStore(memoryStore({ clock }));
    [mine, others] = [worker({ store, clock }), worker({ store, clock })];
    const { session, saving, gate, handle, next } = await rotatedDuringSave();
    await vi.waitFor(() => expect(session.handle).toBe(handle), 10_000);
    gate.open();
    await saving;
    await looks(2);
    now += 3_600_000;
    expect(session.handle).toBe(handle);
    expect(await session.update('two', () => 2)).toBe(2);
    expect({ ...(await others.open(next)) }).toEqual({ one: 1, two: 2 });
  });

  it('begins with the session of a login in the same request, where none was stored before', async () => {
    const visitor = await mine.open(undefined);
    const ended = vi.fn<() => void>();
    mine.watch(visitor, ended);
    const session = await visitor.regenerate({ owner: 'ada' });
    await mine.commit(session);
    await looks();
    expect(ended).not.toHaveBeenCalled();
    await others.revoke(session.handle);
    await vi.waitFor(() => expect(ended).toHaveBeenCalledTimes(1), 10_000);
  });

  it.each<[string, (cookie: string, sessions: Sessions) => Promise<Session>]>([
    [
      'was ended before it began',
      async (cookie, sessions) => {
        await (await others.open(cookie)).destroy();
        return sessions.open(cookie);
      },
    ],
    [
      'was ended by it',
      async (cookie, sessions) => {
        const session = await sessions.open(cookie);
        await session.destroy();
        return session;
      },
    ],
  ])('tells at once, but not before it returns, of a session that the request knows %s', async (_how, end) => {
    const slow = worker({ store, watchEveryMs: 3_600_000 });
    const session = await end(await login(), slow);
    const late = { ended: 0 };
    slow.watch(session, () => (late.ended += 1));
    expect(late.ended).toBe(0);
    await told(late);
  });

  it('begins with a session that is stored only later, and never tells of one that is not', async () => {
    const session = anySession(await mine.open(undefined));
    const ended = vi.fn<() => void>();
    mine.watch(session, ended);
    const stranger = await connection('');
    const other = await connection(await login());
    await looks();
    session['cart'] = ['tea'];
    await mine.commit(session);
    await looks();
    expect(ended).not.toHaveBeenCalled();
    await others.revoke(session.handle);
    await vi.waitFor(() => expect(ended).toHaveBeenCalledTimes(1), 10_000);
    expect([stranger.ended, other.ended]).toEqual([0, 0]);
  });

  it('a store that cannot be read ends no connection, and it is told when the store is back', async () => {
    const live = await connection(await login());
    const away = new Error('connect ECONNREFUSED');
    store.before = ({ verb }) => {
      if (verb === 'read') throw away;
    };
    await others.revoke(live.handle);
    await looks(8);
    expect(live.ended).toBe(0);
    store.before = undefined;
    await told(live);
  });

  it('one session that cannot be read keeps no other from being looked at', async () => {
    const damaged = await connection(await login());
    const live = await connection(await login());
    store.before = ({ verb, key }) => {
      if (verb === 'read' && key === damaged.handle) throw new Error('torn');
    };
    await looks(4);
    await others.revoke(live.handle);
    await told(live);
    expect(damaged.ended).toBe(0);
  });

  it('tells of nothing after stop() or close()', async () => {
    const [stopped, closed] = [await connection(await login()), await connection(await login())];
    stopped.stop();
    stopped.stop();
    await others.revoke(stopped.handle);
    await looks();
    await mine.close();
    await others.revoke(closed.handle);
    const late = await mine.open(undefined);
    const witness = vi.fn<() => void>();
    others.watch(await others.open(await login()), witness);
    mine.watch(late, witness)();
    await looks();
    expect([stopped.ended, closed.ended]).toEqual([0, 0]);
  });

  it('tells of nothing after close(), also if a look at its sessions was under way', async () => {
    const live = await connection(await login());
    await others.revoke(live.handle);
    const gate = new Gate();
    store.before = () => gate.pass();
    await gate.reached;
    const closed = mine.close();
    gate.open();
    await closed;
    await new Promise(setImmediate);
    expect(live.ended).toBe(0);
  });

  it('throws what it cannot know: a fault at open, and cookie sessions', async () => {
    const cookie = await login();
    store.before = () => {
      throw new Error('connect ECONNREFUSED');
    };
    const unknown = await mine.open(cookie);
    expect(() => mine.watch(unknown, () => {})).toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }));
    const inCookies = worker({ store: cookieSessions() });
    const kept = await inCookies.open(undefined);
    expect(() => inCookies.watch(kept, () => {})).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
  });

  it('tells each, whoever else throws, and outside of the request that ends the session', async () => {
    const errors: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => void errors.push(error));
    onTestFinished(() => {
      process.removeAllListeners('uncaughtException');
      for (const listener of listeners) process.on('uncaughtException', listener);
    });
    const context = new AsyncLocalStorage<string>();
    const cookie = await login();
    const seen: (string | undefined)[] = [];
    for (const name of ['first', 'second']) {
      const session = await mine.open(cookie);
      context.run(name, () =>
        mine.watch(session, () => {
          seen.push(context.getStore());
          throw new Error(name);
        }),
      );
    }
    const lookedIn = new Set<string | undefined>();
    store.before = () => void lookedIn.add(context.getStore());
    await looks();
    store.before = undefined;
    expect([...lookedIn]).toEqual([undefined]);
    await context.run('logout', () => mine.revokeAll('ada'));
    await vi.waitFor(() => expect(errors.map(String)).toEqual(['Error: first', 'Error: second']), 10_000);
    expect(seen).toEqual([undefined, undefined]);
  });
});

describe('what it costs', () => {
  const reads: SessionKey[] = [];
  let unsubscribe = (): void => {};
  beforeEach(() => {
    reads.length = 0;
    unsubscribe = onSessionEvent('storeAnswered', ({ operation, handle }) => {
      if (operation === 'read' && handle !== undefined) reads.push(handle);
    });
  });
  afterEach(() => unsubscribe());

  it('connections of one session are one read a look', async () => {
    const cookie = await login();
    const live = await Promise.all(Array.from({ length: 20 }, () => connection(cookie)));
    reads.length = 0;
    const begunAt = performance.now();
    await looks(5);
    const most = 1 + (performance.now() - begunAt) / (everyMs * 0.8);
    expect(reads.length).toBeLessThanOrEqual(Math.ceil(most));
    await others.revokeAll('ada');
    await Promise.all(live.map(told));
  });

  /** A store that tells of ends, when the test does. */
  function tellingStore(): { telling: SessionStore; listeners: Set<(key: SessionKey) => void> } {
    const listeners = new Set<(key: SessionKey) => void>();
    const telling = {
      ...store,
      tellEnds(listener: (key: SessionKey) => void) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    };
    return { telling, listeners };
  }

  it('asks the store to tell only while somebody watches', async () => {
    const { telling, listeners } = tellingStore();
    const slow = worker({ store: telling, watchEveryMs: everyMs });
    const cookie = await login();
    expect(listeners.size).toBe(0);
    const ended = vi.fn<() => void>();
    const stop = slow.watch(await slow.open(cookie), ended);
    slow.watch(await slow.open(cookie), ended)();
    expect(listeners.size).toBe(1);
    // A hint is not believed.
    for (const listener of listeners) listener((await slow.open(cookie)).handle);
    await looks();
    expect([ended.mock.calls.length, listeners.size]).toEqual([0, 1]);
    stop();
    await vi.waitFor(() => expect(listeners.size).toBe(0), 10_000);
    const session = await slow.open(cookie);
    slow.watch(session, ended);
    await slow.close();
    slow.watch(session, ended);
    expect(listeners.size).toBe(0);
  });

  it('keeps no process alive', async () => {
    const session = await mine.open(await login());
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    mine.watch(session, () => {});
    expect(timers()).toBe(before);
  });

  describe('by a clock that the test moves', () => {
    const seconds = 1_000;
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
      onTestFinished(() => void vi.useRealTimers());
      mine = worker({ store, watchEveryMs: 5 * seconds });
    });
    const pass = async (ms: number): Promise<void> => {
      for (let left = ms; left > 0; left -= 100) {
        vi.advanceTimersByTime(100);
        await new Promise(setImmediate);
      }
    };

    it('reads each session once in the interval, whenever its connection came', async () => {
      const readAt = new Map<SessionKey, number[]>();
      const cookies = [await login(), await login(), await login()];
      store.before = ({ verb, key }) => {
        if (verb === 'read') readAt.get(key)?.push(performance.now());
      };
      for (const cookie of cookies) {
        const { handle } = await connection(cookie);
        readAt.set(handle, [performance.now()]);
        await pass(1.5 * seconds);
      }
      await pass(30 * seconds);
      for (const times of readAt.values()) {
        const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
        expect(pauses.length).toBeGreaterThan(4);
        expect(Math.max(...pauses)).toBeLessThanOrEqual(5 * seconds);
        expect(Math.min(...pauses)).toBeGreaterThanOrEqual(4 * seconds);
      }
    });

    it('has no timer while nobody watches, and one again for the next connection', async () => {
      const cookie = await login();
      const first = await connection(cookie);
      expect(vi.getTimerCount()).toBe(1);
      first.stop();
      await pass(2 * seconds);
      expect(vi.getTimerCount()).toBe(0);
      const second = await connection(cookie);
      await others.revoke(second.handle);
      await pass(6 * seconds);
      expect([first.ended, second.ended]).toEqual([0, 1]);
    });

    it('asks again soon when what it was told of could not be read', async () => {
      const { telling, listeners } = tellingStore();
      mine = worker({ store: telling, watchEveryMs: 5 * seconds });
      const live = await connection(await login());
      await others.revoke(live.handle);
      store.before = () => {
        throw new Error('connect ECONNREFUSED');
      };
      for (const listener of listeners) listener(live.handle);
      await pass(100);
      store.before = undefined;
      expect(live.ended).toBe(0);
      await pass(1 * seconds);
      expect(live.ended).toBe(1);
    });

    it('notices when a session is stored, also if nothing else is watched, and then that it has ended', async () => {
      const session = anySession(await mine.open(undefined));
      const ended = vi.fn<() => void>();
      mine.watch(session, ended);
      await pass(6 * seconds);
      session['cart'] = ['tea'];
      await mine.commit(session);
      await others.revoke(session.handle);
      await pass(1 * seconds);
      expect(ended).toHaveBeenCalledTimes(1);
    });

    it('does not begin another look while a slow one goes on', async () => {
      await Promise.all(Array.from({ length: 100 }, async () => connection(await login())));
      const gate = new Gate();
      let reads = 0;
      store.before = () => {
        reads += 1;
        return gate.pass();
      };
      await pass(12 * seconds);
      expect(reads).toBe(32);
      gate.open();
    });

    it('reads all sessions, but few at once, so that requests wait for few', async () => {
      const live = await Promise.all(Array.from({ length: 100 }, async () => connection(await login())));
      let atOnce = 0;
      let most = 0;
      const read = new Set<SessionKey>();
      store.before = async ({ verb, key }) => {
        if (verb !== 'read') return;
        read.add(key);
        most = Math.max(most, (atOnce += 1));
        await new Promise(setImmediate);
        atOnce -= 1;
      };
      await pass(6 * seconds);
      expect(read).toEqual(new Set(live.map(({ handle }) => handle)));
      expect(most).toBeGreaterThan(1);
      expect(most).toBeLessThanOrEqual(32);
    });
  });
});
