import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppFolder } from '@sess/adapter-tests';

const here = fileURLToPath(new URL('..', import.meta.url));

/** No link: from where it is it has to find the app's Koa, and the types of that. */
async function installAt(place: string): Promise<void> {
  for (const part of ['package.json', 'dist']) await cp(join(here, part), join(place, part), { recursive: true });
}

/** @param packages name in the app's `node_modules`, and the name of what it is here */
export function makeAppFolder(packages: Record<string, string>): Promise<AppFolder> {
  return AppFolder.make({ name: '@sess/koa', folder: here, installAt }, packages);
}
