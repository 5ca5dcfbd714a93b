import fs from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { SessError } from '@sess/core/internal/thread';
import { obstacleOn } from './directory-obstacle.ts';
import { errorCode, isDenied, replaced } from './faults.ts';
import { namesIn, statusOf } from './files.ts';
import { isShard } from '../layout/paths.ts';

/** What identifies the directory that was opened at start-up. */
export interface FoundDirectory {
  /** Free of symbolic links. */
  path: string;
  ino: number;
  dev: number;
  uid: number;
}

/** The directory that all sessions lie in, as it was found at start-up. */
export interface SessionDirectory {
  found: FoundDirectory;
  path: string;
  locks: string;
  owners: string;
  /**
   * Makes sure that the directory is still the one that was opened: what is not found in another one,
   * a link or an empty mount point, is not absent.
   *
   * @throws SessError `STORE_UNAVAILABLE`
   */
  verify(): Promise<void>;
  /** The same, unless it was done a moment ago. */
  verifyNowAndThen(): Promise<void>;
}

const verifiedForMs = 100;

/**
 * Opens the session directory, and creates it where it is missing. Synchronous: this is start-up.
 *
 * @throws SessError `FS_DIRECTORY` says what is wrong with it, `FS_UNSUPPORTED`, `CONFIG_INVALID`
 */
export function openSessionDirectory(directory: string, platform: NodeJS.Platform): SessionDirectory {
  if (platform === 'win32') {
    throw new SessError(
      'FS_UNSUPPORTED',
      '@sess/fs runs on Linux and macOS. On Windows use @sess/redis, or run the app in WSL.',
    );
  }
  if (typeof directory !== 'string' || !isAbsolute(directory) || directory.includes('\0')) {
    throw new SessError(
      'CONFIG_INVALID',
      'The session directory must be an absolute path: fsStore({ directory: "/var/lib/app/sessions" }).',
    );
  }
  const path = create(directory);
  const { ino, dev, uid } = inspect(path);
  const opened = sessionDirectoryFound({ path, ino, dev, uid });
  // Where there are sessions already the directory of owners is restored when it is first used.
  const hasSessions = attempt(path, () => fs.readdirSync(path)).some(isShard);
  for (const inside of [opened.locks, opened.owners]) {
    const isRestored = inside === opened.owners && hasSessions;
    if (!isRestored) attempt(path, () => fs.mkdirSync(inside, { mode: 0o700, recursive: true }));
    const owner = attempt(path, () => fs.lstatSync(inside, { throwIfNoEntry: false }))?.uid ?? uid;
    if (owner !== uid) throw foreignInside(path, inside, owner);
  }
  keepFromCleaners(path);
  return opened;
}

/**
 * An empty directory that looks old is removed by cleaners of temporary directories, and this one is never made again
 * while the app runs: it could have been moved away, with all sessions in it. So it is not empty. `systemd-tmpfiles`
 * leaves files with the sticky bit alone (https://specifications.freedesktop.org/basedir-spec/latest/).
 */
function keepFromCleaners(path: string): void {
  try {
    fs.closeSync(fs.openSync(join(path, 'keep'), fs.constants.O_CREAT | fs.constants.O_NOFOLLOW, 0o1600));
  } catch {
    // Such as a full disk. The first session that is stored does the same.
  }
}

/**
 * Refuses a shard that another user made, as happens when the app once ran as root: each session in it would be a fault.
 *
 * @throws SessError `FS_DIRECTORY`
 */
export async function refuseForeignShards({ path }: SessionDirectory): Promise<void> {
  for (const name of await namesIn(path)) {
    if (!isShard(name)) continue;
    const { uid } = await statusOf(join(path, name));
    if (uid !== process.geteuid?.()) throw foreignInside(path, join(path, name), uid);
  }
}

