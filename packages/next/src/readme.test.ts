import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = await readFile(join(root, 'README.md'), 'utf8');
const blocks = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = '', code = '']) => ({
  language,
  code,
  file: /^\/\/ ([\w./-]+)/.exec(code)?.[1] ?? '',
}));

/** What the page leaves to its reader. */
const readersOwn = {
  'lib/users.ts': `export async function checkPassword(form: FormData): Promise<{ id: string } | undefined> {
  return form.get('password') === 'right' ? { id: String(form.get('name')) } : undefined;
}`,
};

/** In a folder of the package that git leaves alone, so that the compiler finds what an app would have installed. */
let folder: string;
beforeAll(async () => {
  await mkdir(join(root, '.turbo'), { recursive: true });
  folder = await mkdtemp(join(root, '.turbo', 'readme-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** @returns what the compiler complains about in an app of these files */
async function compile(files: Readonly<Record<string, string>>): Promise<string> {
  const app = await mkdtemp(join(folder, 'app-'));
  const compilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: 'ES2022',
    lib: ['ES2023', 'DOM'],
    module: 'ESNext',
    moduleResolution: 'Bundler',
    jsx: 'react-jsx',
    types: ['node'],
    typeRoots: [join(root, '../../node_modules/@types')],
  };
  const config = JSON.stringify({ compilerOptions, include: ['**/*'] });
  for (const [name, text] of Object.entries({ ...files, 'tsconfig.json': config })) {
    await mkdir(dirname(join(app, name)), { recursive: true });
    await writeFile(join(app, name), text);
  }
  return new Promise((resolve) => {
    execFile(join(root, '../../node_modules/.bin/tsc'), ['-p', app], (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

const code = blocks.filter(({ language }) => language !== 'sh');
const firstOfEach = new Map(code.toReversed().map(({ file, code: text }) => [file, text]));

describe('the code of the README', () => {
  it('says of each block which file it is', () => {
    expect(code.length).toBeGreaterThan(10);
    for (const { file, language } of code) expect(file).toMatch(new RegExp(`^[\\w./-]+\\.${language}$`));
  });

  it('compiles, as one app', { timeout: 60_000 }, async () => {
    expect(await compile({ ...readersOwn, ...Object.fromEntries(firstOfEach) })).toBe('');
  });

  it('would be found not to compile', { timeout: 60_000 }, async () => {
    const mistaken = "import { createNextSessions } from '@sess/next';\ncreateNextSessions({ resave: false });\n";
    expect(await compile({ 'lib/session.ts': mistaken })).toContain('resave');
  });

  it('has another file of the same name only where it says what for', { timeout: 60_000 }, async () => {
    const others = code.filter(({ file, code: text }) => firstOfEach.get(file) !== text);
    expect(others.map(({ code: text }) => text.split('\n')[0])).toEqual([
      '// lib/session.ts, with a store of your own choice',
    ]);
    const withRedis =
      "declare module '@sess/redis' { export const redisStore: (o: { url: string; prefix: string }) => never }";
    expect(await compile({ 'lib/session.ts': others[0]?.code ?? '', 'redis.d.ts': withRedis })).toBe('');
  });
});
