// npm run faults [-- --only F5,F12] [--store redis] [--app Koa] [--seed 7] [--endurance 30] [--write]: installs and
// builds what it needs, and drives the demos, and other libraries beside them, through a catalogue of faults.
import { pnpm, run, step } from './processes.mjs';
import { forFaults, installSystemPackages } from './system-packages.mjs';

await step('system packages', () => installSystemPackages(forFaults));
await step('install', () => pnpm(['install', '--frozen-lockfile']));
await step('build', () =>
  pnpm(['exec', 'turbo', 'run', 'build', '--filter=@sess/e2e...', '--output-logs=errors-only']),
);
const given = process.argv.slice(2);
process.exitCode = await run(process.execPath, ['e2e/dist/faults/main.js', ...given]);
if (given.includes('--write')) {
  await step('format', () => pnpm(['exec', 'oxfmt', 'docs/reliability.md', 'docs/reliability/results.json']));
}
