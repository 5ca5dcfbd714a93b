import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Block, allPages, blocksOf, fileOf, whyUntested } from './documentation-blocks.ts';
import { Visitor } from './http-client.ts';
import { codeOf } from './page-code.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

const blocks = allPages().flatMap((page) => blocksOf(page));
/** What is tried here: other blocks have a test of their own. */
const inLanguage = (language: string): Block[] =>
  blocks.filter((block) => block.language === language && block.testedBy === undefined);
const whole = (language: string): Block[] => inLanguage(language).filter(({ isFragment }) => !isFragment);
const alone = (block: Block): boolean => fileOf(block) === undefined;
/** The pages that show an app of several files. */
const apps = [
  ...new Set(
    ['ts', 'tsx']
      .flatMap(inLanguage)
      .filter((block) => !alone(block))
      .map(({ page }) => page),
  ),
];
const servers = whole('js').filter(({ code }) => code.includes('process.env.PORT'));
const testFiles = whole('js').filter(({ code }) => code.includes("'node:test'"));

/** An app's folder, where the packages are installed. */
let folder: string;
let count = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sess-readme-'));
  symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{}');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function save(code: string, name: string): { directory: string; file: string } {
  const directory = join(folder, String((count += 1)));
  mkdirSync(directory);
  const file = join(directory, name);
  writeFileSync(file, code);
  return { directory, file };
}

interface Outcome {
  readonly ok: boolean;
  readonly output: string;
}

/** What a new user has: none of a test runner's variables, which would select cookie sessions. */
function environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME, SESSION_DIR: join(folder, 'sessions'), ...more };
}

function run(program: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd: folder, env: environment(), timeout: 30_000 }, (error, stdout, stderr) =>
      resolve({ ok: error === null, output: stdout + stderr }),
    );
  });
}

const typeRoots = ['node_modules/@types', 'e2e/node_modules/@types'].map((path) => join(root, path));

/** What readers of a part of an app take for granted. A block that has one of these itself means its own. */
const context = `import '@sess/express';
import type { Sessions } from '@sess/core';
import type { Express } from 'express';
declare global {
  const app: Express;
  const sessions: Sessions;
}
`;

/** The store that readers have written. */
const store = `import type { SessionStore } from '@sess/core';
export declare function myStore(options: { prefix: string; clock(): number }): SessionStore;
`;

const isDeclaration = ({ code }: Block): boolean => /^declare module/m.test(code) && !code.includes('createSessions');

/** What readers may put into a file of its own: nothing but a declaration, and the imports that it has. */
const isOnlyDeclaration = (block: Block): boolean =>
  isDeclaration(block) && block.code.split('\n').every((line) => /^(import |declare module|\}|\/\/|\s|$)/.test(line));
const declarations = blocks.filter((block) => block.language === 'ts' && isOnlyDeclaration(block));

/** Compiles a block, beside the types of the session's data that the same page declares; of a fragment, the syntax. */
function compile(block: Block): Promise<Outcome> {
  const declarations = whole('ts').filter((other) => other.page === block.page && isDeclaration(other));
  const { directory } = save(block.code, 'block.mts');
  const files = ['block.mts', 'context.mts'];
  writeFileSync(join(directory, 'my-store.ts'), store);
  writeFileSync(join(directory, 'context.mts'), context);
  for (const [index, { code }] of declarations.entries()) {
    if (code === block.code) continue;
    files.push(`declaration-${index}.mts`);
    writeFileSync(join(directory, `declaration-${index}.mts`), code);
  }
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: 'ES2022',
    module: 'NodeNext',
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    paths: { vitest: [join(root, 'node_modules/vitest/dist/index.d.ts')] },
    noCheck: block.isFragment,
    types: ['node'],
    typeRoots,
  };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  return run(join(root, 'node_modules/.bin/tsc'), ['-p', directory]);
}

/** Compiles the files of an app that a page shows, as Next.js would. What a page shows twice is an app of its own. */
function compileApp(page: string): Promise<Outcome> {
  const { directory } = save('{}', 'package.json');
  symlinkSync(join(root, 'apps/next-demo/node_modules'), join(directory, 'node_modules'));
  const write = (file: string, code: string): string => {
    const path = join(directory, existsSync(join(directory, file)) ? `other${(count += 1)}` : '', file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, code);
    return path;
  };
  const own = 'export declare function checkPassword(form: FormData): Promise<{ id: string } | undefined>;\n';
  const files = [write('lib/users.ts', own)];
  for (const block of [...inLanguage('ts'), ...inLanguage('tsx')]) {
    const file = fileOf(block);
    if (block.page === page && file !== undefined) files.push(write(file, block.code));
  }
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: 'ES2022',
    lib: ['ES2023', 'DOM', 'DOM.Iterable'],
    module: 'esnext',
    moduleResolution: 'bundler',
    jsx: 'react-jsx',
    skipLibCheck: true,
    types: ['node'],
    typeRoots,
  };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  return run(join(root, 'node_modules/.bin/tsc'), ['-p', directory]);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Asks as one visitor, on a new connection each time, until the answers are enough. */
