import { execFile } from 'node:child_process';
import { describe as nodeDescribe, it as nodeIt } from 'node:test';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { TestRunner } from './index.ts';

// vitest runs the suite in memory.test.ts. This is the built package, in a process of its own.

/** Compiles only as long as node:test has what the suite asks for. */
const nodeRunner: TestRunner = { describe: nodeDescribe, it: nodeIt };

const script = `
  import { describe, it } from 'node:test';
  import { memoryStore } from '@sess/core';
  import { testStore } from '@sess/store-tests';

  testStore({
    name: 'memory',
    runner: { describe, it },
    rounds: 10,
    abilities: ['describe', 'keysByOwner', 'walk', 'sweep', 'check', 'close'],
    open({ clock, instances }) {
      const store = memoryStore({ clock });
      return { stores: Array.from({ length: instances }, () => store) };
    },
  });
`;

it('the built package runs under node:test, and skips by name', async () => {
  expect(nodeRunner.it.skip).toBeTypeOf('function');
  const args = ['--test-reporter=tap', '--input-type=module', '--eval', script];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: new URL('..', import.meta.url) });
  expect(stdout).toMatch(/^# pass 2\d\d$/m);
  expect(stdout).toMatch(/^# fail 0$/m);
  expect(stdout).toMatch(/read throws STORE_CORRUPT .*\(skipped: no damage can be planted\) # SKIP/);
}, 30_000);
