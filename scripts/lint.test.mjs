// Plants one violation a file in a copy of the repository's frame, and sees the lint name each.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from './processes.mjs';

const planted = [
  ['sess(import-law)', 'packages/core/src/a-store.ts', "import '@sess/redis';"],
  ['sess(import-law)', 'packages/core/src/the-suite.test.ts', "import '@sess/store-tests';"],
  ['sess(import-law)', 'packages/core/src/a-framework.ts', "import 'express';"],
  ['sess(import-law)', 'packages/redis/src/another-store.ts', "import '@sess/fs';"],
  ['sess(import-law)', 'packages/redis/src/an-adapter.test.ts', "import '@sess/express';"],
  ['sess(import-law)', 'packages/redis/src/the-suite.ts', "import '@sess/store-tests';"],
  ['sess(import-law)', 'packages/fs/src/undeclared.ts', "export type { Redis } from 'ioredis';"],
  ['sess(import-law)', 'packages/fs/src/a-type.ts', "export type Store = import('@sess/redis').RedisStore;"],
  ['sess(import-law)', 'packages/express/src/a-store.ts', "export const store = import('@sess/fs');"],
  ['sess(import-law)', 'packages/express/src/another-adapter.ts', "export { session } from '@sess/koa';"],
  ['sess(import-law)', 'packages/express/src/deep.ts', "import '@sess/core/dist/token.js';"],
  ['sess(import-law)', 'packages/express/src/leaves.ts', "import '../../core/src/token.ts';"],
  ['sess(import-law)', 'packages/express/src/a-visitor.ts', "import '@sess/adapter-tests';"],
  ['sess(import-law)', 'packages/postgres/src/a-server.ts', "import '@sess/postgres-server';"],
  ['sess(import-law)', 'packages/express/test/another-adapter.ts', "import '@sess/koa';"],
  ['sess(import-law)', 'packages/core/src/a-visitor.test.ts', "import '@sess/adapter-tests';"],
  ['sess(import-law)', 'packages/store-tests/src/a-store.ts', "import '@sess/redis';"],
  ['sess(import-law)', 'packages/cli/src/a-store.ts', "export const store = import('@sess/redis');"],
  ['sess(import-law)', 'packages/unlisted/src/index.ts', "import '@sess/core';"],
  ['sess(import-law)', 'apps/demo/src/deep.ts', "import '@sess/core/dist/token.js';"],
  ['sess(import-law)', 'apps/demo/src/no-export.ts', "import '@sess/express/opentelemetry';"],
  ['sess(import-law)', 'apps/demo/src/not-for-apps.ts', "import '@sess/core/internal';"],
  ['sess(import-law)', 'apps/demo/src/not-for-apps-either.ts', "import '@sess/core/internal/thread';"],
  ['sess(import-law)', 'e2e/leaves.test.ts', "import '../packages/core/src/token.ts';"],
  ['sess(folder-law)', 'packages/core/src/cookie/upward.ts', "import type { Engine } from '../exchange/engine.ts';"],
  ['sess(folder-law)', 'packages/core/src/response/upward.ts', "export { Fields } from '../session/fields.ts';"],
  ['sess(folder-law)', 'packages/redis/src/connection/upward.ts', "import '../walk/session-walk.ts';"],
  ['sess(folder-law)', 'packages/fs/src/layout/upward.ts', "import '../disk/files.ts';"],
  ['import(no-cycle)', 'packages/core/src/circle.ts', "import './circle-back.ts';"],
  ['import(no-cycle)', 'packages/core/src/circle-back.ts', "import './circle.ts';"],
  [
    'import(no-cycle)',
    'packages/core/src/circle-of-types.ts',
    "import type { Back } from './circle-of-types-back.ts';\nexport type There = Back[];",
  ],
  [
    'import(no-cycle)',
    'packages/core/src/circle-of-types-back.ts',
    "import type { There } from './circle-of-types.ts';\nexport type Back = There | undefined;",
  ],
  ['sess(no-export-star)', 'packages/core/src/star.ts', "export * from './clock.ts';"],
  ['sess(clock-in-one-file)', 'packages/core/src/now.ts', 'export const now: number = Date.now();'],
  ['sess(clock-in-one-file)', 'packages/core/src/date.ts', 'export const now: Date = new Date();'],
  ['sess(environment-in-one-file)', 'packages/core/src/mode.ts', 'export const mode = process.env.NODE_ENV;'],
  [
    'sess(environment-in-one-file)',
    'packages/core/src/env.ts',
    "export { mode };\nimport { env } from 'node:process';\nconst mode = env;",
  ],
  ['import(no-default-export)', 'packages/fs/src/default.ts', 'export default 1;'],
  ['eslint(max-lines)', 'packages/fs/src/long.ts', `export const long = 1;\n${'// one more line\n'.repeat(250)}`],
  ['typescript(no-explicit-any)', 'packages/fs/src/any.ts', 'export const loose: any = 1;'],
  [
    'typescript(no-floating-promises)',
    'packages/fs/src/floating.ts',
    'const save = async (): Promise<void> => {};\nsave();',
  ],
];

