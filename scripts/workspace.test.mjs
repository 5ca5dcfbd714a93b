// What every public package has in common, so that a new one cannot forget it.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { factsOf, withFacts, withHelpAddress } from './package-facts.mjs';
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

test.each(packages)('%s says of the project what the root says', (name) => {
  const manifest = readJson(`packages/${name}/package.json`);
  const { homepage, repository, bugs } = manifest;
  // JSON, since absent and undefined are the same to a reader. Otherwise: npm run package-facts
  expect(JSON.parse(JSON.stringify({ homepage, repository, bugs }))).toEqual(factsOf(readJson('package.json'), name));
});

test('what a publisher sets at the root is written into a package', () => {
  const root = {
    homepage: 'https://sess.example/',
    repository: { type: 'git', url: 'git+https://github.example/owner/sess.git' },
    bugs: 'https://github.example/owner/sess/issues',
  };
  const facts = factsOf(root, 'core');
  expect(facts).toEqual({
    homepage: 'https://sess.example/packages/core',
    repository: { ...root.repository, directory: 'packages/core' },
    bugs: root.bugs,
  });
  const written = withFacts({ name: 'x', homepage: 'old', license: 'MIT', type: 'module' }, facts);
  expect(Object.entries(written)).toEqual([
    ['name', 'x'],
    ...Object.entries(facts),
    ['license', 'MIT'],
    ['type', 'module'],
  ]);
  const source = 'const helpAddress: string | undefined = undefined;\n';
  const published = withHelpAddress(source, root.homepage);
  expect(published).toBe("const helpAddress: string | undefined = 'https://sess.example';\n");
  expect(withHelpAddress(published, undefined)).toBe(source);
  expect(withFacts(written, {})).toEqual({ name: 'x', license: 'MIT', type: 'module' });
});

test('all public packages are released together', () => {
  const [together] = readJson('.changeset/config.json').fixed;
  expect(new Set(together)).toEqual(new Set(packages.map((name) => `@sess/${name}`)));
});

test.each(['', 'e2e/fixtures/frameworks'])(
  'the lockfile in "%s" names no registry: it is the same wherever it was written',
  (folder) => {
    expect(readFileSync(join(root, folder, 'pnpm-lock.yaml'), 'utf8')).not.toMatch(/https?:\/\/|\bregistry\b/);
  },
);
