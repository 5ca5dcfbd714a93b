// What every public package has in common, so that a new one cannot forget it.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from './processes.mjs';

const readJson = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));
const packages = readdirSync(join(root, 'packages')).filter((name) =>
  existsSync(join(root, 'packages', name, 'package.json')),
);

test.each(packages)('%s has the anatomy of a published package', (name) => {
  const manifest = readJson(`packages/${name}/package.json`);
  expect(manifest).toMatchObject({
    name: `@sess/${name}`,
    type: 'module',
    license: 'MIT',
    sideEffects: false,
    files: ['dist', 'README.md', 'LICENSE', 'CHANGELOG.md'],
    publishConfig: { access: 'public' },
    engines: readJson('package.json').engines,
  });
  expect(manifest.private).toBeUndefined();
  expect(manifest.description).not.toBe('');
  expect(readFileSync(join(root, 'packages', name, 'LICENSE'), 'utf8')).toBe(
    readFileSync(join(root, 'LICENSE'), 'utf8'),
  );
  expect(existsSync(join(root, 'packages', name, 'README.md'))).toBe(true);
});

test('all public packages are released together', () => {
  const [together] = readJson('.changeset/config.json').fixed;
  expect(new Set(together)).toEqual(new Set(packages.map((name) => `@sess/${name}`)));
});

test('the lockfile names no registry: it is the same wherever it was written', () => {
  expect(readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8')).not.toMatch(/https?:\/\/|registry/);
});
