// npm run test:matrix: the packages, published to a registry of the loopback, in every combination of package manager,
// framework, Node.js, compiler setting and way to load them. `npm test` runs one cell of each.
import { join } from 'node:path';
import { npmRun, root, run, step } from './processes.mjs';
import { forTests, installSystemPackages } from './system-packages.mjs';

await step('system packages', () => installSystemPackages(forTests));
await step('install', () => npmRun('setup'));
await step('matrix', () =>
  run(join(root, 'node_modules/.bin/vitest'), ['run', 'src/publish-install.test.ts', '--reporter=verbose'], {
    cwd: join(root, 'e2e'),
    env: { SESS_MATRIX: 'all' },
  }),
);
