import { readFileSync } from 'node:fs';
import { createSessions, memoryStore } from '@sess/core';
import { describe, expect, it } from 'vitest';

const secrets = {
  old: 'o1d-Xk3vRz8qLw5mPt2nYc7hJb4gFd9s',
  new: 'n3w-Qe6uWi1oAp4sDf7gHj0kLz5xCv8b',
};

/** The deploys as docs/configuration.md has them: what each sets, in its order. */
const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
const deploys = [...page.matchAll(/^\d\. .*`SECRET_KEY=<(old|new)>`, `SECRET_KEY_FALLBACKS=<(old|new)>`/gm)].map(
  ([, first, fallback]) => [first, fallback].map((name) => secrets[name === 'old' ? 'old' : 'new']),
);

const store = memoryStore();

function workerOf([first, fallback]: readonly string[]) {
  return createSessions({ store, logger: false, env: { SECRET_KEY: first, SECRET_KEY_FALLBACKS: fallback } });
}

/** Whether a worker knows the session that another one has begun. */
async function accepts(reader: readonly string[], signer: readonly string[]): Promise<boolean> {
  const begins = workerOf(signer);
  const session = await begins.open(undefined);
  Object.assign(session, { user: 'ada' });
  const { setCookie = '' } = await begins.commit(session);
  const [cookie] = setCookie.split(';');
  return Reflect.get(await workerOf(reader).open(cookie), 'user') === 'ada';
}

describe('a rotation of the secret as it is documented', () => {
  const stages = [[secrets.old], ...deploys, [secrets.new]];

  it('has two deploys with a fallback', () => {
    expect(deploys).toEqual([
      [secrets.old, secrets.new],
      [secrets.new, secrets.old],
    ]);
  });

  it.each([1, 2])('in deploy %i workers of before and after know the users of one another', async (number) => {
    const before = stages[number - 1] ?? [];
    const after = stages[number] ?? [];
    expect(await accepts(before, after)).toBe(true);
    expect(await accepts(after, before)).toBe(true);
  });

  it('keeps a cookie of the time before until the old secret goes', async () => {
    expect(await accepts(stages[2] ?? [], stages[0] ?? [])).toBe(true);
    expect(await accepts(stages[3] ?? [], stages[0] ?? [])).toBe(false);
  });

  it('in one step would make strangers of the users of new workers', async () => {
    expect(await accepts([secrets.old], [secrets.new, secrets.old])).toBe(false);
  });
});
