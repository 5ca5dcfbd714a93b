import { beforeEach, expect, it, onTestFinished } from 'vitest';

import { onSessionEvent } from '../events.ts';
import { createSessions } from '../sessions.ts';
import { memoryStore } from '../storage/memory-store.ts';

beforeEach(() => void Reflect.deleteProperty(globalThis, Symbol.for('@sess/core a long Cookie header was warned of')));

it('a Cookie header that is too long to be searched is an event each time, and one warning a process', async () => {
  const warnings: string[] = [];
  const logger = { info() {}, error() {}, warn: (line: string) => void warnings.push(line) };
  const secret = 'PV3x8kN0qzq0m1Tt9yJ2bq7rGdLwXoEhYcUaSfIi4Zk';
  const make = (name: string) =>
    createSessions({ store: memoryStore(), secret, logger, cookie: { name }, env: { NODE_ENV: 'test' } });
  const [ours, others] = [make('ours'), make('others')];
  await Promise.all([ours.ready(), others.ready()]);
  warnings.length = 0;
  const told: number[] = [];
  onTestFinished(onSessionEvent('longCookieHeader', ({ length }) => told.push(length)));

  const session = await ours.open(undefined);
  Object.assign(session, { views: 1 });
  const [cookie = ''] = String((await ours.commit(session)).setCookie).split(';');
  const headerOf = (length: number): string => `${cookie}; a=`.padEnd(length, 'a');
  const isKnown = async (length: number): Promise<boolean> => !(await ours.open(headerOf(length))).isNew;

  expect([await isKnown(16_384), told, warnings]).toEqual([true, [], []]);
  expect([await isKnown(16_385), await isKnown(20_000)]).toEqual([false, false]);
  await others.open(headerOf(30_000));
  expect(told).toEqual([16_385, 20_000, 30_000]);
  expect(warnings).toEqual([
    expect.stringMatching(/a Cookie header of 16385 characters came, and ours is not looked for/),
  ]);
});
