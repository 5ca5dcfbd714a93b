// npm run release: publishes every package whose version the registry does not have yet. CI runs it after the version pull
// request was merged; CONTRIBUTING.md describes the way there. `npm run release -- --dry-run` shows what it would publish.
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { npmRun, pnpm, root, step } from './processes.mjs';
import { publicPackages } from './public-packages.mjs';
import { writeWholeLinks } from './readme-links.mjs';
import { releaseBlockers } from './release-blockers.mjs';
import { rehearse } from './release-rehearsal.mjs';

const flags = process.argv.slice(2);
const unknown = flags.filter((flag) => flag !== '--dry-run');
if (unknown.length > 0) {
  console.error(`Unknown: ${unknown.join(' ')}. There is --dry-run, which publishes nothing.`);
  process.exit(1);
}

const packages = publicPackages();
const changesets = readdirSync(join(root, '.changeset')).filter((name) => /^(?!README).*\.md$/.test(name));

if (flags.includes('--dry-run')) {
  await rehearse({ changesets });
  // As CI would see it, after the version pull request.
  const blockers = releaseBlockers({ packages, changesets: [], env: { ...process.env, CI: 'true' } });
  for (const blocker of blockers) console.log(`CI would publish nothing: ${blocker}`);
} else {
  const blockers = releaseBlockers({ packages, changesets, env: process.env });
  for (const blocker of blockers) console.error(`Nothing was published. ${blocker}`);
  if (blockers.length > 0) process.exit(1);

  for (const { folder } of packages) rmSync(join(folder, 'dist'), { recursive: true, force: true });
  await step('build', () => npmRun('build'));
  await step('package check', () => npmRun('check:packages'));
  // For the registry's pages; what is in the repository stays as it is, however this ends.
  const { homepage } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  if (homepage !== undefined) process.once('exit', writeWholeLinks(homepage));
  await step('publish', () => pnpm(['exec', 'changeset', 'publish']));
}