async function answersOf(code: string, areEnough: (texts: readonly string[]) => boolean): Promise<string[]> {
  const port = await freePort();
  const { file } = save(code, code.includes('require(') ? 'app.cjs' : 'app.mjs');
  const app = spawn(process.execPath, [file], { env: environment({ PORT: String(port) }), detached: true });
  let output = '';
  app.stdout.on('data', (chunk: Buffer) => void (output += chunk.toString()));
  app.stderr.on('data', (chunk: Buffer) => void (output += chunk.toString()));
  try {
    const visitor = new Visitor(`http://127.0.0.1:${port}`);
    const texts: string[] = [];
    const deadline = Date.now() + 20_000;
    while (texts.length < 8 || !areEnough(texts)) {
      if (Date.now() > deadline) throw new Error(`too late, after ${texts.length} answers\n${output}`);
      const answer = await visitor.get('/').catch((error: unknown) => {
        if (app.exitCode !== null || texts.length > 0) throw new Error(`${String(error)}\n${output}`);
        return undefined;
      });
      if (answer === undefined) await new Promise((resolve) => setTimeout(resolve, 50));
      else if (answer.status === 200) texts.push(answer.text);
      else throw new Error(`${answer.status} ${answer.text}\n${output}`);
    }
    return texts;
  } finally {
    await stop(app);
  }
}

/** With its workers, which are in the group that it leads. */
async function stop(app: ChildProcess): Promise<void> {
  if (app.exitCode !== null || app.pid === undefined) return;
  const ended = once(app, 'exit');
  process.kill(-app.pid, 'SIGTERM');
  await ended;
}

const names = (list: readonly { where: string }[]): string[] => list.map(({ where }) => where);
function blockAt(where: string): Block {
  const block = blocks.find((one) => one.where === where);
  if (block === undefined) throw new Error(`There is no block at ${where}.`);
  return block;
}

