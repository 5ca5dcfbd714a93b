// npm start [-- flags], npm run demo:koa, npm run demo:next: installs, builds what that demo needs, and runs it with the flags.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pnpm, root, run, step } from './processes.mjs';

const [app, ...flags] = process.argv.slice(2);

// Who only wants to see the demo does not wait for the browsers, registries and versions of Node.js of the tests. Where
// these are installed they stay.
const isWhole = existsSync(join(root, 'e2e/node_modules'));
const filters = isWhole ? [] : ['--filter', 'sess', '--filter', `@sess/${app}...`];
await step('install', () => pnpm([...filters, 'install', '--frozen-lockfile']));
await step('build', () =>
  pnpm(['exec', 'turbo', 'run', 'build', `--filter=@sess/${app}...`, '--output-logs=errors-only']),
);

// A process group of its own, so that Ctrl-C reaches the demo only through us, and once: it might take a second signal
// for "stop at once". For the same reason package.json says `exec`: a shell between npm and us would swallow the signal.
const demo = [`apps/${app}/dist/main.js`, ...flags];
process.exitCode = await run(process.execPath, demo, { detached: true });
