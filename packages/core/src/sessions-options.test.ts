import { describe, expect, it } from 'vitest';

import { cookieSessions } from './cookie/cookie-sessions.ts';
import { memoryStore } from './storage/memory-store.ts';
import { createSessions } from './sessions.ts';
import type { SessionsOptions } from './sessions-options.ts';

const secret = 'PV3x8kN0qzq0m1Tt9yJ2bq7rGdLwXoEhYcUaSfIi4Zk';
const make = (options: object) =>
  createSessions({ store: memoryStore(), secret, logger: false, env: {}, ...(options as SessionsOptions) });
const refused = (name: string) =>
  expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(`Option ${name} `) });

describe('createSessions', () => {
  it('takes every option that is documented, and undefined for none', () => {
    const all: Required<SessionsOptions> = {
      store: memoryStore(),
      secret,
      cookie: { name: 'sid' },
      formerly: [],
      idleTimeoutMs: 1000,
      absoluteTimeoutMs: 1000,
      touchAfterMs: 10,
      endMarkerMs: 0,
      watchEveryMs: 1,
      limits: { sessionBytes: 1, sessionKeys: 1 },
      timeouts: { operationMs: 1, openMs: 1, commitMs: 1 },
      prefix: 'p:',
      directory: '/sessions',
      logger: false,
      clock: () => 0,
      env: {},
    };
    expect(make(all).backend.name).toBe('custom');
    const none = Object.fromEntries(Object.keys(all).map((name) => [name, undefined]));
    expect(make({ ...none, store: all.store, secret, logger: false, env: {} }).backend.name).toBe('custom');
    expect(make({ timeouts: { openMs: undefined }, limits: { sessionKeys: undefined } }).backend.name).toBe('custom');
  });

  it.each([
    ['resave', 'only changed keys are ever written'],
    ['saveUninitialized', 'a session without data makes no record'],
    ['rolling', 'touches are written by themselves'],
    ['name', 'cookie: { name }'],
    ['key', 'cookie: { name }'],
    ['maxAge', 'idleTimeoutMs'],
    ['genid', '256 random bits'],
    ['proxy', 'cookie: { secure: true }'],
    ['unset', 'session.destroy()'],
    ['ttl', 'idleTimeoutMs'],
    ['secrets', 'secret: [first, ...older]'],
  ])('refuses %s of another library and says what to do instead', (name, hint) => {
    expect(() => make({ [name]: 'x' })).toThrow(refused(name));
    expect(() => make({ [name]: 'x' })).toThrow(hint);
  });

  it('refuses any other unknown option by name and lists the known ones', () => {
    for (const name of ['idleTimeout', 'toString', 'constructor', '__proto__x', ''])
      expect(() => make({ [name]: 1 })).toThrow(refused(name));
    expect(() => make({ idleTimeout: 1 })).toThrow('idleTimeoutMs');
  });

  const bad: [name: string, options: object][] = [
    ...['idleTimeoutMs', 'absoluteTimeoutMs', 'touchAfterMs'].flatMap((name) =>
      [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1.7e308, 1.1e15, '1000', null, 10n].map(
        (value): [string, object] => [name, { [name]: value }],
      ),
    ),
    ...['operationMs', 'openMs', 'commitMs'].flatMap((name) =>
      [0, -1, Number.NaN, '1000', null, 2 ** 31].map((value): [string, object] => [
        `timeouts.${name}`,
        { timeouts: { [name]: value } },
      ]),
    ),
    ...['sessionBytes', 'sessionKeys'].flatMap((name) =>
      [0, -1, Number.NaN, '1000', null].map((value): [string, object] => [
        `limits.${name}`,
        { limits: { [name]: value } },
      ]),
    ),
    ['endMarkerMs', { endMarkerMs: -1 }],
    ['endMarkerMs', { endMarkerMs: 1.7e308 }],
    ['endMarkerMs', { endMarkerMs: Number.NaN }],
    ['endMarkerMs', { endMarkerMs: '0' }],
    ['timeouts.readMs', { timeouts: { readMs: 5 } }],
    ['limits.bytes', { limits: { bytes: 5 } }],
    ['timeouts', { timeouts: 1000 }],
    ['timeouts', { timeouts: null }],
    ['limits', { limits: 'large' }],
    ['absoluteTimeoutMs', { absoluteTimeoutMs: 3_600_000 }],
    ['absoluteTimeoutMs', { idleTimeoutMs: 2000, absoluteTimeoutMs: 1999 }],
    ['touchAfterMs', { idleTimeoutMs: 2000, touchAfterMs: 2000 }],
    ['store', { store: 'redis' }],
    ['store', { store: null }],
    ['store', { store: 7 }],
    ['store', { store: {} }],
    ['store', { store: { get() {}, set() {}, destroy() {} } }],
    ['cookie', { cookie: 'sid' }],
    ['cookie', { cookie: null }],
    ['cookie.maxAge', { cookie: { maxAge: 60_000 } }],
    ['prefix', { prefix: '' }],
    ['prefix', { prefix: 7 }],
    ['directory', { directory: '' }],
    ['directory', { directory: 7 }],
    ['logger', { logger: true }],
    ['logger', { logger: null }],
    ['logger', { logger: { info() {} } }],
    ['clock', { clock: 7 }],
    ['env', { env: 'production' }],
  ];
  it.each(bad)('refuses a bad %s by name: %o', (name, options) => {
    expect(() => make(options)).toThrow(refused(name));
  });

  it('refuses options that are no object', () => {
    for (const options of [null, 7, 'redis://127.0.0.1'])
      expect(() => createSessions(options as unknown as SessionsOptions)).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID' }),
      );
  });

  it('lets the absolute timeout grow with a longer idle timeout', () => {
    expect(make({ idleTimeoutMs: 365 * 86_400_000 }).backend.name).toBe('custom');
  });

  it('warns in production when cookies go over plain http', () => {
    const lines: string[] = [];
    const log = (line: string): void => void lines.push(line);
    const logger = { info: log, warn: log, error: log };
    make({ logger, env: { NODE_ENV: 'production' } });
    expect(lines).toEqual([]);
    make({ logger, env: { NODE_ENV: 'production' }, cookie: { secure: false } });
    expect(lines).toEqual([expect.stringContaining('plain http')]);
  });

  it('warns in production when a test runner left its variable there', () => {
    const lines: string[] = [];
    const logger = { info: () => {}, warn: (line: string) => void lines.push(line), error: () => {} };
    createSessions({ secret, logger, env: { NODE_ENV: 'production', JEST_WORKER_ID: '1' } });
    expect(lines).toEqual([expect.stringMatching(/^Nothing is stored.* JEST_WORKER_ID is set/)]);
    lines.length = 0;
    createSessions({ secret, logger, store: cookieSessions(), env: { NODE_ENV: 'production', JEST_WORKER_ID: '1' } });
    createSessions({ secret, logger, env: { JEST_WORKER_ID: '1' } });
    expect(lines).toEqual([]);
  });
});
