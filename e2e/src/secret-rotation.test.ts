import { createSessions, memoryStore } from '@sess/core';
import { describe, expect, it } from 'vitest';
import { type RotationStage, deploys, environmentOf, oneStep, stages } from './rotation-stages.ts';

const store = memoryStore();

function workerOf(stage: RotationStage) {
  return createSessions({ store, logger: false, env: environmentOf(stage) });
}

/** Whether a worker knows the session that another one has begun. */
async function accepts(reader: RotationStage | undefined, signer: RotationStage | undefined): Promise<boolean> {
  if (reader === undefined || signer === undefined) throw new Error('There is no such stage.');
  const begins = workerOf(signer);
  const session = await begins.open(undefined);
  Object.assign(session, { user: 'ada' });
  const { setCookie = '' } = await begins.commit(session);
  const [cookie] = setCookie.split(';');
  return Reflect.get(await workerOf(reader).open(cookie), 'user') === 'ada';
}

describe('a rotation of the secret as it is documented', () => {
  it('has two deploys with a fallback', () => {
    const [[old] = [], , , [fresh] = []] = stages;
    expect(deploys).toEqual([
      [old, fresh],
      [fresh, old],
    ]);
  });

  it.each([1, 2])('in deploy %i workers of before and after know the users of one another', async (number) => {
    expect(await accepts(stages[number - 1], stages[number])).toBe(true);
    expect(await accepts(stages[number], stages[number - 1])).toBe(true);
  });

  it('keeps a cookie of the time before until the old secret goes', async () => {
    expect(await accepts(stages[2], stages[0])).toBe(true);
    expect(await accepts(stages[3], stages[0])).toBe(false);
  });

  it('in one step would make strangers of the users of new workers', async () => {
    expect(await accepts(...oneStep)).toBe(false);
  });
});
