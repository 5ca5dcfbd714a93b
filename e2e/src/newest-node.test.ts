import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runProgram } from './publish-release.ts';
import { runtimes } from './runtimes.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
const [node = process.execPath] = runtimes.get('Node.js 26') ?? [];

/** What takes the place of Node's own methods, under a newer Node.js than the one that runs all other tests. */
describe('the newest Node.js that is there', () => {
  it.each([
    ['holds responses', 'packages/core', 'src/response'],
    ['holds the responses of serverless adapters and tools for tests', 'e2e', 'src/foreign-responses'],
  ])('%s', { timeout: 240_000 }, async (_what, folder, files) => {
    const args = [vitest, 'run', files, '--reporter=default', '--no-color'];
    const { ok, output } = await runProgram(node, args, { cwd: join(root, folder), withinMs: 220_000 });
    if (!ok) throw new Error(output);
    expect(output).toMatch(/Tests {2}\d+ passed/);
  });
});
