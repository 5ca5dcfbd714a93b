import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { expect, it } from 'vitest';

const here = fileURLToPath(new URL('..', import.meta.url));
const run = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)(process.execPath, args, { cwd: here })).stdout.trim();

const names = "['Store', 'MemoryStore', 'Session', 'Cookie']";

it('require() gives the function itself, with the classes and default on it', async () => {
  const script = `
    const session = require('@sess/express-session');
    console.log(typeof session, session.default === session, ${names}.every((name) => typeof session[name] === 'function'));
  `;
  expect(await run('-e', script)).toBe('function true true');
});

it('import gives the same function and the same classes', async () => {
  const script = `
    import { createRequire } from 'node:module';
    import session, * as all from '@sess/express-session';
    const required = createRequire(import.meta.url)('@sess/express-session');
    console.log(session === required, ${names}.every((name) => all[name] === required[name]));
  `;
  expect(await run('--input-type=module', '-e', script)).toBe('true true');
});
