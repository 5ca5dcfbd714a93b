import fs from 'node:fs';
import { dirname } from 'node:path';
import { isDenied } from './faults.ts';

/** Which directory on the way from the root keeps this user out, as far as that can be seen. */
export function obstacleOn(path: string): { what: string; advice: string } | undefined {
  const way = [path];
  for (let above = dirname(path); above !== way[0]; above = dirname(above)) way.unshift(above);
  const there = way.filter((each) => fs.existsSync(each));
  for (const each of there.filter((one) => one !== path)) {
    if (!isAllowed(each, fs.constants.X_OK))
      return { what: `which may not enter ${described(each)}`, advice: `As root: chmod o+x ${each}` };
  }
  const last = there.at(-1);
  if (last === undefined) return undefined;
  if (last === path) {
    if (isAllowed(path, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK)) return undefined;
    return { what: `which may not read, write and enter ${described(path)}`, advice: `Let it: chmod 700 ${path}` };
  }
  if (isAllowed(last, fs.constants.W_OK)) return undefined;
  const advice = `As root: install -d -m 700 -o ${process.geteuid?.()} ${path}`;
  return { what: `which may make nothing in ${described(last)}`, advice };
}

function isAllowed(path: string, mode: number): boolean {
  try {
    fs.accessSync(path, mode);
    return true;
  } catch (error) {
    return !isDenied(error);
  }
}

function described(path: string): string {
  const { uid, mode } = fs.statSync(path);
  return `${path} (of uid ${uid}, mode ${(mode & 0o7777).toString(8)})`;
}
