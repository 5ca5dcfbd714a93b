// npm run release: publishes every package whose version the registry does not have yet.
// CI runs it after the version pull request was merged; CONTRIBUTING.md describes the way there.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { npmRun, pnpm, root, step } from './processes.mjs';

const packages = join(root, 'packages');
for (const name of readdirSync(packages)) rmSync(join(packages, name, 'dist'), { recursive: true, force: true });

await step('build', () => npmRun('build'));
await step('package check', () => npmRun('check:packages'));
await step('publish', () => pnpm(['exec', 'changeset', 'publish']));
