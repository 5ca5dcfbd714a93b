import { afterAll, describe, expect, test } from 'vitest';
import { express } from './contestants.ts';
import type { Fault } from './fault.ts';
import { hostileInput } from './hostile/hostile-input.ts';
import { missingFor, shortPlan } from './plan.ts';
import { type RowResult, playRow, short } from './play-row.ts';
import { type RedisStorage, redisStorage } from './storage.ts';
import { shortTable } from './table.ts';

// The short form of `npm run faults`: each fault once, on one store, with few visitors.

// Always the same choices: a new one is for the command.
const seed = 1;
const results: RowResult[] = [];
afterAll(() => console.log(shortTable(results)));

describe('three workers of the Express demo', () => {
  for (const planned of shortPlan) {
    const { row, contestant } = planned;
    const missing = missingFor(planned);
    const name = `${row.id} ${row.name}, ${row.store}`;
    test.skipIf(missing !== undefined)(
      `${name}${missing === undefined ? '' : ` (skipped: ${missing})`}`,
      { timeout: 90_000 },
      async () => {
        const { result } = await row.play(contestant, { seed, extent: short });
        results.push(result);
        expect({ wrong: result.wrong, problems: result.problems, failure: result.failure, seed }).toEqual({
          wrong: 0,
          problems: [],
          failure: undefined,
          seed,
        });
      },
    );
  }
});

test(
  'control: sessions that are removed when nobody knows of it are seen as false logouts',
  { timeout: 90_000 },
  async () => {
    const flushed: Fault<RedisStorage> = {
      id: 'F18',
      name: 'control',
      how: 'FLUSHALL',
      storage: () => redisStorage(),
      async begin({ storage: { redis }, load }) {
        // One who only looks: a write of the others begins a session for nobody, and hides that theirs is gone.
        await load.bystanders(1);
        return () => redis.admin.flushall();
      },
    };
    const { result } = await playRow(flushed, express, { seed, extent: short });
    expect(result.wrongs['false logout']).toBeGreaterThan(0);
  },
);

test('10,000 hostile inputs are dealt with', { timeout: 120_000 }, async () => {
  const rows = await hostileInput({ cases: 10_000, seed });
  expect(rows.filter(({ failure }) => failure !== undefined)).toEqual([]);
});
