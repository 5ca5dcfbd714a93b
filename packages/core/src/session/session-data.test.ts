import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// An app outside this workspace, which sees the package as npm installs it: its declarations, by its name.
const require = createRequire(import.meta.url);
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
let app: string;

beforeAll(() => {
  app = mkdtempSync(join(tmpdir(), 'session-data-'));
  mkdirSync(join(app, 'node_modules', '@sess'), { recursive: true });
  symlinkSync(fileURLToPath(new URL('../..', import.meta.url)), join(app, 'node_modules', '@sess', 'core'));
  symlinkSync(dirname(dirname(require.resolve('@types/node/package.json'))), join(app, 'node_modules', '@types'));
  writeFileSync(join(app, 'package.json'), '{ "type": "module" }');
  writeFileSync(
    join(app, 'session.d.ts'),
    `import '@sess/core';
     declare module '@sess/core' {
       interface SessionData {
         userId?: string; cart?: { items: string[] }; views?: number; born?: Date; tags?: Set<string>; extra?: unknown; any?: any
       }
     }`,
  );
});

afterAll(() => {
  rmSync(app, { recursive: true });
});

async function compile(file: string, source: string, options: Options): Promise<string> {
  writeFileSync(join(app, file), source);
  const compilerOptions = { strict: true, noEmit: true, types: ['node'], target: 'es2022', ...options };
  const config = `tsconfig.${file}.json`;
  writeFileSync(join(app, config), JSON.stringify({ compilerOptions, files: ['session.d.ts', file] }));
  return new Promise((resolve) => {
    execFile(process.execPath, [tsc, '-p', config], { cwd: app }, (_, stdout) => resolve(stdout.trim()));
  });
}

interface Options {
  module: string;
  [option: string]: unknown;
}

const resolutions: [string, Options][] = [
  ['Node', { module: 'nodenext', skipLibCheck: false }],
  [
    'a bundler',
    { module: 'esnext', moduleResolution: 'bundler', exactOptionalPropertyTypes: true, skipLibCheck: true },
  ],
];

describe.each(resolutions)('SessionData that an app has declared, resolved as by %s', (_, options) => {
  it('types the session, its updates and its controls', async () => {
    const source = `
      import { type Session, type SessionData, type SessionStore, createSessions, currentSession, memoryStore } from '@sess/core';
      const store: SessionStore = memoryStore();
      const sessions = createSessions({ store });
      const session: Session = await sessions.open(undefined);
      session.userId = 'u1';
      session.views = (session.views ?? 0) + 1;
      const items: string[] | undefined = session.cart?.items;
      const views: number = await session.update('views', (current = 0) => current + 1);
      const none: undefined = await session.update('views', () => undefined);
      await session.update('cart', (cart = { items: [] }) => ({ items: [...cart.items, 'x'] }));
      const next: Session = await session.regenerate({ owner: 'u1', keep: ['cart'] });
      await session.regenerate({ keep: true });
      const same: Session = session.save(() => {});
      const current: Session = currentSession(next);
      delete current.views;
      session.cookie.maxAge = 60_000;
      session.persistent = true;
      session.extra = { any: session.any };
      const data: SessionData = { userId: 'u2' };
      Object.assign(session, data);
      export { items, none, views, same };
    `;
    expect(await compile(`good-${options.module}.ts`, source, options)).toBe('');
  });

  it('finds what is wrong, line by line', async () => {
    const wrong = [
      'session.userId = 7;',
      'session.missing = 1;',
      "await session.update('views', () => 'many');",
      "await session.update('missing', () => 1);",
      "session.handle = 'x';",
      'session.save = 1;',
      "await session.regenerate({ keep: 'cart' });",
      'session.cookie.httpOnly = false;',
      "createSessions({ cookie: { sameSite: 'Lax' } });",
      'createSessions({ resave: false });',
      'session.born = new Date();',
      "await session.update('born', () => new Date());",
      'session.tags = new Set();',
    ];
    const source = [
      "import { createSessions } from '@sess/core';const session = await createSessions().open('');",
      ...wrong,
    ];
    const output = await compile(`bad-${options.module}.ts`, source.join('\n'), options);
    const lines = [...output.matchAll(/^bad-\w+\.ts\((?<line>\d+),/gm)].map(({ groups }) => Number(groups?.['line']));
    expect([...new Set(lines)]).toEqual(wrong.map((_, index) => index + 2));
    expect(output).toContain('A Date is not JSON: declare a string for its toISOString()');
  });
});
