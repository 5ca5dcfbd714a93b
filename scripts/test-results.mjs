// vitest.base.ts has each package leave its results in test-results.json; here they become one total.
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { root } from './processes.mjs';

/** Every folder that has tests to run. */
function testedFolders() {
  const workspaces = ['packages', 'apps'].flatMap((parent) =>
    readdirSync(join(root, parent)).map((child) => join(root, parent, child)),
  );
  const withTests = [...workspaces, ...['bench', 'e2e', 'site'].map((folder) => join(root, folder))].filter(
    (folder) => {
      const manifest = join(folder, 'package.json');
      return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).scripts?.test !== undefined;
    },
  );
  return [join(root, 'scripts'), ...withTests];
}

const resultFiles = () => testedFolders().map((folder) => join(folder, 'test-results.json'));

export function forgetResults() {
  for (const file of resultFiles()) rmSync(file, { force: true });
}

/** @returns {{ passed: number, failed: string[], skipped: string[] }} */
export function readResults() {
  const total = { passed: 0, failed: [], skipped: [] };
  for (const file of resultFiles()) {
    if (existsSync(file)) {
      addResults(total, JSON.parse(readFileSync(file, 'utf8')));
    } else {
      total.failed.push(`${relative(root, dirname(file))}: the test run ended without results`);
    }
  }
  return total;
}

function addResults(total, { testResults }) {
  for (const file of testResults) {
    const path = relative(root, file.name);
    for (const test of file.assertionResults) {
      const name = `${path}: ${test.fullName}`;
      if (test.status === 'passed') total.passed += 1;
      else if (test.status === 'failed') total.failed.push(name);
      else total.skipped.push(name);
    }
    // A file that cannot even be loaded, or whose hooks fail, has failed without a failed test.
    const isBlamed = file.assertionResults.some(({ status }) => status === 'failed');
    if (file.status === 'failed' && !isBlamed) total.failed.push(`${path}: ${firstLine(file.message)}`);
  }
}

const firstLine = (text) => (text ?? '').trim().split('\n')[0];

/** Prints the skipped and the failed tests, and the total as the last line. @returns {number} the exit code */
export function report({ passed, failed, skipped }, { exitCode, skipsFail }) {
  for (const name of skipped) console.log(`Skipped: ${name}`);
  for (const name of failed) console.log(`Failed: ${name}`);
  if (skipped.length > 0 && skipsFail) {
    console.log(`CI as root has all that the tests need, so ${skipped.length} skipped count as failed.`);
  }
  if (exitCode !== 0 && failed.length === 0)
    console.log('A test run failed although each of its tests passed: see above.');

  const skips = skipped.length > 0 ? `, ${skipped.length} skipped` : '';
  console.log(`\n${passed} passed, ${failed.length} failed${skips}`);
  const isGreen = exitCode === 0 && failed.length === 0 && passed > 0 && !(skipsFail && skipped.length > 0);
  return isGreen ? 0 : exitCode || 1;
}
