// npm start [-- flags], npm run demo:koa, npm run demo:next: installs, builds what that demo needs, and runs it with the flags.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildDemo } from './demo-build.mjs';
import { pnpm, root, run, step } from './processes.mjs';

const [app, ...flags] = process.argv.slice(2);
const name = `@sess/${app}`;

if (existsSync(join(root, 'e2e/node_modules'))) {
  // Somebody works here, so nothing that was installed goes, and what is built is the whole of each package.
  await step('install', () => pnpm(['install', '--frozen-lockfile']));
  await step('build', () =>
    pnpm(['exec', 'turbo', 'run', 'build', `--filter=${name}...`, '--output-logs=errors-only']),
  );
} else {
  // Who only wants to see the demo does not wait for the browsers, registries and compilers of the tests. pnpm would ask
  // the registry how old each package of all tests is, which takes longer than all the rest together. The lockfile is
  // part of the code that is about to run, its checksums are compared as always, and no package may run a script:
  // `npm run setup` asks that question, so CI and everybody who works here have.
  const production = ['--filter', 'sess', '--filter-prod', `${name}...`, 'install', '--prod'];
  await step('install', () => pnpm([...production, '--frozen-lockfile', '--trust-lockfile']));
  await step('build', () => buildDemo(name));
}

// A process group of its own, so that Ctrl-C reaches the demo only through us, and once: it might take a second signal
// for "stop at once". For the same reason package.json says `exec`: a shell between npm and us would swallow the signal.
const demo = [`apps/${app}/dist/main.js`, ...flags];
process.exitCode = await run(process.execPath, demo, { detached: true });
