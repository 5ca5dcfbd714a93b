// npm run check [-- branch]: what can be known of a change within a minute. `npm test` is everything.
import { join } from 'node:path';
import { changedFiles, sourcesByMember } from './changed-files.mjs';
import { npmRun, pnpm, root, run, step } from './processes.mjs';

const files = changedFiles(root, process.argv[2] ?? 'main');
console.log(`${files.length} files differ from ${process.argv[2] ?? 'main'}.`);

await step('build', () =>
  pnpm(['exec', 'turbo', 'run', 'build', '--filter=./packages/*', '--output-logs=errors-only']),
);
await step('lint', () => run('npx', ['oxlint']));
await step('format check', () => npmRun('format:check'));
await step('type check', () =>
  pnpm(['exec', 'turbo', 'run', 'typecheck', '--filter=./packages/*', '--output-logs=errors-only']),
);
for (const [member, sources] of sourcesByMember(files)) {
  // Tests that import a changed file, however far away; a changed test is one of them.
  const args = ['vitest', 'related', '--run', '--passWithNoTests', '--reporter=dot', ...sources];
  await step(`tests of ${member}`, () => run('npx', args, { cwd: join(root, member) }));
}
const others = files.filter((file) => /^(e2e|bench|site|apps)\/.*\.(test|spec)?\.?ts$/.test(file));
if (others.length > 0) console.log(`\nNot run, since they take long: tests of ${others.join(', ')}.`);
