import { expect, it } from 'vitest';
import { outcomeOf } from '@sess/store-tests/internal';
import { walkSessions } from './session-walk.ts';

/** Walks over a server whose connection is lost during the first so many scans. */
async function walkOver(lostScans: number): Promise<number> {
  let scans = 0;
  const link = {
    lostAt: -Infinity,
    where: () => 'h:1/0',
    soon: () => Infinity,
    run: ({ send }: { send: () => Promise<unknown> }) => send(),
    client: {
      isCluster: false,
      options: {},
      async scan() {
        scans += 1;
        if (scans <= lostScans) link.lostAt = performance.now();
        return ['0', []];
      },
    },
  };
  const walk: AsyncGenerator<string> = Reflect.apply(walkSessions, undefined, [link, 'session:']);
  expect((await walk.next()).done).toBe(true);
  return scans;
}

it('a server is begun again when the connection was lost, but not without end', async () => {
  expect(await walkOver(0)).toBe(1);
  expect(await walkOver(4)).toBe(5);
  const { code, error } = await outcomeOf(() => walkOver(1000));
  expect(code).toBe('STORE_UNAVAILABLE');
  expect(error?.message).toContain('again and again');
});
