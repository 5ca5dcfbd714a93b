// npm run bench [-- --quick] [-- --out folder]: installs and builds what it needs, and measures this library beside its peers.
import { pnpm, run, step } from './processes.mjs';
import { forBench, installSystemPackages } from './system-packages.mjs';

await step('system packages', () => installSystemPackages(forBench));
await step('install', () => pnpm(['install', '--frozen-lockfile']));
await step('build', () =>
  pnpm(['exec', 'turbo', 'run', 'build', '--filter=@sess/bench...', '--output-logs=errors-only']),
);
process.exitCode = await run(process.execPath, ['bench/dist/main.js', ...process.argv.slice(2)]);