const allowed = [
  ['packages/core/src/exchange/downward.ts', "import '../cookie/cookie.ts';"],
  ['packages/core/src/cookie/downward.ts', "import '../expiry.ts';"],
  ['packages/core/src/clock.ts', 'export const now = (): number => Date.now();'],
  ['packages/core/src/environment.ts', 'export const mode = process.env.NODE_ENV;'],
  [
    'packages/core/src/now.test.ts',
    'export const now: number = Date.now();\nexport const mode = process.env.NODE_ENV;',
  ],
  ['packages/core/src/signed.ts', "import 'cookie-signature';\nimport 'node:crypto';\nimport './clock.ts';"],
  ['packages/core/src/itself.test.ts', "import '@sess/core';\nimport 'fast-check';"],
  ['packages/redis/src/index.ts', "import '@sess/core';\nimport 'ioredis';"],
  ['packages/redis/src/shared.ts', "import '@sess/core/internal';"],
  ['packages/redis/src/the-suite.test.ts', "import '@sess/store-tests';"],
  ['packages/express/src/index.ts', "export type { Request } from 'express';"],
  ['packages/express/src/a-visitor.test.ts', "import '@sess/adapter-tests';"],
  ['packages/postgres/src/a-server.test.ts', "import '@sess/postgres-server';"],
  ['packages/express/test/visitors.ts', "import '@sess/adapter-tests';"],
  ['packages/store-tests/src/index.ts', "import '@sess/core';"],
  ['packages/fs/src/long.test.ts', 'export const long = 1;\n' + '// one more line\n'.repeat(300)],
  ['apps/demo/src/main.ts', "import '@sess/redis';\nimport '@sess/fs';\nimport 'express';"],
  ['apps/demo/src/metrics.ts', "import '@sess/core/opentelemetry';"],
  ['e2e/all.test.ts', "import '@sess/redis';\nimport '@sess/express';\nimport 'ws';"],
];

let folder;
let reports;

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'sess-lint-')));
  const write = (path, text) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), `${text}\n`);
  };
  for (const frame of ['.oxlintrc.json', 'tsconfig.base.json', 'scripts/lint-plugin.mjs']) {
    cpSync(join(root, frame), join(folder, frame));
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const name of ['core', 'redis', 'fs', 'express', 'store-tests']) {
    cpSync(join(root, 'packages', name, 'package.json'), join(folder, 'packages', name, 'package.json'));
    cpSync(join(root, 'packages', name, 'tsconfig.json'), join(folder, 'packages', name, 'tsconfig.json'));
  }
  for (const [, path, text] of planted) write(path, text);
  for (const [path, text] of allowed) write(path, text);
  reports = await lint();
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function lint() {
  const oxlint = join(root, 'node_modules/.bin/oxlint');
  const output = await new Promise((resolve) => {
    execFile(oxlint, ['--format', 'json', 'packages', 'apps', 'e2e'], { cwd: folder }, (_error, stdout) =>
      resolve(stdout),
    );
  });
  return JSON.parse(output).diagnostics.map(({ code, filename }) => ({ code, filename }));
}

test.each(planted)('%s is reported in %s', (code, path) => {
  expect(reports).toContainEqual({ code, filename: path });
});

test.each(allowed)('nothing is reported in %s', (path) => {
  expect(reports.filter(({ filename }) => filename === path)).toEqual([]);
});
