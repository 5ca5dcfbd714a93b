import { execFileSync } from 'node:child_process';
import { closeSync, constants, cpSync, openSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from './directories.ts';

const packageRoot = fileURLToPath(new URL('../..', import.meta.url));

/** The file that the disk's thread begins with. */
export const entryName = 'disk-thread-entry.js';

/** A copy of the built package for `SESS_FS_BUILT`, to do something to: its `dist`. */
export function builtCopy(): string {
  const copy = temporaryDirectory();
  cpSync(join(packageRoot, 'dist'), join(copy, 'dist'), { recursive: true });
  cpSync(join(packageRoot, 'package.json'), join(copy, 'package.json'));
  symlinkSync(join(packageRoot, 'node_modules'), join(copy, 'node_modules'));
  return join(copy, 'dist');
}

/** A built package whose thread can be made to hang, or to die, when it opens a file. */
export interface FragileDisk {
  built: string;
  /** From now on whoever opens a file waits, in the call of the system. */
  hang(): void;
  /** Ends that. Throws when nobody waits, which would prove that nothing hung. */
  release(): void;
  die(): void;
  /** The environment that the thread has. */
  environment(): unknown;
}

export function fragileDisk(): FragileDisk {
  const built = builtCopy();
  const place = temporaryDirectory();
  const at = (name: string) => join(place, name);
  const hooks = `
    import fs from 'node:fs';
    const { existsSync, openSync } = fs;
    fs.openSync = (...args) => {
      if (existsSync(${JSON.stringify(at('die'))})) process.exit(7);
      if (existsSync(${JSON.stringify(at('hang'))})) fs.closeSync(openSync(${JSON.stringify(at('hang'))}, 'r'));
      return openSync(...args);
    };
    fs.writeFileSync(${JSON.stringify(at('environment'))}, JSON.stringify(process.env));`;
  writeFileSync(join(built, 'hooks.js'), hooks);
  const entry = join(built, entryName);
  writeFileSync(entry, `import './hooks.js';\n${readFileSync(entry, 'utf8')}`);
  return {
    built: join(built, 'index.js'),
    hang: () => void execFileSync('mkfifo', [at('hang')]),
    release() {
      renameSync(at('hang'), at('hung'));
      closeSync(openSync(at('hung'), constants.O_WRONLY | constants.O_NONBLOCK));
    },
    die: () => writeFileSync(at('die'), ''),
    environment: () => JSON.parse(readFileSync(at('environment'), 'utf8')) as unknown,
  };
}
