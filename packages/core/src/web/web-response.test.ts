import { describe, expect, it } from 'vitest';

import { SessError } from '../errors.ts';
import { memoryStore } from '../storage/memory-store.ts';
import { createSessions } from '../sessions.ts';
import type { SessionStore } from '../store.ts';
import { failureResponse, withSessionHeaders } from './web-response.ts';

const setCookie = 'sid=token.signature; Max-Age=60; Path=/; HttpOnly; SameSite=Lax';
const nothing = { vary: false, fault: false };

describe('the headers of a session on a Web response', () => {
  it('are none where nothing is said: the answer is the same object', () => {
    const answer = new Response('body');
    expect(withSessionHeaders(answer, nothing)).toBe(answer);
  });

  it('keep the answer, its body, its status and its own cookies', async () => {
    const given = new Response('body', { status: 201, statusText: 'Made', headers: { 'X-Own': '1' } });
    given.headers.append('Set-Cookie', 'theme=dark; Path=/');
    const answer = withSessionHeaders(given, { ...nothing, vary: true, setCookie });
    expect([answer.status, answer.statusText, answer.headers.get('x-own')]).toEqual([201, 'Made', '1']);
    expect(answer.headers.getSetCookie()).toEqual(['theme=dark; Path=/', setCookie]);
    expect(answer.headers.get('cache-control')).toBe('private, no-store');
    expect(await answer.text()).toBe('body');
  });

  it('are not left on an answer that the app keeps for its next visitor', () => {
    const kept = new Response(null, { headers: { 'Cache-Control': 'public' } });
    withSessionHeaders(kept, { ...nothing, vary: true, setCookie });
    expect([...kept.headers]).toEqual([['cache-control', 'public']]);
  });

  it('can be added to a redirect, whose headers cannot be changed', () => {
    const answer = withSessionHeaders(Response.redirect('https://example.org/', 303), { ...nothing, setCookie });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, 'https://example.org/']);
    expect(answer.headers.getSetCookie()).toEqual([setCookie]);
  });

  it.each([
    [undefined, 'Cookie'],
    ['Accept', 'Accept, Cookie'],
    ['accept, COOKIE', 'accept, COOKIE'],
    ['*', '*'],
    ['X-Cookie', 'X-Cookie, Cookie'],
  ])('make Vary %s into %s', (before, after) => {
    const given = new Response(null, { headers: before === undefined ? {} : { Vary: before } });
    expect(withSessionHeaders(given, { ...nothing, vary: true }).headers.get('vary')).toBe(after);
  });

  it('of a fault leave no cookie of ours, and nothing to keep', () => {
    const given = new Response('Back in a moment', { status: 503, headers: { 'Cache-Control': 'public' } });
    const { headers } = withSessionHeaders(given, { vary: true, fault: true });
    expect([headers.get('cache-control'), headers.get('retry-after')]).toEqual(['no-store', '1']);
    expect(headers.getSetCookie()).toEqual([]);
  });
});

describe('the answer in place of a failed one', () => {
  it('is a 503 for a fault of the store, with what P1 promises and without the fault\u2019s own words', async () => {
    const answer = failureResponse(new SessError('STORE_TIMEOUT', 'redis at 10.0.0.7:6379 did not answer'));
    expect([answer.status, answer.headers.get('retry-after'), answer.headers.get('cache-control')]).toEqual([
      503,
      '1',
      'no-store',
    ]);
    const body = await answer.text();
    expect(JSON.parse(body)).toMatchObject({ code: 'STORE_TIMEOUT', error: expect.stringContaining('try again') });
    expect(body).not.toContain('10.0.0.7');
  });

  it('is the error\u2019s own status otherwise, and its sentence where that is the client\u2019s to know', async () => {
    const gone = failureResponse(new SessError('SESSION_GONE', 'The session has ended.'));
    expect([gone.status, await gone.json()]).toEqual([409, { code: 'SESSION_GONE', error: 'The session has ended.' }]);
    expect(gone.headers.get('retry-after')).toBeNull();
    const large = failureResponse(new SessError('SESSION_TOO_LARGE', 'session.cart has 2,000,000 bytes'));
    expect([large.status, await large.text()]).toEqual([500, expect.not.stringContaining('session.cart')]);
  });

  it('is a 503 for what is no error of ours', () => {
    expect(failureResponse(new Error('socket hang up')).status).toBe(503);
  });
});

describe('a commit that is told the status of the answer', () => {
  it('does not try once more, with a 5xx, what has failed before', async () => {
    let writes = 0;
    const store: SessionStore = {
      ...memoryStore(),
      async create() {
        writes += 1;
        throw new SessError('STORE_UNAVAILABLE', 'away');
      },
    };
    const secret = 'only-for-tests-7f3e9c2a5b8d1046-71c2';
    const sessions = createSessions({ store, secret, logger: false, env: {} });
    expect(sessions.cookieName).toBe('sid');
    /** How often the store is asked by a commit, after a save has failed. */
    async function writesOfCommit(statusCode: number): Promise<number> {
      const session = await sessions.open(undefined);
      Object.assign(session, { user: 'ada' });
      await expect(session.save()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      const before = writes;
      await sessions.commit(session, statusCode).catch(() => {});
      return writes - before;
    }
    expect(await writesOfCommit(503)).toBe(0);
    // Control: with another status it does.
    expect(await writesOfCommit(200)).toBeGreaterThan(0);
  });
});