describe('the code in the documentation', { timeout: 30_000 }, () => {
  it('is found', () => {
    expect(blocks.filter(({ page }) => page === 'README.md').length).toBeGreaterThan(4);
    expect(blocks.length).toBeGreaterThan(40);
    expect(servers.map(({ where }) => where.split(':')[0])).toEqual(
      expect.arrayContaining(['README.md', 'packages/core/README.md']),
    );
    expect(testFiles.length).toBeGreaterThan(0);
  });

  it('is all tried by something, wherever it stands', () => {
    expect(blocks.flatMap((block) => whyUntested(block)?.concat(` (${block.where})`) ?? [])).toEqual([]);
  });

  it('would be found untried: a language of its own, no language, a test that is not there or reads another page', () => {
    const page = '```lua\nreturn 1\n```\n\n- a list\n\n  ```\n  what\n  ```\n\n```sql tested-by=a.test.ts\n1\n```\n';
    const other = '```sql tested-by=e2e/src/http-client.ts\n1\n```\n```lua fragment\n```\n```mermaid\n```\n';
    expect(blocksOf('docs/new.md', page + other).map(whyUntested)).toEqual([
      expect.stringContaining('lua'),
      expect.stringContaining('without a language'),
      'There is no a.test.ts.',
      'e2e/src/http-client.ts does not read docs/new.md.',
      undefined,
      undefined,
    ]);
    expect(blocksOf('docs/new.md', page)[1]).toMatchObject({ where: 'docs/new.md:7', code: 'what\n' });
  });

  it('would be found not to compile, and a fragment not to be TypeScript', async () => {
    const [mistaken, part, broken] = blocksOf(
      'docs/new.md',
      ['createSessions({ resave: false });\n', 'unknown(1);\n', 'unknown(;\n']
        .map(
          (code, index) =>
            `\`\`\`ts ${index === 0 ? '' : 'fragment'}\nimport { createSessions } from '@sess/core';\n${code}\`\`\`\n`,
        )
        .join(''),
    );
    expect(mistaken && (await compile(mistaken))).toMatchObject({
      ok: false,
      output: expect.stringContaining('resave'),
    });
    expect(part && (await compile(part))).toEqual({ ok: true, output: '' });
    expect(broken && (await compile(broken))).toMatchObject({ ok: false, output: expect.stringContaining('TS1') });
  });

  it.each(names(inLanguage('ts').filter(alone)))('%s compiles', async (where) => {
    expect(await compile(blockAt(where))).toEqual({ ok: true, output: '' });
  });

  it('has declarations of what is in a session', () => {
    expect(declarations.length).toBeGreaterThan(3);
  });

  it.each(names(declarations))('%s adds to @sess/core, alone in a types.d.ts too', async (where) => {
    const { directory } = save(blockAt(where).code, 'types.d.ts');
    const program = "import { createSessions } from '@sess/core';\nexport const sessions = createSessions();\n";
    writeFileSync(join(directory, 'app.ts'), program);
    writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
    const compilerOptions = { strict: true, noEmit: true, module: 'NodeNext', types: ['node'], typeRoots };
    writeFileSync(
      join(directory, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['app.ts', 'types.d.ts'] }),
    );
    expect(await run(join(root, 'node_modules/.bin/tsc'), ['-p', directory])).toEqual({ ok: true, output: '' });
  });

  it.each(apps)('the app of %s compiles', async (page) => {
    expect(await compileApp(page)).toEqual({ ok: true, output: '' });
  });

  it.each(names(inLanguage('js')))('%s is valid', async (where) => {
    const { file } = save(blockAt(where).code, 'block.mjs');
    expect(await run(process.execPath, ['--check', file])).toEqual({ ok: true, output: '' });
  });

  it.each(names(inLanguage('json')))('%s is JSON', (where) => {
    expect(() => JSON.parse(blockAt(where).code)).not.toThrow();
  });

  it.each(names(testFiles))('%s passes', async (where) => {
    const { file } = save(blockAt(where).code, 'block.test.mjs');
    expect(await run(process.execPath, ['--test', file])).toMatchObject({ ok: true });
  });

  it.each(names(servers))('%s runs, and counts in whatever worker answers', async (where) => {
    const code = blockAt(where).code;
    const workersIn = (texts: readonly string[]): number => new Set(texts.map((text) => /\d+$/m.exec(text)?.[0])).size;
    const texts = await answersOf(code, (soFar) => !code.includes('cluster.fork') || workersIn(soFar) > 1);
    if (!code.includes('View ')) return;
    expect(texts.map((text) => /^View (\d+)/.exec(text)?.[1])).toEqual(texts.map((_, index) => String(index + 1)));
  });

  it('the app of README.md ends with an error code where no worker can start', async () => {
    const { file } = save(codeOf('README.md', 'js', 'cluster.fork'), 'app.mjs');
    const started = new Promise<number | string>((resolve) => {
      const env = environment({ NODE_ENV: 'production', PORT: '0' });
      execFile(process.execPath, [file], { env, timeout: 30_000 }, (error) => resolve(error?.code ?? 0));
    });
    expect(await started).toBe(1);
  });

  it.each(names(inLanguage('sh')))('%s can be typed', async (where) => {
    const code = blockAt(where).code;
    const { file } = save(code, 'block.sh');
    expect(await run('sh', ['-n', file])).toEqual({ ok: true, output: '' });
    const commands = code.split('\n').map((line) => line.replace(/\s+#.*/, '').trim());
    const problems = await Promise.all(commands.map(problemOf));
    expect(problems.filter((problem) => problem !== undefined)).toEqual([]);
  });
});

const manifest = (path: string): Record<string, Record<string, string> | undefined> =>
  JSON.parse(readFileSync(join(root, path), 'utf8')) as Record<string, Record<string, string>>;

/** What is wrong with a command of the kinds that the pages have; others are only looked at by the shell. */
async function problemOf(line: string): Promise<string | undefined> {
  const script = /^npm (?:run )?([\w:]+)$/.exec(line)?.[1];
  if (script !== undefined && manifest('package.json')['scripts']?.[script] === undefined)
    return `There is no npm script ${script}.`;

  const installed = /^npm (?:install|i) (.+)$/.exec(line)?.[1]?.split(' ') ?? [];
  const { dependencies, devDependencies } = { ...manifest('package.json'), ...manifest('e2e/package.json') };
  const ofFrameworks = Object.assign(
    {},
    ...['checks', 'frameworks'].map((folder) => manifest(`e2e/fixtures/${folder}/package.json`)['dependencies']),
  );
  for (const word of installed.filter((one) => !one.startsWith('-'))) {
    // An alias is as good as what it stands for.
    const name = word.replace(/^[\w-]+@npm:/, '');
    const isOurs = existsSync(join(root, name.replace('@sess/', 'packages/'), 'package.json'));
    if (!isOurs && !(name in { ...dependencies, ...devDependencies, ...ofFrameworks }))
      return `${name} cannot be installed.`;
  }

  if (!line.startsWith('node -p ')) return undefined;
  const { ok, output } = await run('sh', ['-c', line]);
  return ok && output.trim().length >= 32 ? undefined : `It prints no secret: ${output}`;
}
