import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from './processes.mjs';
import { publicPackages } from './public-packages.mjs';
import { releaseBlockers } from './release-blockers.mjs';

const here = { CI: 'true', GITHUB_REPOSITORY: 'owner/sess' };
const repository = { type: 'git', url: 'git+https://github.com/owner/sess.git', directory: 'packages/core' };
const packageWith = (more) => ({ manifest: { name: '@sess/core', ...more } });

test('a release goes on when nothing is in its way', () => {
  expect(releaseBlockers({ packages: [packageWith({ repository })], changesets: [], env: here })).toEqual([]);
  const asText = packageWith({ repository: 'https://github.com/owner/sess' });
  expect(releaseBlockers({ packages: [asText], changesets: [], env: here })).toEqual([]);
});

test('changesets that are in no version yet stop it', () => {
  expect(releaseBlockers({ packages: [packageWith({ repository })], changesets: ['red-fox.md'], env: {} })).toEqual([
    expect.stringMatching(/red-fox\.md.*Merge the version pull request first\.$/),
  ]);
});

test('in CI a package without a repository stops it, and one of another repository; on a laptop there is no provenance', () => {
  const packages = [packageWith({})];
  expect(releaseBlockers({ packages, changesets: [], env: here })).toEqual([
    expect.stringMatching(/^No "repository" in the package\.json of @sess\/core: .*CONTRIBUTING\.md/),
  ]);
  expect(releaseBlockers({ packages, changesets: [], env: {} })).toEqual([]);
  const elsewhere = [packageWith({ repository: { ...repository, url: 'git+https://github.com/owner/not-sess.git' } })];
  expect(releaseBlockers({ packages: elsewhere, changesets: [], env: here })).toEqual([
    expect.stringMatching(/^The "repository" .* of @sess\/core is not owner\/sess/),
  ]);
});

test('the release script knows no other flag than --dry-run', () => {
  const release = (flags, env) =>
    spawnSync(process.execPath, ['scripts/release.mjs', ...flags], {
      cwd: root,
      env: { ...process.env, ...env },
      encoding: 'utf8',
    });
  expect(release(['--dryrun'], {})).toMatchObject({
    status: 1,
    stderr: 'Unknown: --dryrun. There is --dry-run, which publishes nothing.\n',
  });
});

test('what CONTRIBUTING.md says to fill in is what the release asks for', () => {
  const guide = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
  const [, code = ''] = /^ +```json\n([\s\S]*?)^ +```$/m.exec(guide) ?? [];
  const example = JSON.parse(code);
  const packages = publicPackages().map(({ manifest }) => ({ manifest: { ...manifest, ...example } }));
  const env = { CI: 'true', GITHUB_REPOSITORY: 'OWNER/NAME' };
  expect(packages.length).toBeGreaterThan(4);
  expect(releaseBlockers({ packages, changesets: [], env })).toEqual([]);
});

test('the workflows only check out, set up Node.js, and call scripts of the root in one line', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const folder = join(root, '.github/workflows');
  const workflows = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  const commands = workflows.flatMap((text) =>
    [...text.matchAll(/^ +(?:- )?(?:run|version|publish): (.*)$/gm)].map(([, command]) => command),
  );
  expect(commands).toEqual(expect.arrayContaining(['.ci/run', 'npm run version', 'npm run release']));
  for (const command of commands.filter((one) => one !== '.ci/run')) {
    expect(command).toMatch(/^npm run [\w:]+$/);
    expect(Object.keys(scripts)).toContain(command.slice('npm run '.length));
  }
  expect(workflows.join('')).toMatch(/^ +id-token: write/m);
});
