import { type Sessions, type SessionsOptions, createSessions } from '@sess/core';
import { redisStore } from '@sess/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { apps } from './foreign-apps.ts';
import type { Ask, Callers } from './foreign-callers.ts';
import { type RedisServer, startRedis } from './redis-server.ts';
import { type TcpProxy, startProxy } from './tcp-proxy.ts';

/**
 * What stands in for node's response when an app is called by a serverless adapter or by a tool for tests: the session,
 * its cookie, the body and the 503 are the same as over a connection.
 */
export function foreignResponses(callers: Callers): void {
  let redis: RedisServer;
  let proxy: TcpProxy;
  let sessions: Sessions;

  function sessionsOf(timeouts?: SessionsOptions['timeouts']): Sessions {
    return createSessions({
      store: redisStore({ url: `redis://127.0.0.1:${proxy.port}` }),
      secret: 'of-the-foreign-responses-5c1e9a7b3d20f846',
      logger: false,
      env: {},
      ...(timeouts !== undefined && { timeouts }),
    });
  }

  beforeAll(async () => {
    redis = await startRedis();
    proxy = await startProxy(redis.port);
    sessions = sessionsOf();
    await sessions.ready();
  });
  afterAll(async () => {
    await sessions.close();
    await proxy.dispose();
    await redis.dispose();
  });

  describe.each(Object.entries(callers))('an app called by %s', (_caller, callerOf) => {
    describe.each(Object.entries(apps))('on %s', (_framework, appOf) => {
      let ask: Ask;

      beforeAll(() => {
        ask = callerOf(appOf(sessions));
      });

      it('gives a visitor his session with the first answer: cookie, body, status', async () => {
        const first = await ask('/visit');
        expect(first).toMatchObject({ status: 200, body: '1', cookie: expect.stringMatching(/^sid=/) });
        expect(first.headers['cache-control']).toEqual(said('private, no-store'));
        const second = await ask('/visit', first.cookie);
        expect([second.status, second.body, second.cookie]).toEqual([200, '2', undefined]);
        expect((await ask('/read', first.cookie)).body).toBe('2');
      });

      it('sends the cookie with a redirect, and leaves an answer without a session alone', async () => {
        const away = await ask('/away');
        expect([away.status, away.headers['location']]).toEqual([302, said('https://id.example/')]);
        expect((await ask('/read', away.cookie)).body).toBe('0');
        const plain = await ask('/plain');
        expect([plain.status, plain.body, plain.cookie, plain.headers['vary']]).toEqual([
          200,
          'plain',
          undefined,
          undefined,
        ]);
      });

      it('streams, and stores what changes on the way', async () => {
        const streamed = await ask('/stream');
        expect([streamed.status, streamed.body]).toEqual([200, 'a piece, another, the end']);
        expect((await ask('/read', streamed.cookie)).body).toBe('7');
        const late = await ask('/late', streamed.cookie);
        expect([late.status, late.body]).toEqual([200, 'a piece, the end']);
        expect((await ask('/read', streamed.cookie)).body).toBe('8');
      });

      it('answers HEAD, and logs out', async () => {
        const { cookie } = await ask('/visit', undefined, 'HEAD');
        expect((await ask('/read', cookie)).body).toBe('1');
        const bye = await ask('/logout', cookie);
        expect([bye.status, bye.body, bye.cookie]).toEqual([200, '"bye"', 'sid=']);
        expect((await ask('/read', cookie)).body).toBe('0');
      });

      it('waits for a slow store', async () => {
        proxy.delayMs = 60;
        try {
          const { cookie, body } = await ask('/visit');
          expect([body, (await ask('/visit', cookie)).body]).toEqual(['1', '2']);
        } finally {
          proxy.delayMs = 0;
        }
      });
    });
  });

  describe('with the store down', () => {
    let cookie: string | undefined;
    let impatient: Sessions;

    beforeAll(async () => {
      const session = await sessions.open(undefined);
      session.visits = 1;
      const { setCookie } = await sessions.commit(session);
      cookie = setCookie?.split(';')[0];
      impatient = sessionsOf({ operationMs: 200 });
      await redis.kill();
    });
    afterAll(() => impatient.close());

    const ways = Object.entries(callers).flatMap(([caller, callerOf]) =>
      Object.entries(apps).map(([framework, appOf]) => ({ caller, framework, callerOf, appOf })),
    );
    it.each(ways)(
      '$framework called by $caller answers 503, and a page without a session',
      async ({ callerOf, appOf }) => {
        const ask = callerOf(appOf(impatient));
        // Read, changed, redirected and streamed: before the answer is begun, and in its place.
        const asked = [ask('/read', cookie), ask('/visit', cookie), ask('/visit'), ask('/away'), ask('/stream')];
        for (const answer of await Promise.all(asked)) {
          expect([answer.status, answer.cookie, answer.headers['location']]).toEqual([503, undefined, undefined]);
          expect(answer.headers).toMatchObject({ 'retry-after': said('1'), 'cache-control': said('no-store') });
          expect(answer.body).not.toContain('the end');
        }
        const begun: unknown = JSON.parse((await ask('/visit')).body);
        expect(begun).toMatchObject({ code: expect.stringMatching(/^STORE_/) });
        expect((await ask('/plain', cookie)).body).toBe('plain');
      },
    );
  });
}

/** A header's value, which some say in a list. */
function said(value: string): unknown {
  return { asymmetricMatch: (other: unknown) => String(other) === value };
}
