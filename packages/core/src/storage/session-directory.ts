import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';

import { type Environment, variable } from '../environment.ts';
import { SessError } from '../errors.ts';

/**
 * Where this app keeps what its workers share on this host: `SESSION_DIR`, else a directory of this
 * user and this app below the system's one for temporary files. Never a fixed name there: anybody
 * could have made it first.
 *
 * @param appFolder where the app is, for a program beside it. Absent: this process is the app
 * @throws SessError `CONFIG_INVALID` when `SESSION_DIR` or the option is not an absolute path
 */
export function sessionDirectory(env: Environment, directory?: string, appFolder?: string): string {
  const named = directory ?? variable(env, 'SESSION_DIR');
  if (named !== undefined) {
    if (isAbsolute(named)) return named;
    throw new SessError(
      'CONFIG_INVALID',
      `${directory === undefined ? 'SESSION_DIR' : 'Option directory'} must be an absolute path, such as ${resolve(named)}.`,
    );
  }
  const app = createHash('sha256')
    .update(appRoot(appFolder ?? startFolder()))
    .digest('hex')
    .slice(0, 16);
  return join(tmpdir(), `sess-${process.geteuid?.() ?? 'user'}`, app);
}

/** The folder of the app's main script: where its packages are found first. */
export function mainScriptFolder(): string {
  const script = process.argv[1];
  return script === undefined ? process.cwd() : dirname(resolve(script));
}

/** A framework's own starter (`next start`) is not part of the app: then the app is in the working directory. */
function startFolder(): string {
  const folder = mainScriptFolder();
  return folder.split(sep).includes('node_modules') ? process.cwd() : folder;
}

/** The nearest folder with a package.json, from this one upwards; else the working directory. */
function appRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) return process.cwd();
  }
}
