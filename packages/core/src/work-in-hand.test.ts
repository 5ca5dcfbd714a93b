import { setTimeout as wait } from 'node:timers/promises';

import { expect, it } from 'vitest';

import { WorkInHand } from './work-in-hand.ts';

it('lets all who wait go on when the last of the work has ended, and not before', async () => {
  const work = new WorkInHand();
  await work.settled();
  work.begin();
  work.begin();
  const gone: string[] = [];
  void work.settled().then(() => gone.push('first'));
  void work.settled().then(() => gone.push('second'));
  work.end();
  await wait(20);
  expect(gone).toEqual([]);
  work.end();
  await wait(20);
  expect(gone).toEqual(['first', 'second']);
});

it('waits for what begins while those who waited are about to go on', async () => {
  const work = new WorkInHand();
  work.begin();
  let isOver = false;
  void work.settled().then(() => (isOver = true));
  work.end();
  work.begin();
  await wait(20);
  expect(isOver).toBe(false);
  work.end();
  await wait(20);
  expect(isOver).toBe(true);
});

it('waits for what follows at once on what has ended', async () => {
  const work = new WorkInHand();
  work.begin();
  let isOver = false;
  void work.settled().then(() => (isOver = true));
  work.end();
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  work.begin();
  await wait(20);
  expect(isOver).toBe(false);
  work.end();
  await wait(20);
  expect(isOver).toBe(true);
});
