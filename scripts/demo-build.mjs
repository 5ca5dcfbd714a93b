import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './processes.mjs';

/** The members of the workspace that can be part of a demo, by name. */
function members() {
  const folders = ['packages', 'apps'].flatMap((parent) =>
    readdirSync(join(root, parent)).map((name) => join(root, parent, name)),
  );
  return new Map(
    folders
      .filter((folder) => existsSync(join(folder, 'package.json')))
      .map((folder) => [folder, JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))])
      .map(([folder, { name, dependencies = {} }]) => [name, { folder, needs: Object.keys(dependencies) }]),
  );
}

/** The folders of an app and of all that it needs from the workspace. */
export function foldersOf(app, all = members(), found = new Set()) {
  const { folder, needs } = all.get(app);
  found.add(folder);
  for (const name of needs) {
    const isNew = all.has(name) && !found.has(all.get(name).folder);
    if (isNew) foldersOf(name, all, found);
  }
  return [...found];
}

/**
 * Compiles what a demo runs, and no more: no CommonJS, and no check of types, which would need the declarations of all
 * that the tests use. So no package waits for another one.
 * @returns {Promise<number>} an exit code
 */
export async function buildDemo(app) {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const unchecked = ['-p', 'tsconfig.build.json', '--noCheck', '--types', 'null'];
  const compile = (folder) => run(process.execPath, [compiler, ...unchecked], { cwd: folder });
  const code = Math.max(...(await Promise.all(foldersOf(app).map(compile))));

  const folder = members().get(app).folder;
  if (code !== 0 || !existsSync(join(folder, 'next.config.ts'))) return code;
  const next = join(folder, 'node_modules/next/dist/bin/next');
  return run(process.execPath, [next, 'build'], { cwd: folder });
}
