import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

import * as source from './index.ts';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const secret = 'only-for-tests-7f3e9c2a5b8d1046-71c2';

// Node.js gives `require` and `import` one copy. Jest and bundlers may load both formats in one process.
it('an app that loads core as CommonJS and as ES modules has one set of sessions', async () => {
  const modules: typeof source = await import(`${dist}index.js`);
  const required: typeof source = createRequire(import.meta.url)(`${dist}commonjs/index.js`);
  expect(required.createSessions).not.toBe(modules.createSessions);

  const options = { secret, logger: false, store: modules.memoryStore() } as const;
  const one = modules.createSessions(options);
  const other = required.createSessions(options);

  const first = await one.open(undefined);
  Object.assign(first, { views: 1 });
  // The session of one format, committed by the other.
  const { setCookie = '' } = await other.commit(first);
  const again = await other.open(setCookie.split(';')[0]);
  expect({ ...again }).toEqual({ views: 1 });
  expect(modules.currentSession(again)).toBe(again);

  const error = await other.list('').catch((reason: unknown) => reason);
  expect(modules.isSessError(error)).toBe(true);
});
