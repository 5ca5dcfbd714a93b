// A copy of the packages in which a release can be rehearsed: versions, changelogs and tags are made there, never here.
// `node scripts/release-copy.mjs FOLDER` makes one in FOLDER.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root, run } from './processes.mjs';
import { publicPackages } from './public-packages.mjs';

const ofTheRoot = [
  'package.json',
  'pnpm-workspace.yaml',
  'pnpm-lock.yaml',
  'tsconfig.base.json',
  'tsconfig.commonjs.json',
  'scripts/finish-commonjs.mjs',
  '.changeset',
  '.npmrc',
  '.gitignore',
];

/** What was built here, and what tools left behind: the copy is built from nothing. */
const isMade = (path) => ['dist', '.turbo', 'test-results.json', '.vite', '.vite-temp'].includes(basename(path));

/** Of the other members of the workspace changesets wants the manifests. */
const otherManifests = () =>
  ['apps', 'packages', '.']
    .flatMap((parent) => readdirSync(join(root, parent)).map((name) => join(parent, name, 'package.json')))
    .filter((path) => existsSync(join(root, path)));

/**
 * Copies the packages to `target`, builds them, and commits them to a repository of their own.
 * Their dependencies are links into ours, among each other into the copy, so `workspace:` ranges resolve.
 */
export async function copyForRelease(target) {
  const copy = (path) => {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    cpSync(join(root, path), join(target, path), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !isMade(source),
    });
  };
  for (const path of ofTheRoot) copy(path);
  for (const { folder } of publicPackages()) copy(join('packages', basename(folder)));
  for (const path of otherManifests()) if (!existsSync(join(target, path))) copy(path);
  // Entry by entry: pnpm wants the folder itself to be a real one, to keep its state in.
  mkdirSync(join(target, 'node_modules'));
  for (const name of readdirSync(join(root, 'node_modules')).filter((name) => /^(\.bin|\.pnpm|[^.].*)$/.test(name)))
    symlinkSync(join(root, 'node_modules', name), join(target, 'node_modules', name));

  const git = (...args) => execFileSync('git', args, { cwd: target, stdio: ['ignore', 'ignore', 'inherit'] });
  git('init', '--quiet', '--initial-branch', 'main');
  git('config', 'user.name', 'Release rehearsal');
  git('config', 'user.email', 'rehearsal@localhost');
  git('config', 'commit.gpgsign', 'false');
  git('config', 'tag.gpgsign', 'false');
  git('add', '--all');
  git('commit', '--quiet', '--no-verify', '--message', 'As it is');
  await build(publicPackages(target));
}

/** Each package when those that it names are built. `pnpm run` would install first, through the links into ours. */
async function build(packages) {
  let waiting = packages;
  const isReady = ({ manifest }) => {
    const needed = { ...manifest.dependencies, ...manifest.devDependencies };
    return !waiting.some((other) => other.manifest.name in needed);
  };
  while (waiting.length > 0) {
    const ready = waiting.filter(isReady);
    if (ready.length === 0) throw new Error('The packages need each other in a circle.');
    const codes = await Promise.all(
      ready.map(({ folder }) => run('npm', ['run', '--silent', 'build'], { cwd: folder })),
    );
    if (codes.some((code) => code !== 0)) throw new Error('The packages cannot be built: the lines above say why.');
    waiting = waiting.filter((one) => !ready.includes(one));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await copyForRelease(process.argv[2]);
