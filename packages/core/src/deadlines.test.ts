import { AsyncLocalStorage } from 'node:async_hooks';

import { expect, it } from 'vitest';

import { deadlinesOf } from './deadlines.ts';

it('a deadline expires in the context of its own request, whoever set the shared timer', async () => {
  const request = new AsyncLocalStorage<string>();
  const list = deadlinesOf(21);
  const expired = (name: string) =>
    request.run(name, () => new Promise<unknown>((resolve) => list.begin(() => resolve(request.getStore()))));
  expect(await Promise.all([expired('first'), expired('second')])).toEqual(['first', 'second']);
});
