import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The path of `postgres` or `initdb`. Debian has the programs of each version in a folder of its own. */
export function postgresProgram(name: string): string {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...versions.map((one) => join(debian, one, 'bin'))];
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${name} is not there. Debian: apt-get install postgresql`);
  return found;
}

/** PostgreSQL refuses to run as root: then it runs as the user that Debian makes for it, or as nobody. */
export function postgresUser(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  const line = ['postgres:', 'nobody:'].map((name) => users.find((one) => one.startsWith(name))).find(Boolean) ?? '';
  const [, , uid = 65_534, gid = 65_534] = line.split(':').map(Number);
  return { uid, gid };
}
