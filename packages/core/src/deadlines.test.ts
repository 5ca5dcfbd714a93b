import { AsyncLocalStorage } from 'node:async_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { afterEach, expect, it, vi } from 'vitest';

import { deadlinesOf } from './deadlines.ts';

afterEach(() => vi.useRealTimers());

it('a deadline expires in the context of its own request, whoever set the shared timer', async () => {
  const request = new AsyncLocalStorage<string>();
  const list = deadlinesOf(21);
  const expired = (name: string) =>
    request.run(name, () => new Promise<unknown>((resolve) => list.begin(() => resolve(request.getStore()))));
  expect(await Promise.all([expired('first'), expired('second')])).toEqual(['first', 'second']);
});

it('a deadline expires while the app has other timers in place of the real ones', async () => {
  const real = globalThis.setTimeout;
  vi.useFakeTimers();
  const expired = new Promise((resolve) => deadlinesOf(22).begin(() => resolve('expired')));
  const tooLate = new Promise((resolve) => real(resolve, 1000, 'too late'));
  expect(await Promise.race([expired, tooLate])).toBe('expired');
});

it('deadlines keep no context of the call that set their timer, also under steady load', async () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const request = new AsyncLocalStorage<object | undefined>();
  const first = new WeakRef({});
  const list = deadlinesOf(23);
  let underWay = request.run(first.deref(), () => list.begin(() => {}));
  for (let turns = 0; turns < 100 && first.deref() !== undefined; turns++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    const next = list.begin(() => {});
    underWay.end();
    underWay = next;
    gc();
  }
  underWay.end();
  expect(first.deref()).toBeUndefined();
});
