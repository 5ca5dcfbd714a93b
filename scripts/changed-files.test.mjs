import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { changedFiles, sourcesByMember } from './changed-files.mjs';

let folder;

const git = (...args) =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', '-c', 'commit.gpgsign=false', ...args], {
    cwd: folder,
    stdio: 'ignore',
  });

function write(path, text) {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sess-changed-'));
  git('init', '--quiet', '--initial-branch', 'main');
  for (const name of ['core', 'untested']) write(`packages/${name}/src/same.ts`, '');
  write('packages/core/package.json', '{"scripts":{"test":"vitest run"}}');
  write('packages/untested/package.json', '{}');
  write('packages/core/src/gone.ts', '');
  git('add', '--all');
  git('commit', '--quiet', '--message', 'before');
  git('checkout', '--quiet', '-b', 'change');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('what is checked is what differs from main: committed, not committed and new, but not what is gone', () => {
  write('packages/core/src/committed.ts', '1');
  rmSync(join(folder, 'packages/core/src/gone.ts'));
  git('add', '--all');
  git('commit', '--quiet', '--message', 'after');
  write('packages/core/src/same.ts', '1');
  write('packages/untested/src/new name.ts', '');
  write('README.md', '');
  const files = changedFiles(folder);
  expect(files).toEqual([
    'README.md',
    'packages/core/src/committed.ts',
    'packages/core/src/same.ts',
    'packages/untested/src/new name.ts',
  ]);
  // The tests that are run are those of members that have some, and they are told the sources within.
  expect(sourcesByMember(files, folder)).toEqual(new Map([['packages/core', ['src/committed.ts', 'src/same.ts']]]));
});
