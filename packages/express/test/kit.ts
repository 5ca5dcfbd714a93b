import { type TestSessions, makeTestSessions } from '@sess/adapter-tests';
import type { SessionsOptions } from '@sess/core';
import type express from 'express';

export const secret = 'x7Kq-tests-of-the-express-adapter-only-Zr91';

/** Both majors under the types of the newer one. What the tests use of them is the same. */
export function versions(five: typeof express, four: unknown): [string, typeof express][] {
  return [
    ['Express 5', five],
    ['Express 4', four as typeof express],
  ];
}

export function testSessions(options: SessionsOptions = {}): Promise<TestSessions> {
  return makeTestSessions(secret, options);
}
