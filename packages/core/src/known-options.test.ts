import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';

import { describe, expect, it } from 'vitest';

import { cookieSessions } from './cookie/cookie-sessions.ts';
import { assertKnownOptions } from './known-options.ts';
import { createSessions } from './sessions.ts';
import { memoryStore } from './storage/memory-store.ts';

const misspelt = (name: string): unknown =>
  expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(`"${name}"`) });

/** What JavaScript lets through. */
const untyped = (options: object): object => options;

describe('a misspelt option is told by name', () => {
  it('of cookieSessions: else the sessions would not be encrypted', () => {
    expect(() => cookieSessions(untyped({ encrypted: true }))).toThrow(misspelt('encrypted'));
    expect(cookieSessions({ encrypt: true }).encrypt).toBe(true);
  });

  it('of memoryStore', () => {
    expect(() => memoryStore(untyped({ ttl: 1 }))).toThrow(misspelt('ttl'));
  });

  it('of regenerate: else the login would have no owner', async () => {
    const sessions = createSessions({
      store: memoryStore(),
      secret: 'PV3x8kN0qzq0m1Tt9yJ2bq7rGdLwXoEhYcUa',
      logger: false,
    });
    const session = await sessions.open(undefined);
    await expect(session.regenerate(untyped({ onwer: 'ann' }))).rejects.toEqual(misspelt('onwer'));
    await expect(session.regenerate(untyped(['ann']))).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect((await session.regenerate({ owner: 'ann' })).owner).toBe('ann');
  });

  it('of revokeAll: else the own session would end too', async () => {
    const sessions = createSessions({
      store: memoryStore(),
      secret: 'PV3x8kN0qzq0m1Tt9yJ2bq7rGdLwXoEhYcUa',
      logger: false,
    });
    await expect(sessions.revokeAll('ann', untyped({ exept: 'x' }))).rejects.toEqual(misspelt('exept'));
  });

  it('and of a request in their place: the parentheses were forgotten', async () => {
    const request = new IncomingMessage(new Socket());
    for (const given of [request, { request: {}, headers: {}, socket: request.socket }]) {
      expect(() => createSessions(untyped(given))).toThrow(
        expect.objectContaining({
          code: 'CONFIG_INVALID',
          message:
            'A request was given instead of options. What makes the middleware has to be called: app.use(session()).',
        }),
      );
    }
    expect(() => createSessions(untyped({ headers: {} }))).toThrow(/Option headers is unknown/);
  });

  it.each([
    [{ idleTimeoutMS: 1 }, 'Did you mean idleTimeoutMs?'],
    [{ cookie: { sameSite: 'lax', secur: true } }, 'Did you mean secure?'],
    [{ limits: { sessionByte: 1 } }, 'Did you mean sessionBytes?'],
  ])('with the nearest known one beside it (%j)', (options, nearest) => {
    expect(() => createSessions(untyped(options))).toThrow(nearest);
  });

  it('and without one where none is near', () => {
    expect(() => assertKnownOptions('x()', { exept: 1 }, ['except'])).toThrow('Did you mean except?');
    expect(() => assertKnownOptions('x()', { ttl: 1 }, ['env', 'clock'])).toThrow('no option "ttl". It has');
  });

  it('and no options at all say which there are', () => {
    expect(() => assertKnownOptions('fsStore()', undefined, ['directory'])).toThrow(
      'fsStore() takes an object of options: directory.',
    );
  });
});
