import { expect } from 'vitest';
import { CookieJar } from './cookie-jar.ts';
import { Visitor, objectIn, send } from './http-client.ts';

/** The apps run in production, so they stand behind a proxy that speaks TLS. Without its mark they warn. */
const proxied = { 'x-forwarded-proto': 'https' };

async function me(visitor: Visitor): Promise<Record<string, unknown>> {
  const answer = await visitor.get('/me');
  expect(answer).toMatchObject({ status: 200 });
  return objectIn(answer);
}

async function count(visitor: Visitor): Promise<unknown> {
  const answer = await visitor.get('/count');
  expect(answer).toMatchObject({ status: 200 });
  return objectIn(answer)['views'];
}

/** What every app of `fixtures/install` does: it counts, over a login that starts anew, and forgets at the logout. */
export async function visit(url: string): Promise<void> {
  const visitor = new Visitor(url, proxied);
  expect(await me(visitor)).toEqual({ views: 0, owner: null });
  expect(visitor.jar.header()).toBeUndefined();
  expect([await count(visitor), await count(visitor), await count(visitor)]).toEqual([1, 2, 3]);

  const anonymous = visitor.jar.header();
  // Next.js redirects with 307, the others with 302.
  expect([302, 307]).toContain((await visitor.post('/login')).status);
  expect(await me(visitor)).toEqual({ views: 0, owner: 'ann' });
  expect([await count(visitor), await count(visitor)]).toEqual([1, 2]);
  expect(await me(visitor)).toEqual({ views: 2, owner: 'ann' });
  const login = visitor.jar.header();
  expect(login).toBeDefined();
  expect(login).not.toBe(anonymous);

  expect([302, 307]).toContain((await visitor.post('/logout')).status);
  expect(await me(visitor)).toEqual({ views: 0, owner: null });
  for (const cookie of [anonymous, login])
    expect(objectIn(await send(`${url}/me`, { cookie, headers: proxied }))).toEqual({ views: 0, owner: null });
}

/** The first program of a README: its answers hold a number that rises with each visit. */
export async function visitReadme(url: string): Promise<void> {
  const jar = new CookieJar();
  const numbers: number[] = [];
  for (let visits = 0; visits < 4; visits += 1) {
    const answer = await send(url, { cookie: jar.header(), headers: proxied });
    expect(answer).toMatchObject({ status: 200 });
    jar.apply(answer.setCookies);
    numbers.push(Number(/\d+/.exec(answer.text)?.[0]));
  }
  expect(numbers).toEqual([1, 2, 3, 4]);
}
