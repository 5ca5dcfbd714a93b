import { symlink } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { AppFolder } from '@sess/adapter-tests';

const here = fileURLToPath(new URL('..', import.meta.url));

/** @param packages name in the app's `node_modules`, and the name of what it is here */
export function makeAppFolder(packages: Record<string, string>): Promise<AppFolder> {
  const adapter = { name: '@sess/express', folder: here, installAt: (place: string) => symlink(here, place) };
  return AppFolder.make(adapter, packages);
}
