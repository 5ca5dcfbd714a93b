// npm test: everything that has to hold before a change lands, from a clean clone with only Node.js and npm.
import { pnpm, npmRun, step } from './processes.mjs';
import { forTests, installSystemPackages } from './system-packages.mjs';
import { forgetResults, readResults, report } from './test-results.mjs';

await step('system packages', () => installSystemPackages(forTests));
await step('install', () => npmRun('setup'));
// The build comes first: packages see each other's types through dist, and so do the lint and the type check.
await step('build', () => npmRun('build'));
await step('lint', () => npmRun('lint'));
await step('format check', () => npmRun('format:check'));
await step('type check', () => npmRun('typecheck'));
await step('package check', () => npmRun('check:packages'));

forgetResults();
let exitCode = 0;
await step('tests', async () => {
  const ofScripts = await npmRun('test:scripts');
  // One package at a time: they start servers, browsers and worker processes, and a test that is short of CPU lies.
  const ofPackages = await pnpm(['exec', 'turbo', 'run', 'test', '--concurrency=1', '--continue']);
  exitCode = ofScripts || ofPackages;
  return 0;
});

const skipsFail = process.env.CI === 'true' && process.getuid?.() === 0;
process.exitCode = report(readResults(), { exitCode, skipsFail });
