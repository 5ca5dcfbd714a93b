import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type Logger, type SessionStore, type Sessions, createSessions, memoryStore } from '@sess/core';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { lazySessions } from './shared-sessions.ts';

const secret = 'only-for-tests-7f3e9c2a5b8d1046-71c2';
const production = { NODE_ENV: 'production' };

/** Whether one is open in the other: both have the same store, and sign alike. */
async function knows(one: Sessions, other: Sessions): Promise<boolean> {
  const session = await one.open(undefined);
  Object.assign(session, { user: 'ada' });
  const { setCookie = '' } = await one.commit(session);
  return Reflect.get(await other.open(setCookie.split(';')[0]), 'user') === 'ada';
}

describe('the sessions of an app', () => {
  it('are not made before they are used: a build in production mode has no secrets', async () => {
    const sessions = lazySessions({ env: production });
    let asked = 0;
    const lazier = lazySessions(() => {
      asked += 1;
      return { env: production };
    });
    // As a bundler and React look at what a module exports.
    for (const one of [sessions, lazier]) {
      expect(await Promise.resolve(one)).toBe(one);
      expect(Object.prototype.toString.call(one)).toBe('[object Object]');
      expect(typeof one).toBe('object');
    }
    expect(asked).toBe(0);
    // Control: the first use does make them.
    expect(() => sessions.cookieName).toThrow(expect.objectContaining({ code: 'SECRET_INVALID' }));
    expect(() => lazier.cookieName).toThrow(expect.objectContaining({ code: 'SECRET_INVALID' }));
  });

  it('of the same options are one, in whatever bundle they are named', async () => {
    const options = { secret, logger: false, cookie: { name: 'one' }, env: { NODE_ENV: 'test' } } as const;
    expect(lazySessions(options).open).toBe(lazySessions({ ...options }).open);
    expect(lazySessions(() => options).open).toBe(lazySessions(options).open);
    expect(lazySessions({ ...options, cookie: { name: 'two' } }).open).not.toBe(lazySessions(options).open);
  });

  it('are made anew after they were closed', async () => {
    const options = { secret, logger: false, cookie: { name: 'closed' }, env: { NODE_ENV: 'test' } } as const;
    const before = lazySessions(options);
    const { open } = before;
    await before.close();
    expect(lazySessions(options).open).not.toBe(open);
  });

  it('are made again for the others when one bundle closes them, and not for that one', async () => {
    const options = { secret, logger: false, cookie: { name: 'many' }, env: { NODE_ENV: 'test' } } as const;
    const [closing, other, another] = [lazySessions(options), lazySessions(options), lazySessions(options)];
    const { open } = closing;
    expect(other.open).toBe(open);
    await closing.close();
    expect(closing.open).toBe(open);
    expect(other.open).not.toBe(open);
    expect(other.open).toBe(another.open);
    expect(await knows(other, another)).toBe(true);
  });

  it('that two bundles close end behind the work of both', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sess-next-'));
    const options = { secret, logger: false, directory, env: {}, cookie: { name: 'ending' } } as const;
    const [one, other] = [lazySessions(options), lazySessions(options)];
    expect(one.open).toBe(other.open);
    const session = await other.open(undefined);
    Object.assign(session, { large: 'x'.repeat(500_000) });
    let isStored = false;
    const storing = Promise.resolve(other.commit(session)).then(() => (isStored = true));
    const closing = one.close();
    await other.close();
    expect(isStored).toBe(true);
    await Promise.all([closing, storing]);
    await rm(directory, { recursive: true });
  });

  it('with a store of their own are their own', async () => {
    const options = () => ({ secret, logger: false, store: memoryStore() }) as const;
    expect(await knows(lazySessions(options), lazySessions(options))).toBe(false);
    const store = memoryStore();
    const shared = () => ({ secret, logger: false, store }) as const;
    expect(await knows(lazySessions(shared), lazySessions(shared))).toBe(true);
  });

  describe('of a module that next dev has loaded anew', () => {
    afterEach(() => vi.unstubAllEnvs());
    const quiet = { info() {}, warn() {}, error() {} };

    /** A store that says where its sessions are, as each load of a module makes it anew. */
    const storeAt = (location: string): SessionStore =>
      Object.assign(memoryStore(), { describe: () => ({ name: 'redis', location, sharedBy: 'hosts' }) as const });
    const load = (location: string, logger: Logger | false = false): Sessions =>
      lazySessions(() => ({ secret, logger, store: storeAt(location) }));

    it('are the same, so that the store of the first keeps its connections', () => {
      vi.stubEnv('NODE_ENV', 'development');
      expect(load('one').open).toBe(load('one').open);
      expect(load('one', quiet).open).toBe(load('one', { ...quiet }).open);
    });

    it('are others where the sessions are elsewhere, or in the memory of the process', async () => {
      vi.stubEnv('NODE_ENV', 'development');
      expect(await knows(load('one'), load('two'))).toBe(false);
      const inMemory = () => ({ secret, logger: false, store: memoryStore() }) as const;
      expect(await knows(lazySessions(inMemory), lazySessions(inMemory))).toBe(false);
    });

    it('are others in production, where no module is loaded anew', () => {
      vi.stubEnv('NODE_ENV', 'production');
      expect(load('one').open).not.toBe(load('one').open);
    });
  });

  it('may be given as they are', async () => {
    const made = createSessions({ secret, logger: false, store: memoryStore() });
    expect(
      await knows(
        lazySessions(made),
        lazySessions(() => made),
      ),
    ).toBe(true);
    expect(lazySessions(made).backend).toBe(made.backend);
  });
});
