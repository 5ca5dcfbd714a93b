// npm start [-- flags]: installs, builds what the Express demo needs, and runs it with the flags.
import { pnpm, run, step } from './processes.mjs';

await step('install', () => pnpm(['install', '--frozen-lockfile']));
await step('build', () =>
  pnpm(['exec', 'turbo', 'run', 'build', '--filter=@sess/express-demo...', '--output-logs=errors-only']),
);

// A process group of its own: Ctrl-C reaches npm, this script and the demo at once, and each passes it on.
// So the demo would be told to stop up to three times, and might take the second for "stop at once".
const demo = ['apps/express-demo/dist/main.js', ...process.argv.slice(2)];
process.exitCode = await run(process.execPath, demo, { detached: true });
