import { type Sessions, type SessionsOptions, createSessions } from '@sess/core';
import { type TestStore, testStore } from './test-store.ts';

export interface TestSessions {
  sessions: Sessions;
  store: TestStore;
}

/** Sessions whose start has been seen to, so that no probe mingles with the calls that a test counts. */
export async function makeTestSessions(secret: string, options: SessionsOptions): Promise<TestSessions> {
  const store = testStore();
  const sessions = createSessions({ store, secret, logger: false, ...options });
  await sessions.ready();
  store.calls.length = 0;
  return { sessions, store };
}
