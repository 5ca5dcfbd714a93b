import { existsSync, readFileSync, readdirSync } from 'node:fs';

const packages = new URL('../../packages/', import.meta.url);

/** The names of all packages that are not private. */
export const publicNames: readonly string[] = readdirSync(packages).flatMap((name) => {
  const file = new URL(`${name}/package.json`, packages);
  if (!existsSync(file)) return [];
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as { name: string; private?: boolean };
  return manifest.private === true ? [] : [manifest.name];
});
