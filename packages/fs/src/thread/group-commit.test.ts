import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { groupCommit } from './group-commit.ts';

it('confirms what waits at one moment one behind the other, and lets all go on then', async () => {
  const events: string[] = [];
  const commit = groupCommit(() => events.push('before'));
  const write = async (name: string) => {
    await commit(() => events.push(`record ${name}`));
    await commit(() => events.push(`name ${name}`));
    events.push(`done ${name}`);
  };
  await Promise.all([write('a'), write('b'), write('c')]);
  const each = (what: string) => ['a', 'b', 'c'].map((name) => `${what} ${name}`);
  expect(events).toEqual(['before', ...each('record'), 'before', ...each('name'), ...each('done')]);
});

it('lets one fail alone', async () => {
  const commit = groupCommit(() => {});
  const done: string[] = [];
  const outcomes = ['a', 'b', 'c'].map((name) =>
    commit(() => {
      done.push(name);
      if (name === 'b') throw new Error('EIO');
    }),
  );
  await expect(Promise.allSettled(outcomes)).resolves.toMatchObject([
    { status: 'fulfilled' },
    { status: 'rejected', reason: { message: 'EIO' } },
    { status: 'fulfilled' },
  ]);
  expect(done).toEqual(['a', 'b', 'c']);
  // And goes on afterwards.
  await commit(() => done.push('d'));
  expect(done).toContain('d');
});

it('lets others have their turn within a group that takes long, and says so before the thread waits again', async () => {
  const events: string[] = [];
  const commit = groupCommit(() => events.push('before'));
  const slow = (name: string) =>
    commit(() => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      events.push(name);
    });
  const all = Promise.all(['a', 'b', 'c'].map(slow));
  const others = (async () => {
    while (events.filter((event) => event !== 'before' && event !== 'other').length < 3) {
      await nextTurn();
      events.push('other');
    }
  })();
  await Promise.all([all, others]);
  const between = events.slice(events.indexOf('a') + 1, events.indexOf('b'));
  expect(between).toContain('other');
  expect(between).toContain('before');
});
