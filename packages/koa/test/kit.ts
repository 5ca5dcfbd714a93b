import { type ServedApp, type TestSessions, makeTestSessions, serve as serveListener } from '@sess/adapter-tests';
import type { SessionsOptions } from '@sess/core';
import type Koa from 'koa';

export const secret = 'x7Kq-tests-of-the-koa-adapter-only-Zr91Yb';

/** Both majors under the types of the newer one. What the tests use of them is the same. */
export function versions(three: typeof Koa, two: unknown): [string, typeof Koa][] {
  return [
    ['Koa 3', three],
    ['Koa 2', two as typeof Koa],
  ];
}

/** Serves the app on a free port of this machine until the test ends. */
export function serve(app: Koa): Promise<ServedApp> {
  const answer = app.callback();
  return serveListener((request, response) => void answer(request, response));
}

export function testSessions(options: SessionsOptions = {}): Promise<TestSessions> {
  return makeTestSessions(secret, options);
}
