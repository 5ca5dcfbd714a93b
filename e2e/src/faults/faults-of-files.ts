import { execFileSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Fault, goesOn, refuses } from './fault.ts';
import { type FilesStorage, filesStorage } from './storage.ts';

/** The one data file of a session that nobody writes now. */
export function dataFileOf(directory: string, handle: string): string {
  const place = join(directory, handle.slice(0, 2), handle);
  const stamp = join(place, onlyNameIn(place));
  return join(stamp, onlyNameIn(stamp));
}

function onlyNameIn(directory: string): string {
  const [name, ...others] = readdirSync(directory);
  if (name === undefined || others.length > 0) throw new Error(`Not one name in ${directory}: ${others.join(' ')}`);
  return name;
}

const nul = (file: string, bytes: number): void => writeFileSync(file, Buffer.alloc(bytes));

/** What may become of a file. What is made in its place has another kind. */
const damages: readonly ((file: string, kept: string) => void)[] = [
  (file) => truncateSync(file, 0),
  (file) => truncateSync(file, 20),
  (file) => nul(file, 200),
  (file) => writeFileSync(file, '{"user":"mallory"}'),
  (file) => replaceBy(file, () => mkdirSync(file)),
  (file) => replaceBy(file, () => void execFileSync('mkfifo', [file])),
  (file, kept) => replaceBy(file, () => symlinkSync(kept, file)),
];

function replaceBy(file: string, make: () => void): void {
  rmSync(file);
  make();
}

/** A user without rights of its own. */
const nobody = 65_534;

async function filesOfNobody(): Promise<FilesStorage> {
  const files = await filesStorage();
  for (const path of [files.home, files.directory]) chownSync(path, nobody, nobody);
  return { ...files, uid: nobody };
}

export const faultsOfFiles: readonly Fault<FilesStorage>[] = [
  {
    id: 'F25',
    name: 'files of sessions are damaged',
    how: 'cut, emptied, NUL, foreign; a directory, a FIFO, a symbolic link',
    storage: filesStorage,
    expects: (during) => refuses(during) ?? goesOn(during),
    async begin({ storage: { home, directory }, load }) {
      const bystanders = await load.bystanders(damages.length);
      const files = bystanders.map(({ handle }) => dataFileOf(directory, handle));
      const keptAt = (at: number): string => join(home, `kept ${at}`);
      for (const [at, damage] of damages.entries()) {
        const file = files[at] ?? '';
        copyFileSync(file, keptAt(at));
        damage(file, keptAt(at));
      }
      return async () => {
        for (const [at, file] of files.entries()) {
          rmSync(file, { recursive: true });
          copyFileSync(keptAt(at), file);
          chmodSync(file, 0o600);
        }
        return `${files.length} files, which were left alone`;
      };
    },
  },
  {
    id: 'F22',
    name: 'the rights to the directory are taken away',
    how: 'chmod 000; the app is not root',
    missing: () => (process.getuid?.() === 0 ? undefined : 'needs root, to start the app as another user'),
    storage: filesOfNobody,
    expects: refuses,
    async begin({ storage: { directory } }) {
      chmodSync(directory, 0o000);
      return async () => {
        chmodSync(directory, 0o700);
        return 'chmod 000, chmod 700';
      };
    },
  },
  {
    id: 'F26',
    name: 'a symbolic link lies in the place of the directory',
    how: 'mv, ln -s to a directory of somebody else',
    storage: filesStorage,
    expects: refuses,
    async begin({ storage: { home, directory } }) {
      const [moved, theirs] = [join(home, 'moved'), join(home, 'theirs')];
      mkdirSync(theirs, { mode: 0o700 });
      symlinkSync(theirs, join(home, 'link'));
      renameSync(directory, moved);
      renameSync(join(home, 'link'), directory);
      return async () => {
        rmSync(directory);
        renameSync(moved, directory);
        const followed = readdirSync(theirs);
        if (followed.length > 0) throw new Error(`The link was followed: ${followed.join(' ')}`);
        return 'nothing was written through the link';
      };
    },
  },
  {
    id: 'F29',
    name: 'the lock of the sweep was left by a process that died',
    how: 'the directory of the lock, an hour old, then one that is an hour ahead',
    storage: filesStorage,
    expects: goesOn,
    async begin({ storage: { directory } }) {
      const lock = join(directory, 'locks', 'sweep');
      rmSync(lock, { recursive: true, force: true });
      mkdirSync(lock, { recursive: true, mode: 0o700 });
      const anHour = 3_600;
      const now = Date.now() / 1_000;
      utimesSync(lock, now - anHour, now - anHour);
      await pause(500);
      if (existsSync(lock)) utimesSync(lock, now + anHour, now + anHour);
      return async () => {
        rmSync(lock, { recursive: true, force: true });
        return 'nobody waited for the lock';
      };
    },
  },
];
