// Runs the pnpm that package.json pins, on a machine that has only Node.js and npm.
// turbo wants a `pnpm` on the PATH too: `node scripts/pnpm.mjs exec turbo run build` gives it one.
import { pnpm } from './processes.mjs';

process.exitCode = await pnpm(process.argv.slice(2));
