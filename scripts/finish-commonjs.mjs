// After `tsc -p tsconfig.commonjs.json` in a package's folder: what the compiler leaves open.
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join('dist', 'commonjs');

// The package says that its files are ES modules. These are not.
writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ type: 'commonjs', sideEffects: false })}\n`);

// A file that stands in for another takes its name, by which the others import it.
for (const name of readdirSync(folder, { recursive: true }))
  if (/\.commonjs\.(js|d\.ts)$/.test(name))
    renameSync(join(folder, name), join(folder, name.replace('.commonjs.', '.')));
