import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './processes.mjs';

/** Files that differ from the branch that changes go to: committed, not committed, or new. Without those that are gone. */
export function changedFiles(repository = root, base = 'main') {
  const git = (...args) => execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).split('\0').filter(Boolean);
  const forkedAt = execFileSync('git', ['merge-base', base, 'HEAD'], { cwd: repository, encoding: 'utf8' }).trim();
  const changed = git('diff', '--name-only', '-z', forkedAt);
  const unknown = git('ls-files', '--others', '--exclude-standard', '-z');
  return [...new Set([...changed, ...unknown])].filter((path) => existsSync(join(repository, path))).toSorted();
}

/**
 * The changed sources of each member of the workspace that has unit tests. Tests with many processes and browsers take
 * minutes, so e2e, bench and the demos are for `npm test`.
 *
 * @returns {Map<string, string[]>} paths within the member, by its folder
 */
export function sourcesByMember(files, repository = root) {
  const found = new Map();
  for (const file of files) {
    const [, member, path] = /^(packages\/[^/]+|scripts)\/(.+\.(?:ts|mjs))$/.exec(file) ?? [];
    if (member === undefined || !hasTests(join(repository, member))) continue;
    found.set(member, [...(found.get(member) ?? []), path]);
  }
  return found;
}

function hasTests(folder) {
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) return existsSync(join(folder, 'vitest.config.ts'));
  return JSON.parse(readFileSync(manifest, 'utf8')).scripts?.test !== undefined;
}
