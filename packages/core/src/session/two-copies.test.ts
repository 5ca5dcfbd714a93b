import { afterEach, expect, it, vi } from 'vitest';

import { createSessions, currentSession, memoryStore } from '../index.ts';
import { anySession } from '../testing/test-app.ts';

const secret = 'PV3x8kN0qzq0m1Tt9yJ2bq7rGdLwXoEhYcUaSfIi4Zk';

afterEach(() => {
  vi.resetModules();
});

/** What a bundler does that puts the package into two of its chunks. */
async function secondCopy(): Promise<typeof import('../index.ts')> {
  vi.resetModules();
  const copy = await import('../index.ts');
  expect(copy.createSessions).not.toBe(createSessions);
  return copy;
}

it('a session that one copy of the package made can be committed and followed by another', async () => {
  const store = memoryStore();
  const options = { store, secret, logger: false, env: {} } as const;
  const sessions = createSessions(options);
  const copy = await secondCopy();
  const other = copy.createSessions(options);

  const session = anySession(await sessions.open(undefined));
  session['userId'] = 'u1';
  await session.regenerate({ owner: 'u1', keep: true });
  expect(copy.currentSession(session)).toBe(currentSession(session));

  const { setCookie = '' } = await other.commit(copy.currentSession(session));
  const [cookie] = setCookie.split(';');
  expect(anySession(await other.open(cookie))['userId']).toBe('u1');
  expect(anySession(await sessions.open(cookie))['userId']).toBe('u1');
  await Promise.all([sessions.close(), other.close()]);
});

it('an object that no copy made is refused by both', async () => {
  const copy = await secondCopy();
  const forged = JSON.parse('{"host":{},"state":{}}');
  expect(() => currentSession(forged)).toThrow('This is not a session');
  expect(() => copy.currentSession(forged)).toThrow('This is not a session');
});