/** The directory that was opened, also for another thread: what lies there by now may be another directory. */
export function sessionDirectoryFound(found: FoundDirectory): SessionDirectory {
  const { path } = found;
  const locks = join(path, 'locks');
  const owners = join(path, 'owners');
  let verifiedAt = -Infinity;

  async function verify(): Promise<void> {
    let now: fs.Stats;
    try {
      now = await statusOf(path);
    } catch (error) {
      const isGone = errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR';
      throw isGone ? replaced(path, 'was removed', error) : error;
    }
    const isSame = now.isDirectory() && now.ino === found.ino && now.dev === found.dev && now.uid === found.uid;
    if (!isSame) throw replaced(path, 'was replaced');
    verifiedAt = performance.now();
  }

  return {
    found,
    path,
    locks,
    owners,
    verify,
    async verifyNowAndThen() {
      if (performance.now() - verifiedAt > verifiedForMs) await verify();
    },
  };
}

/** Links on the way to the directory are followed here, once; the directory itself must not be one. */
function create(directory: string): string {
  const name = basename(directory);
  return attempt(directory, () => {
    // Others may enter what lies above, unless the umask says otherwise: it may be root who makes it for the app's user.
    fs.mkdirSync(dirname(directory), { mode: 0o755, recursive: true });
    const path = name === '' ? directory : join(fs.realpathSync(dirname(directory)), name);
    try {
      fs.mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
    return path;
  });
}

function inspect(path: string): fs.Stats {
  const stats = attempt(path, () => fs.lstatSync(path));
  if (stats.isSymbolicLink()) throw refusal(path, 'is a symbolic link', 'Name the directory that it points to');
  if (!stats.isDirectory()) throw refusal(path, 'is not a directory', 'Name another one, or remove what lies there');
  if (stats.uid !== process.geteuid?.()) {
    throw refusal(
      path,
      `belongs to another user (uid ${stats.uid})`,
      `Run the app as that user, or: chown -R ${process.geteuid?.()} ${path}`,
    );
  }
  if ((stats.mode & 0o077) !== 0) throw refusal(path, 'is open to other users', `Close it: chmod 700 ${path}`);
  attempt(path, () => fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK));
  refuseForeignWay(path);
  return stats;
}

/**
 * Below a directory that everybody may write to, like /tmp, the next one on the way could have been
 * put there by anybody, who could then exchange what lies below it.
 */
function refuseForeignWay(path: string): void {
  for (let below = path, above = dirname(path); above !== below; below = above, above = dirname(above)) {
    const { mode } = attempt(path, () => fs.lstatSync(above));
    if ((mode & 0o002) === 0) continue;
    const { uid } = fs.lstatSync(below);
    if ((mode & 0o1000) === 0)
      throw refusal(
        path,
        `lies in ${above}, where everybody may replace it`,
        `Name a directory elsewhere, or: chmod +t ${above}`,
      );
    if (uid !== 0 && uid !== process.geteuid?.())
      throw refusal(path, `lies in ${below}, which belongs to another user`, 'Name a directory elsewhere');
  }
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const obstacle = isDenied(error) ? obstacleOn(path) : undefined;
    const what = `cannot be used (${errorCode(error) ?? 'unknown error'})`;
    if (obstacle === undefined)
      throw refusal(path, what, 'The app needs the right to create, read and write it', error);
    throw refusal(
      path,
      `${what}: the app runs as uid ${process.geteuid?.()}, ${obstacle.what}`,
      obstacle.advice,
      error,
    );
  }
}

function foreignInside(path: string, inside: string, uid: number): SessError {
  return refusal(
    path,
    `holds ${inside}, which belongs to another user (uid ${uid})`,
    `As root: chown -R ${process.geteuid?.()} ${path}`,
  );
}

function refusal(path: string, what: string, advice: string, cause?: unknown): SessError {
  return new SessError('FS_DIRECTORY', `The session directory ${path} ${what}. ${advice}.`, { cause });
}
