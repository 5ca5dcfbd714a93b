// npm run watch: compiles what you change, with source maps, so that a debugger shows TypeScript. The maps are for here:
// `npm run release` builds from nothing. So does the CommonJS copy of each package, which is not renewed by this.
import { existsSync, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { npmRun, root, run, step } from './processes.mjs';

const members = ['packages', 'apps'].flatMap((parent) =>
  readdirSync(join(root, parent))
    .map((name) => join(parent, name))
    .filter((member) => existsSync(join(root, member, 'tsconfig.build.json')) && existsSync(join(root, member, 'src'))),
);

/** Editors write a file in several steps. */
const settleMs = 100;

const waiting = new Set();
let isBuilding = false;

async function build() {
  if (isBuilding) return;
  isBuilding = true;
  for (const member of waiting) {
    waiting.delete(member);
    const started = performance.now();
    const code = await compile(member);
    const outcome = code === 0 ? `${Math.round(performance.now() - started)} ms` : 'does not compile';
    console.log(`${member}: ${outcome}`);
  }
  isBuilding = false;
}

const compile = (member) =>
  run('npx', ['tsc', '-p', 'tsconfig.build.json', '--sourceMap', '--inlineSources'], { cwd: join(root, member) });

await step('build', () => npmRun('build'));
for (const member of members) {
  await step(`source maps of ${member}`, () => compile(member));
  watch(join(root, member, 'src'), { recursive: true }, () => {
    waiting.add(member);
    setTimeout(() => void build(), settleMs);
  });
}
console.log('\nWaiting for changes. Run a test or an app with: node --enable-source-maps --inspect');
