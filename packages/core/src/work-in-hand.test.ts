import { setImmediate as turn } from 'node:timers/promises';

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
  await turn();
  expect(gone).toEqual([]);
  work.end();
  await turn();
  expect(gone).toEqual(['first', 'second']);
});

it('waits for what begins while those who waited are about to go on', async () => {
  const work = new WorkInHand();
  work.begin();
  let isOver = false;
  void work.settled().then(() => (isOver = true));
  work.end();
  work.begin();
  await turn();
  expect(isOver).toBe(false);
  work.end();
  await turn();
  expect(isOver).toBe(true);
});
